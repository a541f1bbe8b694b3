# SPDX-License-Identifier: Apache-2.0
"""Servers, daemons and keys for the integration tests. SR_BIN names the folder of the programs.

A Lab starts everything and stops it again by pid, also when a test fails; then it prints the logs.
Nothing waits by sleeping: wait_for() asks until a deadline.
"""

import collections
import contextlib
import datetime
import itertools
import json
import os
import random
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import nats_client
from queue_files import segments

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("SR_BIN", ROOT / "build-dev" / "bin"))
TOOLS = BIN.parent / "tests" / "tools"
SYSLOG = BIN / "serviceradar-syslog"
NETFLOW = BIN / "serviceradar-netflow"
TRAPD = BIN / "serviceradar-trapd"
PROVISION = BIN / "serviceradar-provision"
SLOW = os.environ.get("SR_SLOW") == "1"

WINDOW = 4096  # the messages that the publisher may have in flight
SUBJECT = "logs.syslog"


def server_program():
    """The nats-server that tests start: the first in PATH."""
    return shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin")


def server_version():
    done = subprocess.run([server_program(), "--version"], capture_output=True, text=True,
                          timeout=10, check=True)
    return tuple(int(n) for n in re.search(r"(\d+)\.(\d+)\.(\d+)", done.stdout).groups())


def free_port(kind=socket.SOCK_STREAM):
    """Not one of those that the kernel gives to others, so that it is free after a restart too."""
    while True:
        port = random.randrange(10000, 32000)
        with socket.socket(socket.AF_INET, kind) as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


# Runs a program as systemd starts a service with sockets: they are its descriptors from 3 on.
ACTIVATE = """
import fcntl, os, sys
names, numbers, command = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
copies = [fcntl.fcntl(int(n), fcntl.F_DUPFD_CLOEXEC, 3 + len(numbers)) for n in numbers]
for n in numbers:
    os.set_inheritable(int(n), False)
for place, copy in enumerate(copies, 3):
    os.dup2(copy, place)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(numbers)), LISTEN_FDNAMES=names)
os.execvp(command[0], command)
"""


def activation(sockets):
    """What passes the sockets of a list of (name, socket): a prefix of the command, and options."""
    names, numbers = ":".join(n for n, _ in sockets), [s.fileno() for _, s in sockets]
    prefix = ["/usr/bin/python3", "-SEc", ACTIVATE, names, ",".join(map(str, numbers))]
    return prefix, {"pass_fds": numbers}


def wait_for(what, condition, timeout=15):
    """Returns the first true value of condition(); fails naming `what` after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout} s: {what}"
        time.sleep(0.02)


# ---- Keys and certificates ----

class Authority:
    """A root of trust that writes certificates into a folder as NAME.pem and NAME-key.pem."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = self._write(name, self.key, self._build(self.subject, self.key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True))

    def _build(self, subject, key):
        day = datetime.timedelta(days=1)
        now = datetime.datetime.utcnow()
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now - day).not_valid_after(now + day))

    def _write(self, name, key, builder):
        file = self.folder / f"{name}.pem"
        pem = serialization.Encoding.PEM
        file.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(pem))
        (self.folder / f"{name}-key.pem").write_bytes(key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return file

    def issue(self, name):
        """A pair for localhost, server and client; returns its two paths."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        cert = self._write(name, key, self._build(subject, key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
        ).add_extension(x509.ExtendedKeyUsage(uses), critical=False))
        return cert, cert.with_name(f"{name}-key.pem")


# ---- NATS ----

class ApiError(Exception):
    """JetStream answered with an error."""


Message = collections.namedtuple("Message", "subject headers body")


def parse_headers(data):
    lines = (data or b"").decode().split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines if ": " in line)


class Client(nats_client.Client):
    """Any user, with or without TLS; knows JetStream."""

    def __init__(self, port, creds=None, ca=None, cert=None, key=None, user=None, password=None,
                 timeout=10):
        if creds is not None:
            super().__init__(port, creds, ca, cert, key, timeout)
            return
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        self._plain_line(self.sock)
        if ca is not None:
            context = ssl.create_default_context(cafile=str(ca))
            if cert is not None:
                context.load_cert_chain(str(cert), str(key))
            self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        self.file = self.sock.makefile("rb")
        options = {"verbose": False, "pedantic": False, "lang": "test", "version": "0",
                   "protocol": 1, "headers": True, "no_responders": True,
                   "user": user, "pass": password}
        self.send(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
        self.flush()

    def api(self, verb, body=None):
        text = json.dumps(body).encode() if body is not None else b""
        reply = self.request(f"$JS.API.{verb}", text, "_INBOX." + secrets.token_hex(8))
        if reply is None:
            raise ApiError("JetStream is not there")
        answer = json.loads(reply)
        if "error" in answer:
            raise ApiError(answer["error"].get("description"))
        return answer

    def add_stream(self, name="events", subjects=(SUBJECT, SUBJECT + ".deadletter"), **config):
        return self.api(f"STREAM.CREATE.{name}", {
            "name": name, "subjects": list(subjects), "storage": "file", "retention": "limits",
            "discard": "new", "num_replicas": 1, "max_bytes": 1 << 28,
            "duplicate_window": 120 * 10**9, **config})

    def update_stream(self, name="events", **changes):
        config = self.api(f"STREAM.INFO.{name}")["config"]
        config.update(changes)
        return self.api(f"STREAM.UPDATE.{name}", config)

    def count(self, stream="events"):
        return self.api(f"STREAM.INFO.{stream}")["state"]["messages"]

    def messages(self, stream="events"):
        """All messages of a stream in its order, through a consumer that needs no acks."""
        count = self.count(stream)
        inbox, reply = (f"_INBOX.{secrets.token_hex(8)}.{n}" for n in ("all", "made"))
        config = {"deliver_subject": inbox, "ack_policy": "none", "deliver_policy": "all",
                  "replay_policy": "instant", "inactive_threshold": 10**9}
        self.subscribe(inbox, "7")
        self.subscribe(reply, "8")
        # Not request(), which passes over the messages that come before its reply.
        self.publish(f"$JS.API.CONSUMER.CREATE.{stream}", json.dumps(
            {"stream_name": stream, "config": config}).encode(), reply)
        out = []
        while len(out) < count:
            event = self.read()
            if event[0] == "MSG" and event[1] == reply:
                assert b'"error"' not in event[3], event[3]
            elif event[0] == "MSG":
                out.append(Message(event[1], parse_headers(event[2]), event[3]))
        self.send(b"UNSUB 7\r\nUNSUB 8\r\n")
        return out


class Process:
    """A child with its output in a file; stopped by pid."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.log = lab.dir / f"{name}.log"
        self.process, self.killed, self.stands_still = None, False, False
        lab.processes.append(self)

    def spawn(self, argv, **options):
        with open(self.log, "ab") as log:
            argv = [str(a) for a in (*self.lab.prefix, *argv)]
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **{
                "stdout": log, "stderr": log, "cwd": self.lab.dir, **options})

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def send_signal(self, number):
        self.process.send_signal(number)
        if number in (signal.SIGSTOP, signal.SIGCONT):
            self.stands_still = number == signal.SIGSTOP

    def end(self, number=signal.SIGTERM, timeout=30):
        """Sends the signal, waits for the end and returns the exit code."""
        if self.running():
            # Never after the signal: LeakSanitizer stops all threads at exit, and a SIGCONT that
            # comes then takes back a stop that it goes on to wait for.
            if self.stands_still:
                self.send_signal(signal.SIGCONT)
            self.send_signal(number)
        return self.process.wait(timeout)

    def put_down(self):
        if self.running():
            self.send_signal(signal.SIGCONT)
            self.killed = True
            self.process.kill()
            self.process.wait(10)

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def check(self):
        """Called at the end of a test that passed."""


class Server(Process):
    """A nats-server with JetStream on its own port and store."""

    def __init__(self, lab, name="server", port=None, text="", tls=None):
        super().__init__(lab, name)
        self.port = port if port is not None else free_port()
        self.user = {}
        self.conf = lab.dir / f"{name}.conf"
        tls_text = ""
        if tls is not None:
            cert, key, ca = tls
            tls_text = f'tls {{ cert_file: "{cert}", key_file: "{key}"'
            tls_text += f', ca_file: "{ca}", verify: true }}\n' if ca is not None else " }\n"
            self.user = {"ca": lab.authority().file}
        self.conf.write_text(
            f'server_name: {name}\nlisten: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{lab.dir}/{name}.store", max_file_store: 8GB }}\n'
            f"{tls_text}{text}\n")

    def start(self):
        self.spawn([server_program(), "-c", self.conf])
        self.await_port()
        return self

    def await_port(self):
        def answers():
            assert self.running(), self.text()
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        wait_for("nats-server accepts connections", answers)

    def client(self, **options):
        return Client(self.port, **{**self.user, **options})

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    @property
    def tls_url(self):
        return f"tls://localhost:{self.port}"


class World(Server):
    """The server of a local world that serviceradar-provision made, with two tenants."""

    def __init__(self, lab, name="world"):
        Process.__init__(self, lab, name)
        self.port, self.user = free_port(), {}
        self.dir = lab.dir / name
        self.conf = self.dir / "nats-server.conf"
        subprocess.run([PROVISION, "dev", "--dir", self.dir, "--port", str(self.port)], check=True,
                       capture_output=True, timeout=60)

    def client(self, tenant="acme", **_):
        tls = self.dir / tenant / "tls"
        return Client(self.port, self.dir / tenant / "creds" / "platform.creds",
                      self.dir / "tls" / "ca.pem", tls / "platform.pem", tls / "platform-key.pem")

    def nats(self, tenant="acme", user="syslog", **changes):
        """The `nats` section of a tenant's collector."""
        folder = self.dir / tenant
        return {"url": [self.tls_url], "creds_file": str(folder / "creds" / f"{user}.creds"),
                "tls": {"ca_file": str(self.dir / "tls" / "ca.pem"),
                        "cert_file": str(folder / "tls" / "collector.pem"),
                        "key_file": str(folder / "tls" / "collector-key.pem")}, **changes}


INFO = {"server_id": "X", "server_name": "fake", "version": "2.9.10", "proto": 1,
        "host": "127.0.0.1", "headers": True, "max_payload": 1048576}


def greet(s, **info):
    s.sendall(b"INFO " + json.dumps({**INFO, **info}).encode() + b"\r\n")


class FakeServer:
    """Accepts TCP on a port, sends an INFO and hands each connection to serve(socket)."""

    def __init__(self, lab, info, serve, port=None):
        self.info, self.serve = info, serve
        self.listener = socket.create_server(("127.0.0.1", port or 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.accepted, self.ended = [], []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        lab.fakes.append(self)

    def _run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.accepted.append(s)
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, s):
        try:
            greet(s, **{"port": self.port, **self.info})
            self.serve(s)
        except OSError:
            pass
        finally:
            self.ended.append(s)

    def close(self):
        if self.listener.fileno() >= 0:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), as close() does not
            self.listener.close()
        self.thread.join(5)
        for s in self.accepted:
            s.close()
        self.accepted = []


def speak(s, on_publish):
    """NATS after the greeting, as far as a publisher needs it: on_publish(inbox, sid, id, body)."""
    lines, sid = s.makefile("rb"), b""
    for line in lines:
        words = line.split()
        if words[0] == b"PING":
            s.sendall(b"PONG\r\n")
        elif words[0] == b"SUB":
            sid = words[-1]
        elif words[0] == b"HPUB":
            data = lines.read(int(words[4]) + 2)
            message_id = parse_headers(data[:int(words[3])])["Nats-Msg-Id"]
            on_publish(words[2], sid, message_id, data[int(words[3]):-2])


class Relay:
    """Forwards TCP to a server. serve(socket), when there is one, gets the next connections. While
    `answers` is false, what the server says is lost.
    """

    def __init__(self, lab, port):
        self.target, self.serves, self.pairs = port, [], []
        self.accepted = self.refused = 0
        self.answers = True
        self.flowing = threading.Event()
        self.flowing.set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        lab.fakes.append(self)

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def _run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.serves:
                threading.Thread(target=self._serve, args=(self.serves.pop(0), s),
                                 daemon=True).start()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target), 10)
            except OSError:
                s.close()
                continue
            self.pairs.append((s, server))
            for a, b in ((s, server), (server, s)):
                threading.Thread(target=self._copy, args=(a, b, server), daemon=True).start()

    def _serve(self, serve, s):
        try:
            serve(s)
        except OSError:
            pass
        finally:
            s.close()

    def _copy(self, a, b, server):
        try:
            while data := a.recv(65536):
                self.flowing.wait()
                if self.answers or b is server:
                    b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Breaks the connections that there are."""
        for pair in self.pairs:
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []

    def close(self):
        self.flowing.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()
        self.thread.join(5)


def delay_proxy(lab, port, milliseconds):
    """The port of a link to a server that takes so long in each direction."""
    process = Process(lab, "delay")
    process.spawn([TOOLS / "delay_proxy", port, milliseconds], stdout=subprocess.PIPE)
    with process.process.stdout as out:
        return int(out.readline())


# ---- The daemon ----

class Daemon(Process):
    """A collector with one listener or more. `config` is merged over a working one.

    With held=True the test holds the sockets, as systemd does, and each start is handed them: what
    is sent while no daemon runs waits there.
    """

    def __init__(self, lab, name="syslog", server=None, listeners=None, prefix=(), held=False,
                 program=SYSLOG, **config):
        super().__init__(lab, name)
        self.program = program
        self.prefix = list(prefix)
        self.held = []  # (name, socket)
        self.conf = lab.dir / f"{name}.yaml"
        self.metrics_port = free_port()
        self.listeners = []
        for given in listeners if listeners is not None else [{}]:
            if held:
                listen = self.hold(f"input-{len(self.listeners)}", given.get("workers", 1))
            else:
                listen = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
            # Most tests are about the way of a message: its text is as it came then.
            strict = {"format": "rfc3164"} if program == SYSLOG else {}
            self.listeners.append({"listen": listen, **strict, **given})
        self.config = {"listeners": self.listeners,
                       "metrics": {"listen": f"127.0.0.1:{self.metrics_port}"}, **config}
        self.config["queue"] = {"dir": str(lab.dir / f"{name}.queue"), **config.get("queue", {})}
        self.queue_dir = Path(self.config["queue"]["dir"])
        if server is not None:
            self.config["nats"] = {"url": [server.url], **config.get("nats", {})}
        self.write()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        lab.sockets.append(self.socket)

    def hold(self, name, count):
        """Binds the sockets of a listener, one a worker, all on one port."""
        port = 0
        for _ in range(count):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.lab.sockets.append(s)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            s.bind(("127.0.0.1", port))
            port = s.getsockname()[1]
            self.held.append((name, s))
        return f"fd://{name}"

    def write(self):
        self.conf.write_text(json.dumps(self.config, indent=1) + "\n")  # JSON is YAML

    def argv(self):
        return [self.program, "--config", self.conf]

    def start(self, **options):
        return self.run(*self.argv(), **options)

    def run(self, *argv, **options):
        passing, more = activation(self.held) if self.held else ([], {})
        self.spawn([*self.prefix, *passing, *argv], **more, **options)
        wait_for("the daemon is ready", lambda: self.ready() or not self.running())
        assert self.running(), self.text()
        return self

    def launch(self):
        """A start that need not become ready: returns when it serves its numbers."""
        self.spawn([*self.prefix, *self.argv()])

        def answers():
            assert self.running(), self.text()
            try:
                return self.get("/ledger")
            except OSError:
                return None
        wait_for("the daemon answers", answers)
        return self

    def refuses(self):
        """A start that must fail at run time: the lines it logs."""
        done = self.lab.run("--config", self.conf, prefix=self.prefix)
        assert done.returncode == 1, done.stderr
        return done.stderr

    def ready(self):
        try:
            return self.get("/readyz") is not None
        except OSError:
            return False

    def unready(self):
        """Why /readyz says no; None when it says yes."""
        try:
            self.get("/readyz")
        except urllib.error.HTTPError as e:
            return e.read().decode()
        return None

    def get(self, path):
        url = f"http://127.0.0.1:{self.metrics_port}{path}"
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.read().decode()

    def ledger(self, listener=0):
        return json.loads(self.get("/ledger"))["listeners"][listener]

    def metric(self, name, **labels):
        """The sum of the values of a metric that have these labels."""
        total = 0
        for line in self.get("/metrics").splitlines():
            if line.startswith(f"serviceradar_{name}") and line[len(name) + 13] in " {" and all(
                    f'{k}="{v}"' in line for k, v in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def address(self, listener=0):
        listen = self.listeners[listener]["listen"]
        for name, held in self.held:
            if listen == f"fd://{name}":
                return held.getsockname()
        host, port = listen[len("udp://"):].rsplit(":", 1)
        return host, int(port)

    def send(self, datagrams, rate=None, listener=0):
        """Sends datagrams, `rate` of them a second; else some 20,000."""
        address, start = self.address(listener), time.monotonic()
        for i, datagram in enumerate(datagrams):
            self.socket.sendto(datagram, address)
            ahead = (i + 1) / (rate or 20000) - (time.monotonic() - start)
            if ahead > 0.002:
                time.sleep(ahead)  # the pace of the load; nothing waits for it

    def feed(self, datagrams, listener=0):
        """Sends datagrams no faster than they are received, so that no socket overflows."""
        waiting, total = list(datagrams), self.ledger(listener)["received"]
        for i in range(0, len(waiting), 200):
            chunk = waiting[i:i + 200]
            self.send(chunk, listener=listener, rate=10**6)
            total += len(chunk)
            self.await_received(total, listener)
        # What was received is in the queue, or counted, a moment later.
        wait_for("the ledger to balance", lambda: self.ledger(listener)["balanced"])

    def segments(self):
        return segments(self.queue_dir)

    def send_all(self, load, count):
        """Sends lines no faster than they are received, however slow the machine is."""
        for first in range(0, count, 500):
            self.send(load.lines(min(500, count - first)))
            self.await_received(load.sent, timeout=60)

    def await_received(self, count, listener=0, timeout=15):
        wait_for(f"{self.name} received {count}",
                 lambda: self.ledger(listener)["received"] >= count, timeout)

    def settled(self, received, listener=0, timeout=30):
        """The ledger once everything received is stored or given up; it must be balanced."""
        def done():
            ledger = self.ledger(listener)
            # Unbalanced is what was received and has not entered the queue yet.
            return (ledger["received"] >= received and ledger["queued"] == 0
                    and ledger["balanced"] and ledger)
        ledger = wait_for(f"{self.name} settled {received} and balanced", done, timeout)
        assert ledger["received"] == received, ledger
        assert ledger["kernel_drops"] == 0, "the machine is too slow for this load"
        assert self.metric("output_unexpected_duplicates_total") == 0
        assert self.metric("output_garbage_acks_total") == 0
        return ledger

    def await_log(self, text, timeout=15):
        wait_for(f"{self.name} logs {text!r}", lambda: text in self.text(), timeout)

    def lines(self, *texts):
        """The log lines that hold all these texts."""
        return [line for line in self.text().splitlines() if all(t in line for t in texts)]

    def resident_kib(self):
        """The resident set now."""
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())[1])

    def threads(self):
        return int(re.search(r"Threads:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def hup(self):
        self.send_signal(signal.SIGHUP)

    def stop(self, code=0):
        assert self.end() == code, self.text()

    def check(self):
        text = self.text()
        for sign in ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:",
                     "balanced=no"):
            assert sign not in text, f"{self.name}: {sign}"
        if self.process is not None and not self.killed:
            assert not self.running() and self.process.returncode >= 0, text


# ---- Load ----

_runs = itertools.count()


class Load:
    """Numbered syslog lines that no other test sends."""

    def __init__(self, size=0):
        self.mark, self.sent, self.padding = f"r{next(_runs)}-", 0, "x" * size

    def lines(self, count):
        first, self.sent = self.sent, self.sent + count
        for i in range(first, first + count):
            yield f"<13>Jan  2 03:04:05 host app: {self.mark}{i}. {self.padding}".encode()

    def numbers(self, messages):
        """The numbers in the order of the messages, each of which must hold one."""
        # smart knows `app: ` for the program
        sign = re.compile(rb'"short_message":"(?:app: )?' + self.mark.encode() + rb"(\d+)\.")
        found = [sign.search(m.body if isinstance(m, Message) else m) for m in messages]
        return [int(f[1]) for f in found if f is not None]


def check_once(messages, load, window=0):
    """Every line of the load is there exactly once, ids differ, and order is kept but for
    `window`."""
    numbers = load.numbers(messages)
    counts = collections.Counter(numbers)
    assert not [n for n, c in counts.items() if c > 1][:10], "stored twice"
    assert not [n for n in range(load.sent) if n not in counts][:10], "not stored"
    assert len(numbers) == load.sent
    ids = [m.headers["Nats-Msg-Id"] for m in messages]
    assert len(set(ids)) == len(ids)
    highest = worst = -1
    for n in numbers:
        highest = max(highest, n)
        worst = max(worst, highest - n)
    assert worst <= window, "disorder"


class Pump(threading.Thread):
    """Sends a load from a thread of its own at a steady rate until it is told to stop."""

    def __init__(self, daemon, load, rate):
        super().__init__(daemon=True)
        self.target_daemon, self.load, self.rate = daemon, load, rate
        self.stopping = threading.Event()
        self.start()

    def run(self):
        while not self.stopping.is_set():
            self.target_daemon.send(self.load.lines(max(1, self.rate // 20)), self.rate)

    def finish(self):
        self.stopping.set()
        self.join(10)
        assert not self.is_alive()


class Lab:
    """What one test runs."""

    def __init__(self, folder):
        self.dir = folder
        self.prefix = []  # of every command
        self.processes, self.fakes, self.sockets, self.disks = [], [], [], []
        self._authority = None

    def authority(self):
        if self._authority is None:
            self._authority = Authority(self.dir)
        return self._authority

    def server(self, **options):
        return Server(self, **options).start()

    def world(self):
        return World(self).start()

    def daemon(self, **options):
        return Daemon(self, **options).start()

    def run(self, *args, timeout=30, prefix=(), **options):
        """Runs the program to its end."""
        return subprocess.run([*map(str, prefix), str(SYSLOG), *map(str, args)], cwd=self.dir,
                              capture_output=True, text=True, timeout=timeout, check=False,
                              **options)

    def close(self):
        for process in reversed(self.processes):
            process.put_down()
        for fake in self.fakes:
            fake.close()
        for s in self.sockets:
            s.close()
        for disk in self.disks:
            disk.close()
        for process in self.processes:
            lines = process.text().splitlines()
            print(f"---- {process.log.name}", *lines[-60:], sep="\n")
