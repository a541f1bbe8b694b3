# SPDX-License-Identifier: Apache-2.0
"""What differs between the collectors: their configuration, what is sent to them, and what becomes
of that in the stream.

A load gives every line, flow and undecodable datagram of one listener a number, growing from 0 in
the order in which they are sent.
"""

import collections
import contextlib
import re
import socket
import struct
import threading
import time

import flows
import lab
import traps

BAD_EVERY = 37  # one datagram in so many cannot be decoded and becomes a dead letter


class Load:
    """What one listener is sent."""

    requests = False  # each is sent again until it is answered
    early = False     # ... and that is when it is on the disk

    def __init__(self, collector, listener):
        self.listener, self.target = listener, collector.address(listener)
        self.sent = 0     # numbers
        self.sizes = []   # of each datagram: how many numbers it carries
        self.lock = threading.Lock()

    def take(self, count):
        """The first of the numbers of a new datagram."""
        first, self.sent = self.sent, self.sent + count
        self.sizes.append(count)
        return first

    def send(self):
        """Sends one datagram. From one thread."""
        raise NotImplementedError

    def renew(self, collector):
        """What the collector must remember from now on; called just before a fault."""

    def insist(self):
        """Called again and again when nothing new is sent any more; whether nobody waits."""
        return True

    def unanswered(self):
        """Numbers of requests that were never answered."""
        return ()

    def complaints(self):
        """What the collector must not have sent back."""
        return []

    def numbers(self, message):
        """The numbers in a message of the stream; None when it is not of this load."""
        raise NotImplementedError


# ---- serviceradar-syslog ----

class Lines(Load):
    """Numbered lines; a bad one is not UTF-8."""

    def __init__(self, collector, listener, schedule):
        super().__init__(collector, listener)
        self.socket, self.padding = collector.socket, "x" * schedule.size
        self.sign = re.compile(rb"app: r%d-(\d+)\." % listener)

    def line(self, n):
        padding = self.padding[:n * 7919 % (len(self.padding) + 1)]
        bad = b"\xff" if n % BAD_EVERY == 5 else b""
        return f"<13>Jan  2 03:04:05 host app: r{self.listener}-{n}. {padding}".encode() + bad

    def send(self):
        self.socket.sendto(self.line(self.take(1)), self.target)

    def numbers(self, message):
        found = self.sign.search(message.body)
        return (int(found[1]),) if found else None


class Syslog:
    """serviceradar-syslog, one record in one message."""

    name, binary, subject, stream, load = "syslog", lab.SYSLOG, lab.SUBJECT, "events", Lines

    @staticmethod
    def config(_):
        return {}

    @staticmethod
    def listener(_schedule, _i):
        """The configuration of a listener beyond what all have."""
        return {}

    @staticmethod
    def memory(schedule):
        """queue.memory. Spilling begins at a quarter of it; in flight are up to 8 MiB."""
        return "32MiB" if schedule.durability == "always" else "16MiB"

    @staticmethod
    def remembers(_):
        """Whether a kill would find on disk what it must not lose."""
        return True

    @staticmethod
    def problems(_, at_rest=False):  # pylint: disable=unused-argument
        """What contradicts the collector's promises beyond the ledger."""
        return []


# ---- serviceradar-netflow ----

FLOWS = 20          # in one datagram
REPEAT_EVERY = 50   # datagrams of an exporter until it sends its template again
SPARE_EVERY = 5     # ... and until it changes one that it never uses
SPARE_IDS = range(1000, 1040)
FIRST_OCTETS = 1000  # of flow 0: a counter of 0 is not on the wire

# Elements and their struct codes, in the order of Flows.values().
COMMON = ((8, "I"), (12, "I"), (1, "I"), (2, "I"), (4, "B"), (7, "H"), (11, "H"), (10, "I"))
TIMES = {9: ((22, "I"), (21, "I")), 10: ((150, "I"), (151, "I"))}
TYPES = {2: 5, 3: 9, 4: 10}  # FlowMessage.type: the version


class Exporter:
    """Sends from an address of its own, in one version."""

    def __init__(self, load, version):
        self.version, self.target, self.sequence, self.datagrams = version, load.target, 0, 0
        self.address = bytes([127, 0, 10 + load.listener, version])
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((socket.inet_ntoa(self.address), 0))

    def send(self, records, body, units):
        now = int(time.time())
        if self.version == 5:
            head = struct.pack("!HHIIIIBBH", 5, records, 10**6, now, 0, self.sequence, 0, 0, 0)
            self.sequence += records
        elif self.version == 9:
            head = struct.pack("!HHIIII", 9, units, 10**6, now, self.sequence, 7)
            self.sequence += 1
        else:
            head = struct.pack("!HHIII", 10, 16 + len(body), now, self.sequence, 7)
            self.sequence += records
        self.socket.sendto(head + body, self.target)
        self.datagrams += 1


class Templates(Exporter):
    """An exporter of v9 or IPFIX. Two template ids take turns: the one that is not in use gets
    another layout before it is used again."""

    def __init__(self, load, version):
        super().__init__(load, version)
        self.layout, self.spare = -1, 0
        self.fields = COMMON + TIMES[version]

    def rotated(self, items, layout):
        n = layout % len(items)
        return items[n:] + items[:n]

    def template(self, layout, number=None):
        """The set with the template of a layout."""
        fields = self.rotated(self.fields, layout)
        body = struct.pack("!HH", self.id(layout) if number is None else number, len(fields))
        body += b"".join(struct.pack("!HH", e, struct.calcsize(code)) for e, code in fields)
        return struct.pack("!HH", 0 if self.version == 9 else 2, 4 + len(body)) + body

    @staticmethod
    def id(layout):
        return 256 + layout % 2

    def announce(self):
        """Tells the next layout, in a datagram of its own."""
        self.send(0, self.template(self.layout + 1), 1)

    def data(self, rows, extra=b""):
        record = struct.Struct(
            "!" + "".join(code for _, code in self.rotated(self.fields, self.layout)))
        body = b"".join(record.pack(*self.rotated(row, self.layout)) for row in rows)
        body = struct.pack("!HH", self.id(self.layout), 4 + len(body)) + body
        units = len(rows)
        if self.datagrams % REPEAT_EVERY == REPEAT_EVERY - 1:
            body, units = self.template(self.layout) + body, units + 1
        if self.datagrams % SPARE_EVERY == SPARE_EVERY - 1:
            self.spare += 1
            number = SPARE_IDS[self.spare % len(SPARE_IDS)]
            body, units = self.template(self.spare, number) + body, units + 1
        self.send(len(rows), body + extra, units)


class Flows(Load):
    """Numbered flows of three exporters. What cannot be decoded is a datagram of no known version,
    or a set at the end of one whose flows are fine."""

    def __init__(self, collector, listener, _):
        super().__init__(collector, listener)
        self.exporters = [Exporter(self, 5), Templates(self, 9), Templates(self, 10)]
        self.templated = self.exporters[1:]
        collector.lab.sockets += [e.socket for e in self.exporters]
        self.addresses = {e.version: e.address for e in self.exporters}
        self.sign = re.compile(rb"faults %d-(\d+)\." % listener)

    def values(self, n):
        """Of a flow, in the order of COMMON and TIMES."""
        return (0x0A000000 + n, 0xC6336401 + self.listener, FIRST_OCTETS + n, 1 + self.listener,
                17, 1024, 53, 3, 900000, 990000)

    def bad(self, n):
        return b"faults %d-%d." % (self.listener, n)

    def send(self):
        with self.lock:
            at = len(self.sizes)
            exporter = self.exporters[at % len(self.exporters)]
            if at % BAD_EVERY == 5:
                exporter.socket.sendto(b"\0\x63" + self.bad(self.take(1)), self.target)
            elif exporter.version == 5:
                self.v5(exporter, self.take(FLOWS))
            elif at % BAD_EVERY == 23:
                first = self.take(FLOWS + 1)
                self.data(exporter, first, struct.pack("!HH", 300, 65535) + self.bad(first + FLOWS))
            else:
                self.data(exporter, self.take(FLOWS))

    def v5(self, exporter, first):
        rows = (self.values(n) for n in range(first, first + FLOWS))
        exporter.send(FLOWS, b"".join(struct.pack(
            "!IIIHHIIIIHHBBBBHHBBH", src, dst, 0, 3, 0, packets, octets, start, end, 1024, 53, 0, 0,
            17, 0, 0, 0, 0, 0, 0) for src, dst, octets, packets, _, _, _, _, start, end in rows),
            FLOWS)

    def data(self, exporter, first, extra=b""):
        exporter.data([self.values(n) for n in range(first, first + FLOWS)], extra)

    def renew(self, collector):
        """Changes the templates, and uses them once the collector counts that it has read them:
        from then on no kill may lose them. When the socket overflows, the old ones stay."""
        for exporter in self.templated:
            before = collector.ledger(self.listener)["consumed"]
            with self.lock:
                self.take(0)
                exporter.announce()
            try:
                lab.wait_for("a template is read", lambda before=before: collector.ledger(
                    self.listener)["consumed"] > before, 5)
            except AssertionError:
                if exporter.layout < 0 or not sum(collector.socket_drops()):
                    raise
                continue
            with self.lock:
                exporter.layout += 1

    def number(self, body):
        """Of the flow in a FlowMessage; None when it is not one of these."""
        f = flows.fields(body)
        n = f.get(9, 0) - FIRST_OCTETS
        ours = (n >= 0 and TYPES.get(f.get(1)) is not None
                and f.get(11) == self.addresses[TYPES[f[1]]]
                and f.get(6) == struct.pack("!I", 0x0A000000 + n)
                and f.get(7) == struct.pack("!I", 0xC6336401 + self.listener)
                and f.get(10) == 1 + self.listener)
        return n if ours else None

    def numbers(self, message):
        if message.subject.endswith(".deadletter"):
            found = self.sign.search(message.body)
            return (int(found[1]),) if found else None
        bodies = [message.body]
        if "Sr-Records" in message.headers:
            bodies = list(flows.delimited(message.body))
            if len(bodies) != int(message.headers["Sr-Records"]):
                return None
        found = []
        for body in bodies:
            found.append(self.number(body))
            if found[-1] is None:
                return None
        return tuple(found)


class Netflow:
    """serviceradar-netflow with flows of v5, v9 and IPFIX."""

    name, binary, subject, stream, load = (
        "netflow", lab.NETFLOW, flows.SUBJECT, "flows", Flows)

    @staticmethod
    def config(schedule):
        publish = {"dead_letter": True}
        if schedule.batch > 1:
            linger = "0ms" if schedule.durability == "always" else "20ms"
            publish["batch"] = {"records": schedule.batch, "linger": linger}
        return {"publish": publish}

    listener = Syslog.listener

    @staticmethod
    def memory(schedule):
        """One flow in a message is small: little is in flight, and spilling is to begin early."""
        if schedule.durability == "spill" and schedule.batch == 1:
            return "4MiB"
        return Syslog.memory(schedule)

    @staticmethod
    def remembers(collector):
        """What a full disk did not take is in the file of templates a little later."""
        return collector.metric("netflow_state_failing") == 0

    @staticmethod
    def problems(collector, at_rest=False):
        """No set waits: each template was read before it was used. At rest the books add up."""
        values = {}
        with contextlib.suppress(OSError):
            for line in collector.get("/metrics").splitlines():
                found = re.match(r"serviceradar_netflow_(\w+)\{[^}]*\} (\d+)", line)
                if found:
                    values[found[1]] = values.get(found[1], 0) + int(found[2])
        out = [f"{name} is {values[name]}, must be 0" for name in (
            "sets_parked_total", "template_conflicts_total", "sets_unknown_total")
            if values.get(name)]
        if at_rest:
            terms = [values.get(f"records_{name}_total", 0) for name in (
                "published", "zero_counters", "rate_limited", "queue_full")]
            if values.get("records_total") != sum(terms):
                out.append(f"records_total {values.get('records_total')} is not "
                           f"{' + '.join(map(str, terms))}")
            out += [f"{name} is {values.get(name)}, its exporters' {values.get(f'exporter_{name}')}"
                    for name in ("records_total", "records_published_total", "templates_total")
                    if values.get(name) != values.get(f"exporter_{name}")]
        return out


# ---- serviceradar-trapd ----

SERIAL = "1.3.6.1.4.1.99999.1"  # of the varbind that has the number
USER, PASSWORD = b"joe", b"a long password"
ENGINE = b"\x80\0\x1f\x88\4faults"  # the collector's own
RESPONSE, REPORT = 0xA2, 0xA8
PATIENCE = 1.0   # seconds until an inform is sent again
WAITING = 1000   # informs at a time
AGAIN = 50       # of them are sent again at a time at the end


class Serials(Load):
    """What traps and informs have in common: the number in a varbind."""

    def __init__(self, collector, listener, schedule):
        super().__init__(collector, listener)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(self.target)
        collector.lab.sockets.append(self.socket)
        self.padding = b"x" * schedule.size
        self.sign = re.compile(rb"faults %d-(\d+)\." % listener)

    def varbind(self, n):
        padding = self.padding[:n * 7919 % (len(self.padding) + 1)]
        return SERIAL, traps.octets(b"faults %d-%d. " % (self.listener, n) + padding)

    def numbers(self, message):
        found = self.sign.search(message.body)
        return (int(found[1]),) if found else None


class Traps(Serials):
    """Numbered traps of all versions; a bad one is of no version."""

    def __init__(self, collector, listener, schedule):
        super().__init__(collector, listener, schedule)
        self.engine, self.began = b"\x80\0\x1f\x88%c" % (listener + 1), time.monotonic()

    def trap(self, n):
        varbind = self.varbind(n)
        if n % BAD_EVERY == 5:
            return traps.v2c(varbind).replace(b"\2\1\1", b"\2\1\7", 1)
        if n % 4 == 0:
            return traps.v1(varbind)
        if n % 4 == 1:
            return traps.v3(varbind, user=USER, password=PASSWORD, engine=self.engine,
                            seconds=int(time.monotonic() - self.began))
        return traps.v2c(varbind, request=n)

    def send(self):
        self.socket.send(self.trap(self.take(1)))


class Informs(Serials):
    """Numbered informs of v2c and v3, which are sent again until they are answered. Some are
    answered by a collector, some answers get lost with it: at the end each has an answer. Those of
    v3 need the clock of the collector's engine, which its reports and responses tell."""

    requests = True

    def __init__(self, collector, listener, schedule):
        super().__init__(collector, listener, schedule)
        self.waiting = {}  # number: when to send it again; in that order
        self.wrong = collections.Counter()
        self.early = Trapd.early(schedule)
        self.boots, self.offset = 0, -time.monotonic()  # of the engine

    def message(self, n, pdu=0xA6):
        if n % 4 == 3:
            return traps.v3(self.varbind(n), user=USER, password=PASSWORD, engine=ENGINE, pdu=pdu,
                            request=n, boots=self.boots,
                            seconds=max(0, int(time.monotonic() + self.offset)))
        return traps.v2c(self.varbind(n), pdu=pdu, request=n)

    def listen(self):
        """Takes the answers that have come."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.hear(self.socket.recv(65536, socket.MSG_DONTWAIT))

    def hear(self, answer):
        """An inform may have two answers: it was sent twice."""
        found = self.sign.search(answer)
        n = int(found[1]) if found else None
        try:
            version = traps.elements(traps.elements(answer)[0][1])[0][1]
            pdu = self.hear_engine(answer) if version == b"\3" else None
        except (IndexError, ValueError):
            version = pdu = None
        if pdu == REPORT:
            return
        is_known = n is not None and n < self.sent
        if is_known and (pdu == RESPONSE if n % 4 == 3 else answer == self.message(n, RESPONSE)):
            self.waiting.pop(n, None)
        else:
            self.wrong["answers are to nothing that was sent"] += 1

    def hear_engine(self, answer):
        """The type of its PDU. The clock of an engine never goes back, whatever kills it."""
        heard = traps.v3_heard(answer, PASSWORD)
        if heard is None:
            self.wrong["answers are not authentic"] += 1
            return None
        pdu, boots, seconds = heard
        if boots < self.boots:
            self.wrong["answers are of boots that were over"] += 1
        elif boots > self.boots:
            self.boots, self.offset = boots, seconds - time.monotonic()
        return pdu

    def out(self, n):
        self.waiting[n] = time.monotonic() + PATIENCE
        self.socket.send(self.message(n))

    def again(self):
        """Sends the one again that waits the longest, if it has waited long enough."""
        n, due = next(iter(self.waiting.items()))
        if due > time.monotonic():
            return False
        del self.waiting[n]  # it goes to the end
        self.take(0)
        self.out(n)
        return True

    def send(self):
        with self.lock:
            self.listen()
            if self.waiting and self.again():
                return
            if len(self.waiting) < WAITING:
                self.out(self.take(1))

    def insist(self):
        with self.lock:
            self.listen()
            for _ in range(AGAIN):
                if not self.waiting or not self.again():
                    break
            return not self.waiting

    def unanswered(self):
        return sorted(self.waiting)

    def complaints(self):
        return [f"{count} {what} (listener {self.listener})" for what, count in self.wrong.items()]


def traps_or_informs(collector, listener, schedule):
    """Every other listener has the one, the rest the other."""
    kind = Informs if (schedule.seed // 3 + listener) % 2 else Traps
    return kind(collector, listener, schedule)


class Trapd:
    """serviceradar-trapd with traps of v1, v2c and v3, and informs."""

    name, binary, subject, stream, load = (
        "trapd", lab.TRAPD, traps.SUBJECT, "events", staticmethod(traps_or_informs))

    @staticmethod
    def config(_):
        return {"engine_id": ENGINE.hex(), "users": [{"name": USER.decode(), "auth": "SHA-256",
                           "auth_password": PASSWORD.decode()}]}

    @staticmethod
    def early(schedule):
        """Whether informs are answered when they are on the disk, before the stream has them."""
        return schedule.durability == "always" and schedule.seed % 4 == 0

    @staticmethod
    def listener(schedule, _i):
        return {"inform": {"ack": "received"}} if Trapd.early(schedule) else {}

    memory, remembers, problems = Syslog.memory, Syslog.remembers, Syslog.problems


PROGRAMS = {"syslog": Syslog, "netflow": Netflow, "trapd": Trapd}
