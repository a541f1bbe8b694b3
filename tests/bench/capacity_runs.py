# SPDX-License-Identifier: Apache-2.0
"""One run of a collector for `capacity`: what it is sent, and what a record of it costs.

Everything is on this machine: sender, collector and server share its processors. What a run takes
is therefore told as CPU time of each, and as a rate only where it says what the three together do.
"""

import concurrent.futures
import contextlib
import json
import shutil
import subprocess
import time
from pathlib import Path

import capacity_plan
import flows
import lab
import traps
from measure import built, socket_of, wait_for

BUFFER = "64MiB"    # of each socket: nothing is dropped while records pile up
MEMORY = "1GiB"     # of the queue, for the same reason
STREAM_BYTES = 7 << 30
FLOWS = 24          # in a datagram of v9, of 55 bytes each
PATIENCE = 120      # seconds


class Load:
    """What is sent: a program, and how its datagrams are made. `parts` records are in one."""

    def __init__(self, title, program, sender, *options, parts=1, transport="udp", settings=None):
        self.title, self.program, self.parts, self.transport = title, program, parts, transport
        self.sender, self.options, self.settings = sender, options, settings or {}

    @property
    def subject(self):
        return {lab.SYSLOG: lab.SUBJECT, lab.NETFLOW: flows.SUBJECT,
                lab.TRAPD: traps.SUBJECT}[self.program]

    def send(self, port, records, rate=0, *options):
        """Sends so many records at so many a second; 0: as fast as it goes. How many were sent."""
        datagrams = max(32, records // self.parts)
        words = [built("tests", "bench", self.sender), "-p", port, *self.options, *options]
        if self.sender == "blast_syslog":
            words += ["-n", datagrams, "-r", rate]
        elif self.sender == "blast_traps":
            words += ["-c", datagrams, "-r", rate, "-d", 600]
        else:  # which stops by the clock
            pace = rate / self.parts or 50000
            words += ["-r", pace, "-d", datagrams / pace]
        out = subprocess.run([str(w) for w in words], check=True, stdout=subprocess.PIPE)
        said = json.loads(out.stdout)
        return said["records"] if "records" in said else said.get("sent", said.get("datagrams"))


SYSLOG = Load("syslog, UDP, 256 B", lab.SYSLOG, "blast_syslog")
SYSLOG_TCP = Load("syslog, TCP, 10 connections", lab.SYSLOG, "blast_syslog", "-t", "tcp", "-s", 10,
                  "-m", 10, transport="tcp")
SYSLOG_TLS = Load("syslog, TLS, 10 connections", lab.SYSLOG, "blast_syslog", "-t", "tls", "-s", 10,
                  "-m", 10, transport="tls")
TRAPS = Load("traps, v2c, 5 varbinds", lab.TRAPD, "blast_traps", "-k", "v2c-5")
TRAPS_V3 = Load("traps, v3 SHA/AES, 5 varbinds", lab.TRAPD, "blast_traps", "-k", "v3", settings={
    "users": [{"name": "bench", "auth": "SHA", "auth_password": "authpass12345",
               "priv": "AES-128", "priv_password": "privpass12345"}]})
V5 = Load("flows, v5, 30 a datagram", lab.NETFLOW, "blast_netflow", "-k", "v5", parts=30)
V9 = Load("flows, v9, 24 a datagram", lab.NETFLOW, "blast_netflow", "-k", "v9", parts=FLOWS)
IPFIX = Load("flows, IPFIX, 20 a datagram", lab.NETFLOW, "blast_netflow", "-k", "ipfix", parts=20)


def batches(count, linger="0ms"):
    return {"publish": {"batch": {"records": count, "linger": linger}}} if count > 1 else {}


def cpu_seconds(process):
    """Of all threads that a process has now, to the nanosecond."""
    total = 0
    for path in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # it ended
            total += int(path.read_text(encoding="ascii").split()[0])
    return total / 1e9


def peak_mib(process):
    text = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


class Desk:
    """A server and collectors in a folder, stopped when the block ends."""

    def __init__(self, folder):
        self.lab = lab.Lab(folder)
        self.lab.prefix = ["setpriv", "--pdeathsig", "KILL"]
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.redirect_stdout(None):
            self.lab.close()

    def server(self, load):
        self.count += 1
        server = self.lab.server(name=f"server-{self.count}")
        with server.client() as c:
            c.add_stream("LOAD", [load.subject, load.subject + ".deadletter"],
                         max_bytes=STREAM_BYTES)
        return server

    @staticmethod
    def stored_bytes(server):
        """What its stream takes."""
        with server.client() as c:
            return c.api("STREAM.INFO.LOAD")["state"]["bytes"]

    def drop(self, *servers):
        """Ends them, and what they stored goes."""
        for server in servers:
            server.end()
            shutil.rmtree(self.lab.dir / f"{server.name}.store", ignore_errors=True)

    def collector(self, load, server=None, queue=None, listener=None, **config):
        """Runs load's program; without a server it discards."""
        self.count += 1
        given = {"receive_buffer": BUFFER, **(listener or {})}
        if load.transport != "udp":
            given = {"listen": f"{load.transport}://127.0.0.1:{lab.free_port()}"}
        if load.transport == "tls":
            cert, key = self.lab.authority().issue("listener")
            given["tls"] = {"cert_file": str(cert), "key_file": str(key)}
        if load.program == lab.SYSLOG:
            given["format"] = "smart"
        if server is None and "nats" not in config:
            config["output"] = "discard"
        daemon = lab.Daemon(self.lab, name=f"collector-{self.count}", program=load.program,
                            server=server, listeners=[given],
                            queue={"durability": "memory", "memory": MEMORY, **(queue or {})},
                            tail={"listen": "off"}, **{**load.settings, **config})
        daemon.conf.chmod(0o600)  # there may be passwords in it
        daemon.start()
        if "output" not in config:
            daemon.await_log("connected to NATS")
        return daemon


def port_of(daemon):
    return daemon.address()[1]


def sending(desk, load, daemon, records, rate, options=()):
    more = ["-a", desk.lab.authority().file] if load.transport == "tls" else []
    return load.send(port_of(daemon), records, rate, *more, *options)


def is_received(daemon):
    """Nothing waits in the socket, and what was read is decoded and in the queue."""
    if daemon.listeners[0]["listen"].startswith("udp") and socket_of(port_of(daemon))[0] > 0:
        return False
    ledger = daemon.ledger()
    return ledger["batching"] == 0 and ledger["balanced"]


def await_rest(daemon):
    """Until all that was received is settled."""
    wait_for("all records are settled", lambda: is_received(daemon) and
             daemon.ledger()["queued"] == 0, PATIENCE)


def lost(ledger):
    return ledger["kernel_drops"] + ledger["dropped"] + ledger["dropped_records"]


def must_tell(load, sent, done, gone):
    """A figure of a record needs the records."""
    why = capacity_plan.why_no_figure(sent, done, gone)
    if why:
        raise RuntimeError(f"{load.title}: {why}")


def run(desk, load, daemon, records, rate=0, servers=(), options=()):
    """Sends records and waits until all are settled. CPU time is of collector and servers."""
    before, first = cpu_seconds(daemon), daemon.ledger()
    away = sum(cpu_seconds(s) for s in servers)
    start = time.monotonic()
    sent = sending(desk, load, daemon, records, rate, options)
    await_rest(daemon)
    seconds = time.monotonic() - start
    ledger = daemon.ledger()
    done = ledger["records"] - first["records"]
    gone = lost(ledger) - lost(first)
    must_tell(load, sent, done, gone)
    return {"sent": sent, "records": done, "lost": gone, "seconds": seconds,
            "rate": done / seconds, "us": (cpu_seconds(daemon) - before) / done * 1e6,
            "server_us": (sum(cpu_seconds(s) for s in servers) - away) / done * 1e6,
            "mib": peak_mib(daemon)}


# ---- Tenants ----

class Tenants:
    """The server of a local world with so many tenants; lab.World has two."""

    def __init__(self, desk, count):
        self.names = [f"tenant-{i}" for i in range(1, count + 1)]
        self.world = object.__new__(lab.World)
        lab.Process.__init__(self.world, desk.lab, "world")
        self.world.port, self.world.user = lab.free_port(), {}
        self.world.dir = desk.lab.dir / "world"
        self.world.conf = self.world.dir / "nats-server.conf"
        words = [w for name in self.names for w in ("--tenant", name)]
        subprocess.run([lab.PROVISION, "dev", "--dir", self.world.dir, "--port",
                        str(self.world.port), *words], check=True, capture_output=True, timeout=60)
        self.world.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.world.end()


def run_together(desk, tenants, load, count, records, rate):
    """As run(), of a collector for each of the first tenants; they share records and rate."""
    world = tenants.world
    daemons = [desk.collector(load, None, nats=world.nats(name, "syslog"))
               for name in tenants.names[:count]]
    before, away = sum(map(cpu_seconds, daemons)), cpu_seconds(world)
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        sent = sum(pool.map(lambda d: sending(desk, load, d, records // count, rate / count), daemons))
    for daemon in daemons:
        await_rest(daemon)
    seconds = time.monotonic() - start
    ledgers = [d.ledger() for d in daemons]
    done, gone = sum(ledger["stored"] for ledger in ledgers), sum(map(lost, ledgers))
    must_tell(load, sent, done, gone)
    result = {"rate": done / seconds, "lost": gone,
              "us": (sum(map(cpu_seconds, daemons)) - before) / done * 1e6,
              "server_us": (cpu_seconds(world) - away) / done * 1e6,
              "mib": max(map(peak_mib, daemons)), "server_mib": peak_mib(world)}
    for daemon in daemons:
        daemon.stop()
    return result
