# SPDX-License-Identifier: Apache-2.0
"""The receivers of syslog_bars, what they are sent, and one run of one of them.

All write JSON lines with the same facts to a file in memory. The receiver has the first processor
and the sender the second. A receiver's time is that of all its threads, in which the kernel's work for a
message is, but for what it does on behalf of the sender.
"""

import os
import subprocess
import time

from compare_runs import one_load
from measure import built, count_numbers, on_processor, wait_until_quiet
from receivers import PORTS, Run, receiver
from senders import Load

PEERS = built("tests", "bench", "idle_peers")
PORT = PORTS["syslog"]


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

def ours(*settings):
    """A start of ours with these settings; the format is `smart` when they name none."""
    def start(folder, transport):
        return Run(receiver("ours, `smart`", "syslog"), folder, transport, settings)
    return start


def rsyslog(folder, transport):
    return Run(receiver("rsyslog", "syslog"), folder, transport)


def why_not_rsyslog():
    """None, or what has to be done."""
    if receiver("rsyslog", "syslog").path():
        return None
    return "rsyslogd is not there: tests/bench/compare syslog --quick unpacks it"


# ---- Runs ----

def receive(start, folder, transport, messages, **options):
    """One run: CPU for a message, what became of the messages, and how long it took."""
    load = Load("syslog", transport=transport, count=messages, rate=options.get("r", 0),
                connections=options.get("s", 10), together=options.get("m", 1))
    with start(folder, transport) as run:
        result, _, drops = one_load(run, load, folder)
    stored = run.counted_after()
    return {"us": result.us, "drops": drops, "complete": stored == messages, "rate": result.rate,
            "rss": result.rss}


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
    with start(folder, "tls") as process:
        first = process.memory_kib()[1]
        begin = time.monotonic()
        with IdlePeers(folder, count, certificate) as peers:
            seconds = time.monotonic() - begin
            wait_until_quiet(process.out)
            then = process.memory_kib()[1]
            peers.send()
            wait_until_quiet(process.out)
            peak, last = process.memory_kib()
            sent = peers.sent
    lines, numbers = count_numbers(process.out)
    return {"first": first / 1024, "then": then / 1024, "last": last / 1024, "peak": peak / 1024,
            "complete": lines == numbers == sent, "rate": count / seconds}
