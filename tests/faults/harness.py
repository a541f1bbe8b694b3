# SPDX-License-Identifier: Apache-2.0
"""Runs one schedule: a server, a wire, a collector under load, and what goes wrong with them."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import lab

from checker import Evidence, Listener, Stored, check, disorder, ranges
from faults import FAULTS
from programs import PROGRAMS
from proxy import Proxy
from schedule import DISK_BYTES

SO_MEMINFO, SK_MEMINFO_DROPS = 55, 8  # linux/sock_diag.h
LAST = 100             # datagrams that are sent when all faults are undone
SETTLE = 60            # seconds; the longest pause between attempts to connect is 10
SIGNS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:", "balanced=no",
         "BUG", "broken invariant")


class Broken(Exception):
    """The collector did something that ends the run; the text says what."""


class Sender(threading.Thread):
    """Sends to all listeners at a steady rate until it is told to stop."""

    def __init__(self, loads, rate, rng):
        super().__init__(daemon=True)
        self.loads, self.rate, self.rng = loads, rate, rng
        self.stopping = threading.Event()

    def run(self):
        start, sent = time.monotonic(), 0
        while not self.stopping.wait(0.01):
            due = int((time.monotonic() - start) * self.rate)
            for _ in range(min(due - sent, self.rate)):
                self.send_one()
            sent = due

    def send_one(self):
        self.rng.choice(self.loads).send()

    def finish(self):
        self.stopping.set()
        if self.is_alive():
            self.join(10)


class Collector(lab.Daemon):
    """A collector on sockets that outlive it."""

    def __init__(self, one, schedule, nats, queue_dir):
        self.kind = PROGRAMS[schedule.program]
        super().__init__(one, name=self.kind.name, program=self.kind.binary, held=True, nats=nats,
                         shutdown_timeout="2s", queue=self.queue(schedule, queue_dir),
                         listeners=[{"subject": self.kind.subject,
                                     "receive_buffer": schedule.buffer,
                                     **self.kind.listener(schedule, i)}
                                    for i in range(schedule.listeners)],
                         prefix=self.plain_user(), **self.kind.config(schedule))
        for _, s in self.held:  # until it starts
            self.set_buffer(s, schedule.buffer)
        self.expected_end = False
        self.duplicates = self.garbage = 0
        self.problems = []
        self.log_at_start = 0
        self.lives = 0

    @staticmethod
    def plain_user():
        """Permissions are to hold for it, for "seal-queue"."""
        if os.geteuid() != 0:
            return []
        return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]

    def queue(self, schedule, queue_dir):
        if schedule.durability == "memory":
            return {"durability": "memory"}
        return {"durability": schedule.durability, "memory": self.kind.memory(schedule),
                "disk": "48MiB", "dir": str(queue_dir)}

    @staticmethod
    def set_buffer(s, size):
        force = getattr(socket, "SO_RCVBUFFORCE", 33)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        with contextlib.suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, force, size)

    def start(self, **options):
        self.log_at_start = len(self.text())
        self.lives += 1
        self.expected_end = False
        try:
            return super().start(**options)
        except AssertionError as e:
            raise Broken(f"life {self.lives} of the collector does not get ready: "
                         f"{str(e).splitlines()[0] if str(e) else 'it ended'}") from e

    def spawn_only(self):
        """A life that is not waited for."""
        self.log_at_start = len(self.text())
        self.lives += 1
        passing, options = lab.activation(self.held)
        self.spawn([*self.prefix, *passing, *self.argv()], **options)

    def sample(self):
        """Counters that one process keeps, just before it ends."""
        self.duplicates += int(self.metric("output_unexpected_duplicates_total"))
        self.garbage += int(self.metric("output_garbage_acks_total"))
        self.problems += [f"life {self.lives}: {p}" for p in self.kind.problems(self)]

    def socket_drops(self):
        """What the kernel threw away at each listener's sockets."""
        drops = []
        for i in range(len(self.listeners)):
            name = self.listeners[i]["listen"][len("fd://"):]
            drops.append(sum(
                struct.unpack("9I", s.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))
                [SK_MEMINFO_DROPS] for held, s in self.held if held == name))
        return drops

    def lost(self):
        """What all listeners have given up so far."""
        return sum(ledger[k] for ledger in self.ledgers()
                   for k in ("dropped", "dropped_records", "kernel_drops"))

    def ledgers(self):
        return json.loads(self.get("/ledger"))["listeners"]

    def last_ledgers(self):
        """The ledgers that the process logged at its end."""
        out = {}
        for line in self.text()[self.log_at_start:].splitlines():
            if "ledger listener=" in line:
                words = dict(w.split("=", 1) for w in line.split() if "=" in w)
                out[words["listener"].strip('"')] = {
                    k: v == "yes" if k == "balanced" else int(v)
                    for k, v in words.items() if k == "balanced" or v.isdigit()}
        return list(out.values())

    def reasons(self, kind, listener):
        """A family of counters by reason, for one listener."""
        out = {}
        for line in self.get("/metrics").splitlines():
            if line.startswith(f"serviceradar_{kind}_total{{") and f'listener="{listener}"' in line:
                reason = re.search(r'reason="([^"]*)"', line)[1]
                out[reason] = out.get(reason, 0) + int(float(line.rsplit(" ", 1)[1]))
        return out


class Run:
    """One schedule in a folder of its own."""

    def __init__(self, schedule, folder, say=print):
        self.schedule, self.dir, self._say = schedule, folder, say
        self.lab = lab.Lab(folder)
        self.lab.prefix = ["setpriv", "--pdeathsig", "KILL"]
        self.rng = random.Random(f"load {schedule.seed}")
        self.collector, self.sender, self.loads = None, None, []
        self.disk = None        # where the small file system is mounted, or None
        self.complaints, self.done = [], []
        self.finished_lives = []  # memory: one list of ledgers for each process that ended
        self.kills = self.disk_faults = self.corruptions = 0
        self.most_on_disk = 0   # bytes of segments
        self.began = time.monotonic()

    def say(self, text):
        self._say(f"  {time.monotonic() - self.began:6.2f} s  {text}")

    # ---- Setting up ----

    def set_up(self):
        s = self.schedule
        kind = PROGRAMS[s.program]
        self.server = lab.World(self.lab) if s.tenants else lab.Server(self.lab)
        self.server.start()
        if not s.tenants:
            with self.server.client() as c:
                c.add_stream(kind.stream, [kind.subject, kind.subject + ".deadletter"])
        self.proxy = Proxy(lab.free_port(), self.server.port)
        self.lab.fakes.append(self.proxy)
        if s.tenants:
            nats = {**self.server.nats(user=kind.name),
                    "url": [f"tls://localhost:{self.proxy.port}"]}
        else:
            nats = {"url": [f"nats://127.0.0.1:{self.proxy.port}"]}
        self.creds = Path(nats["creds_file"]) if s.tenants else None
        self.mount()
        self.collector = Collector(self.lab, s, nats, self.queue_dir)
        self.loads = [kind.load(self.collector, i, s) for i in range(s.listeners)]
        self.sender = Sender(self.loads, s.rate, self.rng)
        self.collector.start()
        self.renew()

    def mount(self):
        """A small file system for the queue alone, in the private namespace that `run` made."""
        base = self.dir / "disk"
        base.mkdir()
        self.queue_dir = base / "queue"
        if os.environ.get("SR_FAULTS_PRIVATE") == "1" and self.schedule.durability != "memory":
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700",
                                   "none", base], capture_output=True, check=False)
            if done.returncode == 0:
                self.disk = base
        self.queue_dir.mkdir(mode=0o700)

    # ---- What faults use ----

    def alive(self):
        """The collector must not end unless told."""
        c = self.collector
        if not c.expected_end and not c.running():
            raise Broken(f"life {c.lives} of the collector ended by itself with "
                         f"{c.process.returncode}")

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.alive()
            self.look_at_disk()
            time.sleep(min(left, 0.1))
        self.alive()

    def look_at_disk(self):
        size = 0
        with contextlib.suppress(OSError):  # they come and go
            size = sum(f.stat().st_size for f in self.queue_dir.glob("*.seg"))
        self.most_on_disk = max(self.most_on_disk, size)

    def renew(self):
        for load in self.loads:
            load.renew(self.collector)

    def kill_collector(self):
        lab.wait_for("what a kill must not lose is on disk",
                     lambda: self.collector.kind.remembers(self.collector))
        self.collector.sample()
        self.collector.expected_end = True
        self.collector.end(signal.SIGKILL)
        self.kills += 1

    def kill_early(self, after):
        """Starts the collector and kills it before it is ready, or soon after."""
        self.collector.spawn_only()
        time.sleep(after)
        if not self.collector.running():
            raise Broken(f"life {self.collector.lives} of the collector ended by itself with "
                         f"{self.collector.process.returncode}")
        self.collector.end(signal.SIGKILL)
        self.kills += 1

    def check_not_ready(self):
        """`always` says so when it cannot keep what it receives."""
        if self.schedule.durability != "always":
            return
        before = self.collector.lost()
        self.wait(0.3)
        if self.collector.lost() > before and self.collector.ready():
            self.complaints.append("/readyz says yes while the disk takes nothing")

    def stop_collector(self):
        c = self.collector
        c.sample()
        c.expected_end = True
        start = time.monotonic()
        code = c.end(signal.SIGTERM)
        last = c.last_ledgers()
        left = sum(ledger["queued"] for ledger in last)
        self.say(f"collector ended with {code} after {time.monotonic() - start:.2f} s, "
                 f"{left} records left")
        memory = self.schedule.durability == "memory"
        if len(last) != self.schedule.listeners:
            self.complaints.append(f"life {c.lives} logged no ledger at its end")
        if code != (1 if memory and left > 0 else 0):
            self.complaints.append(f"life {c.lives} exited with {code}, {left} records left")
        if memory:
            for ledger in last:
                # Each life begins with all that the kernel ever dropped at the socket.
                ledger["kernel_drops"] = 0
            self.finished_lives.append(last)

    def start_collector(self):
        self.collector.start()

    # ---- The run ----

    def inject(self, fault):
        delay = self.load_began + fault.at - time.monotonic()
        self.wait(max(0, delay))
        self.renew()
        before = time.monotonic()
        self.say(f"{fault.kind} begins")
        note = FAULTS[fault.kind](self, fault)
        self.done.append(fault.kind)
        self.say(f"{fault.kind} {note or 'is undone'} after {time.monotonic() - before:.2f} s")
        self.wait(0.3)

    def go(self):
        """Load and faults, then settling."""
        self.load_began = self.began = time.monotonic()
        self.sender.start()
        for fault in self.schedule.faults:
            self.inject(fault)
        self.wait(max(0, self.load_began + self.schedule.duration - time.monotonic()))
        self.sender.finish()
        self.say(f"load ends, {sum(load.sent for load in self.loads)} sent")
        if self.settle():
            self.prove_recovery()

    def at_rest(self):
        self.alive()
        if not all([load.insist() for load in self.loads]):
            return False
        try:
            ledgers = self.collector.ledgers()
        except OSError:
            return False
        for i, (ledger, load) in enumerate(zip(ledgers, self.loads)):
            earlier = sum(life[i]["received"] for life in self.finished_lives)
            if (ledger["queued"] > 0 or ledger["batching"] > 0 or not ledger["balanced"]
                    or earlier + ledger["received"] + ledger["kernel_drops"] < len(load.sizes)):
                return False
        return True

    def settle(self):
        try:
            lab.wait_for("the queue is empty and everything is received", self.at_rest, SETTLE)
            lab.wait_for("/readyz says yes", self.collector.ready, 15)
        except AssertionError as e:
            self.complaints.append(str(e))
            return False
        self.say("settled")
        return True

    def prove_recovery(self):
        """Now that nothing is wrong any more, nothing more may be lost."""
        before = self.collector.lost()
        for _ in range(LAST):
            self.sender.send_one()
            time.sleep(0.002)
        if self.settle() and self.collector.lost() != before:
            self.complaints.append(f"{self.collector.lost() - before} of the last {LAST} are lost "
                                   "though nothing is wrong any more")

    def run(self):
        """Returns what the checker finds and the evidence."""
        try:
            self.set_up()
            self.go()
        except (Broken, AssertionError) as e:
            self.say(str(e))
            self.complaints.append(str(e))
        finally:
            if self.sender is not None:
                self.sender.finish()
        evidence = self.gather()
        return check(evidence), evidence

    # ---- Evidence ----

    def gather(self):
        c = self.collector
        if c is None:
            return Evidence(self.schedule.durability, [], [], complaints=self.complaints)
        last, reasons = self.last_words()
        if c.running():
            self.end_last(last)
        self.complaints += [p for p in c.problems if p not in self.complaints]
        text = c.text()
        for sign in SIGNS:
            for line in [x for x in text.splitlines() if sign in x][:3]:
                self.complaints.append(f"the log says: {line}")
        drops = c.socket_drops()
        listeners = []
        for i, load in enumerate(self.loads):
            lives = [life[i] for life in self.finished_lives if len(life) > i]
            if len(last) > i:
                lives.append(last[i])
            self.complaints += load.complaints()
            listeners.append(Listener(f"listener {i}", load.sent, drops[i], lives, sizes=load.sizes,
                                      requests=load.requests, early=load.early,
                                      unanswered=load.unanswered(),
                                      **(reasons[i] if reasons else {})))
        return Evidence(self.schedule.durability, listeners, self.stream(), self.kills,
                        self.disk_faults, self.corruptions, c.duplicates, c.garbage,
                        self.complaints, self.schedule.batch)

    def end_last(self, last):
        """Ends the last life, whose ledgers are `last`. One more must find nothing to do."""
        c = self.collector
        code = c.end()
        if code != 0:
            self.complaints.append(f"the last life exited with {code}")
        self.compare(last, c.last_ledgers(), "changed at the end")
        if self.complaints or self.schedule.durability == "memory":
            return
        try:
            c.start()
            time.sleep(0.5)  # for what it must not do
            self.compare(last, c.ledgers(), "changed in a life that had nothing to do")
            c.sample()
        except (Broken, OSError) as e:
            self.complaints.append(f"one more life: {e}")
            return
        code = c.end()
        if code != 0:
            self.complaints.append(f"one more life exited with {code}")
        left = sorted(f.name for f in self.queue_dir.glob("*.seg"))
        # A flipped version makes a segment one of a newer program's, which is left alone.
        if left and not self.corruptions:
            self.complaints.append(f"everything is stored, and queue.dir has {left}")

    def compare(self, before, after, what):
        changes = [f"listener {i}: {k} {a[k]}, then {b[k]}" for i, (a, b) in
                   enumerate(zip(before, after)) for k in a if k in b and a[k] != b[k]]
        if changes and not self.complaints:
            self.complaints.append(f"the ledger {what}: {'; '.join(changes)}")

    def last_words(self):
        """Ledgers and reasons of the process that runs; of the one that is gone, what it logged."""
        c = self.collector
        try:
            c.sample()
            self.complaints += [f"life {c.lives}: {p}" for p in c.kind.problems(c, at_rest=True)]
            ledgers = c.ledgers()
            return ledgers, [{kind: c.reasons(kind, ledger["listener"])
                              for kind in ("dropped", "dropped_records", "consumed")}
                             for ledger in ledgers]
        except OSError as e:
            self.complaints.append(f"no ledger: {e}")
            return c.last_ledgers(), []

    def stream(self):
        with self.server.client() as client:
            messages = client.messages(self.collector.kind.stream)
        out = []
        for m in messages:
            for i, load in enumerate(self.loads):
                numbers = load.numbers(m)
                if numbers is not None:
                    break
            out.append(Stored(i if numbers is not None else None,
                              m.subject.endswith(".deadletter"), numbers,
                              m.headers.get("Nats-Msg-Id")))
        return out

    # ---- The end ----

    def keep(self, evidence):
        """Leaves in the folder what a person wants to see."""
        if self.disk is not None:
            with contextlib.suppress(OSError):
                shutil.copytree(self.queue_dir, self.dir / "queue.left")
        plain = {k: v for k, v in vars(evidence).items() if k not in ("stream", "listeners")}
        plain["listeners"] = [vars(listener) for listener in evidence.listeners]
        (self.dir / "evidence.json").write_text(json.dumps(plain, indent=1) + "\n")
        (self.dir / "stream.txt").write_text("".join(
            f"{s.listener} {'dead' if s.dead else 'main'} {ranges(s.numbers or ())} {s.id}\n"
            for s in evidence.stream))

    def close(self):
        with contextlib.redirect_stdout(None):
            self.lab.close()
        if self.disk is not None:
            subprocess.run(["umount", "-l", self.disk], check=False, capture_output=True)


def summary(evidence):
    """What a line about the run tells."""
    counted, worst = {}, 0
    for i, listener in enumerate(evidence.listeners):
        for reasons in (listener.dropped, listener.dropped_records):
            for reason, n in reasons.items():
                counted[reason] = counted.get(reason, 0) + n
        left = sum(life["queued"] for life in listener.lives)
        for reason, n in (("kernel", listener.socket_drops), ("left at exit", left)):
            if n:
                counted[reason] = counted.get(reason, 0) + n
        for dead in () if listener.requests else (False, True):
            worst = max(worst, disorder([s.numbers[0] for s in evidence.stream
                                         if s.listener == i and s.dead == dead]))
    return {"sent": sum(listener.sent for listener in evidence.listeners),
            "stored": len({(s.listener, n) for s in evidence.stream for n in s.numbers or ()}),
            "counted": counted, "disorder": worst}
