"""The part of scripts/demo that runs the world. Standard library only."""

import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "bin"
CAPTURE = ROOT / "tests" / "golden" / "syslog" / "demo.pcap"
TENANTS = ("acme", "globex")
WAIT_S = 60


class DemoError(Exception):
    """Something did not go as it must; the text is for the user."""


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class World:
    """The processes of the demo: started here, stopped here by their process ids."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        self.port = free_port(socket.SOCK_STREAM)
        self.udp = {t: free_port(socket.SOCK_DGRAM) for t in TENANTS}
        self.http = {t: free_port(socket.SOCK_STREAM) for t in TENANTS}

    def start(self, name, *command):
        log = open(self.folder / f"{name}.log", "ab")
        process = subprocess.Popen(
            [str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True)
        log.close()
        self.processes.append((name, process))

    def stop(self):
        """Collectors first, so that the server is there for what they still hold."""
        for name, process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log_tail(self, name, lines=12):
        path = self.folder / f"{name}.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def check_alive(self):
        for name, process in self.processes:
            if process.poll() is not None:
                raise DemoError(f"{name} ended with {process.returncode}:\n{self.log_tail(name)}")

    def get(self, tenant, path):
        url = f"http://127.0.0.1:{self.http[tenant]}{path}"
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.read().decode()

    def ledger(self, tenant):
        return json.loads(self.get(tenant, "/ledger"))["listeners"][0]

    def wait(self, what, condition):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            self.check_alive()
            try:
                if condition():
                    return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.02)
        logs = "\n".join(f"--- {n}\n{self.log_tail(n)}" for n, _ in self.processes)
        raise DemoError(f"waited {WAIT_S} s for {what}\n{logs}")


def tool(name, *arguments, check=True):
    run = subprocess.run([str(BIN / name), *map(str, arguments)], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, check=False)
    if check and run.returncode != 0:
        raise DemoError(f"{name} {arguments[0]} ended with {run.returncode}:\n{run.stderr}")
    return run.stdout


def nats_server():
    found = shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        raise DemoError("nats-server is not installed; run ./scripts/setup")
    return found


def bring_up(world):
    place = world.folder / "world"
    print(f"making a world of two tenants in {place} ...")
    tool("serviceradar-provision", "dev", "--dir", place, "--port", world.port)
    print("starting nats-server (operator mode, mutual TLS) and one collector a tenant ...")
    world.start("nats-server", nats_server(), "-c", place / "nats-server.conf")
    for t in TENANTS:
        world.start(f"syslog-{t}", BIN / "serviceradar-syslog", "--config",
                    place / t / "syslog.yaml",
                    "--set", f"listeners.0.listen=udp://127.0.0.1:{world.udp[t]}",
                    "--set", f"metrics.listen=127.0.0.1:{world.http[t]}")
    for t in TENANTS:
        world.wait(f"the collector of {t} to connect",
                   lambda t=t: "connected" in world.get(t, "/readyz"))


def send(world, rate, count):
    print(f"replaying {count} real log lines to each, {rate} a second ...")
    began = time.monotonic()
    runs = {
        t: subprocess.Popen(
            [str(BIN / "serviceradar-cli"), "replay", str(CAPTURE), "--to",
             f"udp://127.0.0.1:{world.udp[t]}", "--rate", str(rate), "--count", str(count),
             "--loop", "0", "--json"], stdout=subprocess.PIPE, text=True)
        for t in TENANTS
    }
    sent, seconds = {}, {}
    for t, run in runs.items():
        out, _ = run.communicate(timeout=WAIT_S + count / rate)
        if run.returncode != 0:
            raise DemoError(f"the replay to {t} failed: {out}")
        sent[t] = json.loads(out)["sent"]

    def at_rest(t):
        ledger = world.ledger(t)
        arrived = ledger["received"] + ledger["kernel_drops"]
        return arrived >= sent[t] and ledger["queued"] == 0 and ledger["balanced"]

    for t in TENANTS:
        world.wait(f"everything of {t} to be stored", lambda t=t: at_rest(t))
        seconds[t] = time.monotonic() - began
    return sent, seconds


def subject_count(tenant, found, subject):
    return found["subjects"].get(f"{tenant}.{subject}", {"messages": 0})["messages"]


def report(world, sent, seconds):
    place = world.folder / "world"
    found = json.loads(tool("serviceradar-provision", "verify", "--dir", place, "--json",
                            check=False))
    columns = ("tenant", "sent", "received", "stored", "dead letters", "dropped", "lost",
               "duplicates", "records/s")
    rows, fine = [], True
    for t in TENANTS:
        ledger = world.ledger(t)
        stored = subject_count(t, found["tenants"][t], "logs.syslog")
        dead = subject_count(t, found["tenants"][t], "logs.syslog.deadletter")
        dropped = ledger["dropped"] + ledger["dropped_records"] + ledger["kernel_drops"]
        lost = sent[t] - stored - dead
        duplicates = found["tenants"][t]["duplicates"]
        rows.append((t, sent[t], ledger["received"], stored, dead, dropped, lost, duplicates,
                     int((stored + dead) / seconds[t])))
        fine = fine and lost == dropped == duplicates == 0 and ledger["balanced"]
    print()
    widths = [max(len(str(r[i])) for r in [columns, *rows]) for i in range(len(columns))]
    for row in [columns, *rows]:
        print("  ".join(str(v).rjust(w) if i else str(v).ljust(w)
                        for i, (v, w) in enumerate(zip(row, widths))))
    print()
    for probe in found["isolation"]:
        if probe["user"].endswith("/syslog") or not probe["refused"]:
            verdict = "refused" if probe["refused"] else "ALLOWED"
            print(f"{probe['user']} tries {probe['action']} on {probe['subject']}: {verdict}")
    refused = sum(1 for probe in found["isolation"] if probe["refused"])
    print(f"{refused} of {len(found['isolation'])} attempts on the other tenant were refused.")
    return fine and found["ok"]


def keep(world):
    place = world.folder / "world"
    print("\nEverything keeps running:")
    for name, process in world.processes:
        print(f"  {name}: process {process.pid}, log {world.folder / name}.log")
    t = TENANTS[0]
    print(f"\nSend a line to {t} and look for it:\n"
          f"  logger --udp --rfc3164 --server 127.0.0.1 --port {world.udp[t]} hello\n"
          f"  curl http://127.0.0.1:{world.http[t]}/ledger\n"
          f"  {BIN}/serviceradar-provision verify --dir {place}\n"
          f"\nEnd it and remove the folder:\n"
          f"  kill {' '.join(str(p.pid) for _, p in reversed(world.processes))}\n"
          f"  rm -r {world.folder}")


def main():
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--rate", type=int, default=3000, help="log lines a second per tenant")
    parser.add_argument("--count", type=int, default=15000, help="log lines per tenant")
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="serviceradar-demo-"))
    world = World(folder)
    fine, kept = False, False
    try:
        bring_up(world)
        sent, seconds = send(world, options.rate, options.count)
        fine = report(world, sent, seconds)
        kept = options.keep
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
    finally:
        if not kept:
            world.stop()
            shutil.rmtree(folder, ignore_errors=True)
    print("\nEvery log line is accounted for: sent = stored + dead letters." if fine
          else "\nThe demo FAILED.")
    if kept:
        keep(world)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
