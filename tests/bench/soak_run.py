# SPDX-License-Identifier: Apache-2.0
"""One program under a steady load for a long time, with a server that comes and goes."""

import collections
import contextlib
import json
import secrets
import signal
import socket
import ssl
import statistics
import threading
import time
import types

import lab
import programs
from checker import Check, Evidence, Listener
from harness import SIGNS, Broken, Collector
from tls_desk import Signer

import soak_ledger
from soak_ledger import WINDOW, Numbers, Sample, Tally

RATES = {"syslog": 2000, "trapd": 500, "netflow": 300}  # datagrams a second
BATCHES = {"syslog": 1, "trapd": 1, "netflow": 50}      # records in a message
STREAM_AGE = 15 * 60    # seconds that the stream keeps a message: the reader is never so late
REWIND = 2 * WINDOW     # messages, of which the server may have forgotten some when it is killed
STRANGER_EVERY = 5      # connections until somebody comes who does not speak TLS
SETTLE = 90             # seconds


class Connections(programs.Lines):
    """Lines over TLS connections, each of which ends after some lines."""

    LINES = 100

    def __init__(self, collector, listener, schedule, ca):
        super().__init__(collector, listener, schedule)
        self.context = ssl.create_default_context(cafile=str(ca))
        self.stream, self.left, self.opened, self.paused = None, 0, 0, False

    def open(self):
        self.opened += 1
        if self.opened % STRANGER_EVERY == 0:
            with socket.create_connection(self.target, 15) as s, contextlib.suppress(OSError):
                s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        s = socket.create_connection(self.target, 15)
        self.stream = self.context.wrap_socket(s, server_hostname="localhost")
        self.left = self.LINES

    def close(self):
        if self.stream is not None:
            self.stream.unwrap().close()  # the listener has read all of it
            self.stream = None

    def send(self):
        with self.lock:
            if self.paused:
                return
            if self.stream is None:
                self.open()
            text = self.line(self.take(1))
            self.stream.sendall(b"%d %s" % (len(text), text))
            self.left -= 1
            if self.left == 0:
                self.close()
                self.open()

    def pause(self, paused):
        """Nobody holds what is on its way in a connection while a collector restarts."""
        with self.lock:
            self.paused = paused
            self.close()


class Sender(threading.Thread):
    """Sends to each listener at a rate of its own until it is told to stop."""

    def __init__(self, loads):
        super().__init__(daemon=True)
        self.loads = loads  # (load, datagrams a second)
        self.stopping = threading.Event()
        self.trouble = None

    def run(self):
        try:
            last = time.monotonic()
            due = [0.0] * len(self.loads)
            while not self.stopping.wait(0.01):
                now = time.monotonic()
                for i, (load, rate) in enumerate(self.loads):
                    # After a pause of this thread no burst comes that overflows a socket.
                    due[i] = min(due[i] + (now - last) * rate, rate / 4 + 1)
                    for _ in range(int(due[i])):
                        load.send()
                    due[i] -= int(due[i])
                last = now
        except Exception as e:  # pylint: disable=broad-exception-caught
            self.trouble = f"the sender: {e!r}"

    def finish(self):
        self.stopping.set()
        if self.is_alive():
            self.join(30)


class Reader(threading.Thread):
    """Reads a stream while it grows and counts the numbers in it. After each loss of the server it
    goes back a little: what a killed server had not acknowledged may have another place then."""

    def __init__(self, server, stream, loads):
        super().__init__(daemon=True)
        self.server, self.stream, self.loads = server, stream, loads
        self.numbers = [Numbers() for _ in loads]
        self.recent = collections.deque(maxlen=REWIND)
        self.next, self.foreign, self.gaps, self.read = 1, 0, 0, 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            with contextlib.suppress(OSError, lab.ApiError, AssertionError, ValueError):
                self.follow()
            self.stopping.wait(0.2)

    def rewind(self):
        while self.recent:
            self.next, listener, added = self.recent.pop()
            if added is None:
                self.foreign -= 1
            else:
                self.numbers[listener].undo(added)
            self.read -= 1

    def follow(self):
        with self.server.client(timeout=5) as client:
            self.rewind()
            inbox, reply = (f"_INBOX.{secrets.token_hex(8)}.{n}" for n in ("all", "made"))
            client.subscribe(inbox, "7")
            client.subscribe(reply, "8")
            client.publish(f"$JS.API.CONSUMER.CREATE.{self.stream}", json.dumps(
                {"stream_name": self.stream, "config": {
                    "deliver_subject": inbox, "ack_policy": "none", "replay_policy": "instant",
                    "deliver_policy": "by_start_sequence", "opt_start_seq": self.next,
                    "inactive_threshold": 10**10}}).encode(), reply)
            while not self.stopping.is_set():
                self.take(client)

    def take(self, client):
        line = client.file.readline()
        words = line.decode().split()
        if not words:
            raise ConnectionError("the server closed the connection")
        if words[0] == "PING":
            client.send(b"PONG\r\n")
        elif words[0] in ("MSG", "HMSG"):
            data = client.file.read(int(words[-1]) + 2)[:-2]
            if words[2] == "7":
                head = int(words[-2]) if words[0] == "HMSG" else 0
                self.count(words[1], int(words[3].split(".")[5]),
                           lab.parse_headers(data[:head]), data[head:])
            elif b'"error"' in data:
                raise lab.ApiError(data)

    def count(self, subject, place, headers, body):
        if place != self.next:
            self.gaps += 1
        message = lab.Message(subject, headers, body)
        for listener, load in enumerate(self.loads):
            numbers = load.numbers(message)
            if numbers is not None:
                added = self.numbers[listener].add(numbers, subject.endswith(".deadletter"))
                break
        else:
            listener, added = None, None
            self.foreign += 1
        self.recent.append((place, listener, added))
        self.next, self.read = place + 1, self.read + 1

    def finish(self):
        self.stopping.set()
        self.join(15)


class Soak:
    """One program, in a folder of its own."""

    def __init__(self, options, folder, say=print):
        self.o, self.dir, self._say = options, folder, say
        self.lab = lab.Lab(folder)
        self.lab.prefix = ["setpriv", "--pdeathsig", "KILL"]
        self.kind = programs.PROGRAMS[options.program]
        self.schedule = types.SimpleNamespace(
            program=options.program, durability="spill", buffer=32 << 20, size=300, seed=1,
            listeners=2 if options.program == "trapd" else 1, batch=BATCHES[options.program])
        self.loads, self.connections, self.complaints, self.samples = [], None, [], []
        self.began, self.disturbed, self.warm = time.monotonic(), time.monotonic(), False
        self.outages = self.reloads = self.peak = 0
        self.sender = self.reader = self.collector = None

    def say(self, text):
        self._say(f"{self.o.program:<8}{time.monotonic() - self.began:8.1f} s  {text}")

    # ---- Setting up ----

    def set_up(self):
        self.server = lab.Server(self.lab).start()
        with self.server.client() as c:
            c.add_stream(self.kind.stream, [self.kind.subject, self.kind.subject + ".deadletter"],
                         max_bytes=7 << 30, max_age=STREAM_AGE * 10**9)
        c = self.collector = Collector(self.lab, self.schedule, {"url": [self.server.url]},
                                       self.dir / "queue")
        c.config["queue"].update(memory="64MiB", disk="2GiB")
        c.config["shutdown_timeout"] = "10s"
        if self.o.program == "syslog":
            self.add_tls()
        c.write()
        self.make_loads()
        c.start()
        for load in self.loads:
            load.renew(c)
        c.await_log("connected to NATS")

    def add_tls(self):
        """A listener of connections beside that of datagrams."""
        self.authority = Signer(self.dir)
        cert, key = self.authority.issue("listener")
        self.collector.listeners.append({
            "listen": f"tls://127.0.0.1:{lab.free_port()}", "format": "rfc3164",
            "subject": self.kind.subject, "tls": {"cert_file": str(cert), "key_file": str(key)}})

    def make_loads(self):
        """Each with its part of the rate: most are datagrams that nobody answers."""
        rate = self.o.rate or RATES[self.o.program]
        c, s = self.collector, self.schedule
        if self.o.program == "syslog":
            self.connections = Connections(c, 1, s, self.authority.file)
            shares = [(programs.Lines(c, 0, s), 0.9), (self.connections, 0.1)]
        elif self.o.program == "trapd":
            shares = [(programs.Traps(c, 0, s), 0.9), (programs.Informs(c, 1, s), 0.1)]
        else:
            shares = [(self.kind.load(c, 0, s), 1.0)]
        self.loads = [load for load, _ in shares]
        for load in self.loads:
            load.sizes = Tally()
        self.sender = Sender([(load, rate * share) for load, share in shares])
        self.reader = Reader(self.server, self.kind.stream, self.loads)

    # ---- What is done ----

    def kill_server(self, event):
        self.outage(event, signal.SIGKILL)

    def stop_server(self, event):
        self.outage(event, signal.SIGTERM)

    def outage(self, event, number):
        before = self.collector.metric("output_connects_total")
        self.server.end(number, 60)
        self.watch(event.hold)
        self.server.start()
        lab.wait_for("the collector is connected again", lambda: self.collector.metric(
            "output_connects_total") > before, SETTLE)
        self.outages += 1
        self.warm = self.outages >= soak_ledger.FIRST_OUTAGES

    def restart(self, _):
        c = self.collector
        if self.connections is not None:
            self.connections.pause(True)
            lab.wait_for("what was sent over connections is received", lambda: c.ledger(1)[
                "received"] == len(self.connections.sizes), SETTLE)
        lab.wait_for("what a stop must not lose is on disk", lambda: self.kind.remembers(c))
        c.sample()
        c.expected_end = True
        code = c.end(signal.SIGTERM)
        if code != 0:
            self.complaints.append(f"life {c.lives} exited with {code}")
        c.start()
        if self.connections is not None:
            self.connections.pause(False)

    def reload(self, _):
        """Another configuration each time: a network that nobody sends from is refused, or not."""
        c = self.collector
        for listener in c.listeners:
            listener["deny"] = [] if listener.get("deny") else ["192.0.2.0/24"]
        c.write()
        said = "the configuration is reloaded"
        before = len(c.lines(said))
        c.hup()
        lab.wait_for("the configuration is reloaded", lambda: len(c.lines(said)) > before)
        self.reloads += 1

    # ---- Looking ----

    def watch(self, seconds):
        """Takes samples for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.look()
            time.sleep(min(left, self.o.interval))

    def look(self):
        """A sample. What is there only for a moment, as a connection that comes and goes, is not in
        the middle one of a few readings."""
        c = self.collector
        if self.sender.trouble:
            raise Broken(self.sender.trouble)
        if not c.running():
            raise Broken(f"life {c.lives} ended by itself with {c.process.returncode}")
        readings = []
        for _ in range(5):
            readings.append((c.descriptors(), c.threads()))
            time.sleep(0.01)
        rss = c.resident_kib()
        self.peak = max(self.peak, rss)
        now = time.monotonic()
        with contextlib.suppress(OSError):
            waiting = sum(ledger["queued"] for ledger in c.ledgers())
            rest = (self.server.running() and now - self.disturbed > self.o.calm
                    and waiting < WINDOW)
            self.samples.append(Sample(round(now - self.began, 2), c.lives, rest, self.warm, rss,
                                       *map(statistics.median, zip(*readings))))

    # ---- The run ----

    def go(self):
        self.began = self.disturbed = time.monotonic()
        self.reader.start()
        self.sender.start()
        seconds = self.o.minutes * 60
        does = {"kill-server": self.kill_server, "stop-server": self.stop_server,
                "restart": self.restart, "reload": self.reload}
        for event in soak_ledger.plan(seconds, self.o.every, self.o.longest):
            self.watch(max(0, self.began + event.at - time.monotonic()))
            self.say(str(event))
            does[event.what](event)
            self.disturbed = time.monotonic()
        self.watch(max(0, self.began + seconds - time.monotonic()))
        if self.connections is not None:
            self.connections.pause(True)
        self.sender.finish()
        self.say(f"the load ends, {sum(load.sent for load in self.loads)} sent")
        lab.wait_for("everything is received and nothing waits", self.at_rest, SETTLE)
        lab.wait_for("the stream is read to its end", self.is_read, SETTLE)

    def at_rest(self):
        if not all([load.insist() for load in self.loads]):
            return False
        return all(ledger["queued"] == 0 and ledger["batching"] == 0 and ledger["balanced"]
                   and ledger["received"] + ledger["kernel_drops"] >= len(load.sizes)
                   for ledger, load in zip(self.collector.ledgers(), self.loads))

    def is_read(self):
        with self.server.client() as c:
            state = c.api(f"STREAM.INFO.{self.kind.stream}")["state"]
        return self.reader.next > state["last_seq"]

    def run(self):
        """The result, as plain data."""
        try:
            self.set_up()
            self.go()
        except (Broken, AssertionError, OSError, lab.ApiError) as e:
            self.say(str(e))
            self.complaints.append(str(e) or repr(e))
        finally:
            for thread in (self.sender, self.reader):
                if thread is not None and thread.ident is not None:
                    thread.finish()
        return self.judge()

    # ---- Judgement ----

    def evidence(self):
        c = self.collector
        c.sample()
        self.complaints += c.problems
        self.complaints += [str(p) for p in self.kind.problems(c, at_rest=True)]
        drops, listeners = c.socket_drops(), []
        for i, (load, ledger) in enumerate(zip(self.loads, c.ledgers())):
            self.complaints += load.complaints()
            reasons = {kind: c.reasons(kind, ledger["listener"])
                       for kind in ("dropped", "dropped_records", "consumed")}
            listeners.append(Listener(f"listener {i}", load.sent, drops[i], [ledger],
                                      sizes=load.sizes, requests=load.requests,
                                      unanswered=load.unanswered(), **reasons))
        return Evidence("spill", listeners, [], unexpected_duplicates=c.duplicates,
                        garbage_acks=c.garbage, batch=self.schedule.batch)

    def ledger_findings(self, evidence):
        check = Check(evidence)
        for listener, numbers in zip(evidence.listeners, self.reader.numbers):
            check.inputs(listener)
            check.balance(listener)
            check.reasons(listener)
            for text in soak_ledger.judge_numbers(
                    listener.name, numbers, listener.sent, WINDOW * evidence.batch,
                    ordered=not listener.requests):
                check.find("stored", text)
            lost = {k: listener.total(k) for k in ("dropped", "dropped_records", "kernel_drops")}
            for what, count in lost.items():
                if count:
                    check.find("losses", f"{listener.name}: {what} {count}, must be 0 here")
            if listener.unanswered:
                check.find("answers", f"{len(listener.unanswered)} informs have none")
        for what, count in (("unexpected duplicates", evidence.unexpected_duplicates),
                            ("acknowledgements that are none", evidence.garbage_acks),
                            ("messages that nobody sent", self.reader.foreign),
                            ("places of the stream that were not read", self.reader.gaps)):
            if count:
                check.find("stream", f"{what}: {count}")
        return [f"{f.what}: {f.text}" for f in check.findings]

    def judge(self):
        c, findings, evidence = self.collector, [], None
        try:
            evidence = self.evidence()
            findings += self.ledger_findings(evidence)
            c.expected_end = True
            code = c.end()
            if code != 0:
                findings.append(f"the last life exited with {code}")
        except (OSError, AttributeError) as e:
            findings.append(f"no ledger: {e!r}")
        text = c.text() if c is not None else ""
        for sign in SIGNS:
            findings += [f"the log says: {x}" for x in text.splitlines() if sign in x][:3]
        bounds = soak_ledger.Bounds(slope=self.o.slope, growth=self.o.growth,
                                    memory="asan" not in str(lab.BIN))
        findings += soak_ledger.judge_process(self.samples, bounds)
        return self.result(self.complaints + findings, evidence)

    def result(self, findings, evidence):
        some = soak_ledger.resting(self.samples)

        def ends(what):
            return [getattr(s, what) for s in (some[:1] + some[-1:])]
        ledgers = [listener.lives[-1] for listener in evidence.listeners] if evidence else []
        return {
            "program": self.o.program, "ok": not findings, "findings": findings,
            "minutes": self.o.minutes, "datagrams_per_second": self.o.rate or RATES[
                self.o.program],
            "outages": self.outages, "reloads": self.reloads,
            "lives": self.collector.lives if self.collector else 0,
            "datagrams": sum(len(load.sizes) for load in self.loads),
            "records": sum(load.sent for load in self.loads),
            "stored_once": sum(n.times.count(1) for n in self.reader.numbers)
            if self.reader else 0,
            "messages": self.reader.read if self.reader else 0,
            "places_late": max((n.late for n in self.reader.numbers), default=0)
            if self.reader else 0,
            "connections": self.connections.opened if self.connections else 0,
            "rss_kib": ends("rss"), "rss_peak_kib": self.peak,
            "rss_slope_kib_per_hour": round(soak_ledger.slope(some), 1),
            "rss_growth_kib": soak_ledger.growth(some) if some else 0,
            "slope_seconds": some[-1].at - some[0].at if some else 0,
            "descriptors": ends("descriptors"), "threads": ends("threads"),
            "ledgers": ledgers,
            "samples": [[s.at, s.life, int(s.rest), s.rss, s.descriptors, s.threads]
                        for s in self.samples[::max(1, len(self.samples) // 400)]]}

    def close(self):
        with contextlib.redirect_stdout(None):
            self.lab.close()
