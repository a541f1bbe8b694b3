# SPDX-License-Identifier: Apache-2.0
"""The receivers of syslog_bars, what they are sent, and one run of one of them.

All write JSON lines with the same facts to a file in memory. The receiver has the first processor
and the sender the second. A receiver's time is utime and stime of its process, in which the
kernel's work for a message is, but for what it does on behalf of the sender.
"""

import contextlib
import json
import os
import shutil
import subprocess
import time

from measure import HERE, Process, built, count_numbers, socket_of, wait_for, wait_until_quiet

DAEMON = built("bin", "serviceradar-syslog")
BLAST = built("tests", "bench", "blast_syslog")
PEERS = built("tests", "bench", "idle_peers")
PORT = 15514
METRICS = "127.0.0.1:15621"
BUFFER = 4 << 20  # bytes that every receiver of datagrams asks the kernel for
SESSIONS = 10100  # that every receiver of connections allows

RSYSLOG_INPUTS = {
    "udp": 'module(load="imudp" threads="1" batchSize="256" timeRequery="8")\n'
           'input(type="imudp" address="127.0.0.1" port="%d" rcvbufSize="4m" ruleset="r")\n',
    "tcp": 'module(load="imptcp" threads="1")\n'
           'input(type="imptcp" address="127.0.0.1" port="%d" ruleset="r")\n',
    "tls": 'module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" '
           'streamDriver.authMode="anon" maxSessions="10100")\n'
           'input(type="imtcp" address="127.0.0.1" port="%d" ruleset="r")\n',
}


# ---- Processors ----

@contextlib.contextmanager
def on_processor(number):
    """What is started in here stays on that processor, if there are two."""
    all_of_them = os.sched_getaffinity(0)
    if len(all_of_them) > 1:
        os.sched_setaffinity(0, {sorted(all_of_them)[number]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)


def come_first():
    """Root's measurements go before what else the machine does."""
    if os.geteuid() == 0:
        os.setpriority(os.PRIO_PROCESS, 0, -10)


# ---- Certificates ----

def make_certificates(folder):
    """An authority, a server 127.0.0.1 and a client, all with RSA keys of 2048 bits."""
    def openssl(*words):
        subprocess.run(["openssl"] + list(words), cwd=folder, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-subj", "/CN=bench authority", "-days", "2")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"),
                            ("client", "extendedKeyUsage=clientAuth")):
        with open(os.path.join(folder, name + ".ext"), "w") as out:
            out.write(extension + "\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key",
                "-out", name + ".csr", "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", name + ".pem", "-days", "2",
                "-extfile", name + ".ext")


# ---- Receivers ----

def our_settings(folder, transport, settings=()):
    found = ["listeners.0.listen=%s://127.0.0.1:%d" % (transport, PORT), "output=file",
             "file.path=%s/out.json" % folder, "queue.dir=%s/queue" % folder,
             "metrics.listen=" + METRICS]
    if transport == "udp":
        found.append("listeners.0.receive_buffer=%d" % BUFFER)
    else:
        found += ["listeners.0.connections=%d" % SESSIONS,
                  "listeners.0.connections_per_source=0"]
    if transport == "tls":
        found += ["listeners.0.tls.cert_file=%s/server.pem" % folder,
                  "listeners.0.tls.key_file=%s/server.key" % folder]
    return [word for s in found + list(settings) for word in ("--set", s)]


def ours(*settings):
    def start(folder, transport):
        return Process([DAEMON] + our_settings(folder, transport, settings),
                       os.path.join(folder, "ours.log"))
    return start


def rsyslog(folder, transport):
    conf = os.path.join(folder, "rsyslog.conf")
    with open(os.path.join(HERE, "rsyslog.conf")) as text, open(conf, "w") as out:
        out.write(text.read().replace("INPUT", RSYSLOG_INPUTS[transport] % PORT)
                  .replace("DIR", folder))
    return Process(["rsyslogd", "-n", "-f", conf, "-i", os.path.join(folder, "pid")],
                   os.path.join(folder, "rsyslog.log"))


def why_not_ours(folder, transport, settings=()):
    """None, or why this build cannot be measured so."""
    run = subprocess.run([DAEMON, "--check-config"] + our_settings(folder, transport, settings),
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return None if run.returncode == 0 else run.stdout.decode().strip().splitlines()[0]


def why_not_rsyslog(transport):
    """None, or what has to be installed."""
    if not shutil.which("rsyslogd"):
        return "rsyslogd is not installed: apt-get install rsyslog rsyslog-openssl"
    found = subprocess.run(["sh", "-c", "ls /usr/lib/*/rsyslog/lmnsd_ossl.so"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if transport == "tls" and found.returncode != 0:
        return "rsyslogd has no TLS by OpenSSL: apt-get install rsyslog-openssl"
    return None


# ---- Runs ----

def is_ready(transport):
    if transport == "udp":
        return socket_of(PORT) is not None
    sought = ":%04X 00000000:0000 0A" % PORT  # listens, in the kernel's table
    with open("/proc/net/tcp") as lines:
        return any(sought in line for line in lines)


def blast(folder, transport, messages, **options):
    arguments = [BLAST, "-t", transport, "-p", str(PORT), "-n", str(messages),
                 "-a", os.path.join(folder, "ca.pem")]
    for flag, value in options.items():
        arguments += ["-" + flag, str(value)]
    with on_processor(1):
        out = subprocess.run(arguments, check=True, stdout=subprocess.PIPE)
    return json.loads(out.stdout)


@contextlib.contextmanager
def running(start, folder, transport):
    out = os.path.join(folder, "out.json")
    if os.path.exists(out):
        os.unlink(out)
    shutil.rmtree(os.path.join(folder, "queue"), ignore_errors=True)
    with contextlib.ExitStack() as stack:
        with on_processor(0):
            process = stack.enter_context(start(folder, transport))
        wait_for("the receiver", lambda: is_ready(transport))
        time.sleep(0.3)
        yield process


def receive(start, folder, transport, messages, **options):
    """One run: CPU for a message, what became of the messages, and how long it took."""
    out = os.path.join(folder, "out.json")
    with running(start, folder, transport) as process:
        before = process.cpu_seconds()
        sent = blast(folder, transport, messages, **options)
        wait_until_quiet(out)
        used = process.cpu_seconds() - before
        drops = socket_of(PORT)[1] if transport == "udp" else 0
        memory = process.memory_kib()
    lines, numbers = count_numbers(out)
    os.unlink(out)
    return {"us": used / max(lines, 1) * 1e6, "lines": lines, "drops": drops,
            "complete": lines == numbers == messages, "rate": messages / sent["seconds"],
            "rss": memory[0] / 1024}


class IdlePeers:
    """As many connections as are asked for, each of which has sent a message."""

    def __init__(self, folder, count, certificate):
        self.arguments = [PEERS, "-p", str(PORT), "-n", str(count),
                          "-a", os.path.join(folder, "ca.pem")]
        if certificate:
            self.arguments += ["-c", os.path.join(folder, "client.pem"),
                               "-k", os.path.join(folder, "client.key")]

    def __enter__(self):
        with on_processor(1):
            self.popen = subprocess.Popen(self.arguments, stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE)
        self.sent = int(self.popen.stdout.readline())
        return self

    def __exit__(self, *_):
        self.popen.stdin.close()
        self.popen.stdout.close()
        self.popen.wait(timeout=120)

    def send(self):
        """Each sends one more."""
        self.popen.stdin.write(b"\n")
        self.popen.stdin.flush()
        self.sent = int(self.popen.stdout.readline())


def idle(start, folder, count, certificate):
    """The resident set while peers say nothing: at first, with them, and after one more of each."""
    out = os.path.join(folder, "out.json")
    with running(start, folder, "tls") as process:
        first = process.memory_kib()[1]
        begin = time.monotonic()
        with IdlePeers(folder, count, certificate) as peers:
            seconds = time.monotonic() - begin
            wait_until_quiet(out)
            then = process.memory_kib()[1]
            peers.send()
            wait_until_quiet(out)
            peak, last = process.memory_kib()
            sent = peers.sent
    lines, numbers = count_numbers(out)
    os.unlink(out)
    return {"first": first / 1024, "then": then / 1024, "last": last / 1024, "peak": peak / 1024,
            "complete": lines == numbers == sent, "rate": count / seconds}
