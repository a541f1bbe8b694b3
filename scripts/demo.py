# SPDX-License-Identifier: Apache-2.0
"""The part of scripts/demo that runs the world. Standard library only."""

import argparse
import json
import os
import pathlib
import random
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "bin"
GOLDEN = ROOT / "tests" / "golden"
sys.path[:0] = [str(ROOT / "tests" / "integration"), str(GOLDEN)]
import make_pcap  # noqa: E402
import nats_client  # noqa: E402

PROVISION, CLI = "serviceradar-provision", "serviceradar-cli"
TENANTS = ("acme", "globex")
KINDS = ("syslog", "trapd", "netflow")
COLLECTORS = (*(("acme", kind) for kind in KINDS), ("globex", "syslog"))
REVOKED = ("acme", "trapd")
STREAMS = {"syslog": "events", "trapd": "events", "netflow": "flows"}
SUBJECTS = {"syslog": "logs.syslog", "trapd": "logs.snmp", "netflow": "flows.raw.netflow"}
TRAPS = ("v1_linkDown", "v1_linkUp", "v1_authFailure", "v1_warmStart", "v2c_coldStart",
         "v2c_proxy_rfc3584")
FLOWS = "v5-netgraph-4x30"
FLOWS_A_DATAGRAM = 30
WAIT_S = 20  # the longest that anything but the traffic may take
REVOKE_S = 5


class DemoError(Exception):
    """Something did not go as it must; the text is for the user."""


def free_port(kind=socket.SOCK_STREAM):
    """Not one of those that the kernel gives to others, which could take it before its owner."""
    while True:
        port = random.randrange(10000, 32000)
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def short(word):
    """Tokens and keys without their middle: they are secret, or mean nothing to a reader."""
    long = len(word) >= 64 and "/" not in word
    return f"{word[:24]}...{word[-4:]}" if long else word


class World:
    """The processes of the demo: started here, stopped here by their process ids."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        self.nats, self.api = free_port(), free_port()
        self.udp = {c: free_port(socket.SOCK_DGRAM) for c in COLLECTORS}
        self.http = {c: free_port() for c in COLLECTORS}
        self.ids = {}
        # Proxies of the environment have no business on the loopback network.
        self.env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        self.env["SERVICERADAR_PROVISION_DIR"] = str(folder / "issuer")

    def show(self, words, more=""):
        """Prints a command. None of its words has spaces."""
        plain = (str(w).replace(str(self.folder), "$D").replace(f"{ROOT}/", "") for w in words)
        print("  $ " + " ".join(short(w) for w in plain) + more, flush=True)

    def run(self, name, *words, show=True, stdin="", ok=(0,), more=""):
        """Runs one of our programs; returns what it printed."""
        if show:
            self.show([name, *words], more)
        run = subprocess.run([str(BIN / name), *map(str, words)], input=stdin, text=True,
                             capture_output=True, timeout=WAIT_S, env=self.env, check=False)
        if run.returncode not in ok:
            raise DemoError(f"{name} {' '.join(map(str, words[:2]))} ended with "
                            f"{run.returncode}:\n{run.stdout}{run.stderr}")
        return run.stdout

    def start(self, name, program, *words, shown=None):
        """Starts a program in the background; `shown` is how many of its words are printed."""
        self.show([program.name, *words[:shown]], " &" if shown is None else " ... &")
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen([str(program), *map(str, words)], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, start_new_session=True,
                                       env=self.env)
        self.processes.append((name, process))

    def stop(self):
        """Collectors first, so that the server is there for what they still hold."""
        clean = True
        for name, process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            # The server's own exit code after SIGTERM depends on its version.
            if process.returncode != 0 and name != "nats-server":
                print(f"demo: {name} ended with {process.returncode}:\n{self.log_tail(name)}",
                      file=sys.stderr)
                clean = False
        return clean

    def log(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def log_tail(self, name, lines=12):
        return "\n".join(self.log(name).splitlines()[-lines:])

    def check_alive(self):
        for name, process in self.processes:
            if process.poll() is not None:
                raise DemoError(f"{name} ended with {process.returncode}:\n{self.log_tail(name)}")

    def get(self, collector, path):
        """Status and body of a page of a daemon."""
        url = f"http://127.0.0.1:{self.http[collector]}{path}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ledger(self, collector):
        return json.loads(self.get(collector, "/ledger")[1])["listeners"][0]

    def connected(self, collector):
        _, metrics = self.get(collector, "/metrics")
        return "\nserviceradar_output_up 1\n" in metrics

    def wait(self, what, condition, seconds=WAIT_S):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check_alive()
            try:
                if condition():
                    return
            except OSError:
                pass
            time.sleep(0.02)
        logs = "\n".join(f"--- {n}\n{self.log_tail(n)}" for n, _ in self.processes)
        raise DemoError(f"waited {seconds} s for {what}\n{logs}")

    # ---- what was enrolled ----

    def root(self, tenant):
        return self.folder / f"host-{tenant}"

    def files(self, collector):
        """Credentials, CA, certificate and key, where the enrolled configuration says."""
        tenant, kind = collector
        root = self.root(tenant)
        config = json.loads((root / f"etc/serviceradar/{kind}.json").read_text())["nats"]
        names = {"nats.creds_file": config["creds_file"],
                 **{f"nats.tls.{k}": v for k, v in config["tls"].items()}}
        return {key: root / name.lstrip("/") for key, name in names.items()}

    def client(self, collector, creds=None):
        """A connection to the server, with the files of a collector; `creds` instead of its own."""
        f = self.files(collector)
        return nats_client.Client(self.nats, creds or f["nats.creds_file"], f["nats.tls.ca_file"],
                                  f["nats.tls.cert_file"], f["nats.tls.key_file"])

    def stored(self, tenant):
        """How many messages the streams of a tenant hold, by subject: the server's own words."""
        found = {}
        with self.client((tenant, "syslog"), self.folder / f"{tenant}.creds") as c:
            for stream in sorted(set(STREAMS.values())):
                answer = c.request(f"$JS.API.STREAM.INFO.{stream}", b'{"subjects_filter":">"}',
                                   "_INBOX.demo")
                found.update(json.loads(answer)["state"].get("subjects") or {})
        return found


def nats_server():
    found = shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        raise DemoError("nats-server is not installed; run ./scripts/setup")
    return pathlib.Path(found)


def step(number, text):
    print(f"\n{number}. {text}", flush=True)


def answers(port):
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def provision(world):
    step(1, "The platform's side: an issuer, two tenants, a NATS server, streams")
    url = f"https://localhost:{world.api}"
    world.run(PROVISION, "operator", "init", "--name", "demo", "--server",
              f"tls://localhost:{world.nats}", "--api", url)
    for tenant in TENANTS:
        # There is no server yet that they could be brought to.
        world.run(PROVISION, "account", "create", tenant, "--no-push")
    world.run(PROVISION, "nats-config", "--out", world.folder / "nats", "--listen", "127.0.0.1",
              "--port", world.nats)
    world.start("nats-server", nats_server(), "-c", world.folder / "nats" / "nats-server.conf")
    world.wait("the NATS server to listen", lambda: answers(world.nats))
    for tenant in TENANTS:
        world.run(PROVISION, "stream", "ensure", tenant)
    for tenant in TENANTS:
        world.run(PROVISION, "user", "create", tenant, "reader", "--role", "platform", "--out",
                  world.folder / f"{tenant}.creds")
    world.start("serve", BIN / PROVISION, "serve", "--listen", f"127.0.0.1:{world.api}",
                "--access-log", world.folder / "access.log")
    world.wait("serve to listen", lambda: "serving listen=" in world.log("serve"))


def enroll(world):
    step(2, "Collectors join: each with the command that `token create` prints for its host")
    for tenant in TENANTS:
        etc = world.root(tenant) / "etc"
        etc.mkdir(parents=True)
        (etc / "machine-id").write_text(f"{random.getrandbits(128):032x}\n")
    for collector in COLLECTORS:
        tenant, kind = collector
        world.ids[collector] = world.run(PROVISION, "collector", "create", "--account", tenant,
                                         "--type", kind).strip()
        printed = world.run(PROVISION, "token", "create", world.ids[collector]).splitlines()
        command = next(line for line in printed if line.startswith("sudo "))
        token = next(line for line in printed if line.startswith("collectorpkg-v3:"))
        words = shlex.split(command.split("<<")[0])[2:]  # without sudo and the program
        if words[0] != "enroll" or words[-1] != "-":
            raise DemoError(f"token create printed another command: {command}")
        said = world.run(CLI, *words[:-1], "--root", world.root(tenant), "--no-restart", "-",
                         stdin=token + "\n", more=f" <<< {short(token)}")
        lines = list(dict.fromkeys(line for line in said.splitlines() if line.strip()))
        for line in lines if collector == COLLECTORS[0] else lines[-1:]:
            print("      " + line.strip().replace(str(world.folder), "$D"))
    listed = json.loads(world.run(PROVISION, "collector", "list", "--json"))["collectors"]
    for entry in listed:
        print(f"      {entry['id'][:8]}  {entry['account']:<7} {entry['type']:<8} {entry['state']}")
    if len(listed) != len(COLLECTORS) or any(e["state"] != "installed" for e in listed):
        raise DemoError("not every collector is installed")


def start_daemons(world):
    step(3, "The daemons start with what was enrolled; paths and ports are those of the demo")
    for collector in COLLECTORS:
        tenant, kind = collector
        root = world.root(tenant)
        sets = {"listeners.0.listen": f"udp://127.0.0.1:{world.udp[collector]}",
                "metrics.listen": f"127.0.0.1:{world.http[collector]}",
                "queue.dir": root / f"queue-{kind}", "tail.listen": "off",
                **world.files(collector)}
        words = [w for key, value in sets.items() for w in ("--set", f"{key}={value}")]
        world.start(f"{tenant}-{kind}", BIN / f"serviceradar-{kind}", "--config",
                    root / f"etc/serviceradar/{kind}.json", *words,
                    shown=None if collector == COLLECTORS[0] else 2)
    for collector in COLLECTORS:
        world.wait(f"{collector} to connect", lambda c=collector: world.connected(c))
    print("      all four are connected")


def captures(world):
    """The traffic: what real devices sent, out of the golden tests."""
    traps = {}
    for line in (GOLDEN / "snmp" / "cases.jsonl").read_text().splitlines():
        case = json.loads(line)
        traps[case["name"]] = bytes.fromhex(case["hex"])
    flows = (GOLDEN / "netflow" / FLOWS / "datagrams.hex").read_text().splitlines()
    made = {"trapd": [traps[name] for name in TRAPS],
            "netflow": [bytes.fromhex(line.split()[2]) for line in flows]}
    paths = {"syslog": GOLDEN / "syslog" / "demo.pcap"}
    for kind, payloads in made.items():
        paths[kind] = world.folder / f"{kind}.pcap"
        with open(paths[kind], "wb") as out:
            make_pcap.write_pcap(out, payloads)
    return paths


def share(collector, count):
    """How many datagrams a collector gets: tenants differ, and a flow datagram has many records."""
    tenant, kind = collector
    part = {"syslog": 1, "trapd": 10, "netflow": FLOWS_A_DATAGRAM}[kind]
    return max(1, count // part // (1 if tenant == "acme" else 3))


def replay(world, path, collector, count, rate):
    words = ["replay", path, "--to", f"udp://127.0.0.1:{world.udp[collector]}", "--rate", rate,
             "--count", count, "--loop", 0, "--json"]
    world.show([CLI, *words], " &")
    return subprocess.Popen([str(BIN / CLI), *map(str, words)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, text=True)


def finish(run, seconds):
    try:
        out, _ = run.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        run.kill()
        run.wait()
        raise DemoError("a replay did not end in its time") from None
    if run.returncode != 0:
        raise DemoError(f"a replay failed: {out}")
    return json.loads(out)["sent"]


def send(world, paths, rate, count):
    """Returns how many datagrams each collector was sent, when all of them are settled."""
    step(4, "Traffic of all three kinds, recorded from real devices")
    runs = {c: replay(world, paths[c[1]], c, share(c, count), max(1, rate * share(c, count)
                                                                   // count)) for c in COLLECTORS}
    try:
        sent = {c: finish(run, WAIT_S + 2 * count / rate) for c, run in runs.items()}
    finally:
        for run in runs.values():
            if run.poll() is None:
                run.kill()
                run.wait()

    def at_rest(collector):
        ledger = world.ledger(collector)
        arrived = ledger["received"] + ledger["kernel_drops"]
        return arrived >= sent[collector] and ledger["queued"] == 0 and ledger["balanced"]

    for collector in COLLECTORS:
        world.wait(f"everything of {collector} to be stored", lambda c=collector: at_rest(c))
    return sent


def print_table(rows):
    widths = [max(len(str(r[i])) for r in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("      " + "  ".join(str(v).ljust(w) if i < 2 else str(v).rjust(w)
                                   for i, (v, w) in enumerate(zip(row, widths))))


def arrived(world, sent):
    """Compares what was sent with the daemons' ledgers and with what the streams hold."""
    step(5, "It arrived: what was sent, the daemons' ledgers, and what the streams hold")
    streams = {tenant: world.stored(tenant) for tenant in TENANTS}
    rows = [("tenant", "collector", "sent", "received", "dropped", "in the stream",
             "dead letters", "lost")]
    fine = True
    for collector in COLLECTORS:
        tenant, kind = collector
        ledger = world.ledger(collector)
        subject = f"{tenant}.{SUBJECTS[kind]}"
        stored = streams[tenant].get(subject, 0)
        dead = streams[tenant].get(subject + ".deadletter", 0)
        dropped = ledger["dropped"] + ledger["dropped_records"] + ledger["kernel_drops"]
        records = sent[collector] * (FLOWS_A_DATAGRAM if kind == "netflow" else 1)
        lost = records - stored - dead
        rows.append((tenant, kind, sent[collector], ledger["received"], dropped, stored, dead,
                     lost))
        fine = fine and lost == dropped == 0 and ledger["balanced"]
    print_table(rows)
    print(f"      (A datagram of flows holds {FLOWS_A_DATAGRAM} records; a log line of any form "
          "is one.)")
    for kind in KINDS:
        files = world.files(("acme", kind))
        line = world.run(CLI, "tail", "--server", f"tls://localhost:{world.nats}", "--creds",
                         world.folder / "acme.creds", "--ca", files["nats.tls.ca_file"], "--cert",
                         files["nats.tls.cert_file"], "--key", files["nats.tls.key_file"],
                         "--stream", STREAMS[kind], "--subject", f"acme.{SUBJECTS[kind]}",
                         "--last", 100000, "--count", 1, "--json", show=kind == KINDS[0])
        record = json.loads(line)
        print(f"      {record['subject']}: {json.dumps(record['record'])[:100]} ...")
    return fine


def refusal(action):
    """The server's words when it refuses, or none."""
    try:
        action()
    except nats_client.Refused as refused:
        return str(refused)
    return ""


def isolated(world):
    """Whether a tenant can neither reach nor see the other."""
    step(6, "Tenants are apart: what the collector of globex may not do")
    fine = True

    def attempt(what, action):
        nonlocal fine
        with world.client(("globex", "syslog")) as client:
            verdict = refusal(lambda: (action(client), client.flush()))
        print(f"      {what}: {'refused' if verdict else 'ALLOWED'}")
        fine = fine and "Permissions Violation" in verdict

    attempt("publish to acme.logs.syslog", lambda c: c.publish("acme.logs.syslog", b"forged"))
    attempt("publish to logs.snmp, another kind's", lambda c: c.publish("logs.snmp", b"{}"))
    attempt("subscribe to acme.>", lambda c: c.subscribe("acme.>"))
    attempt("ask for its tenant's streams", lambda c: c.publish("$JS.API.STREAM.NAMES", b""))
    for tenant in TENANTS:
        subjects = sorted(world.stored(tenant))
        own = bool(subjects) and all(s.startswith(tenant + ".") for s in subjects)
        print(f"      the streams of {tenant} hold: {', '.join(subjects)}")
        fine = fine and own
    return fine


def log_lines(world):
    """How many log lines of acme are stored, readable or not."""
    found, subject = world.stored("acme"), "acme." + SUBJECTS["syslog"]
    return found.get(subject, 0) + found.get(f"{subject}.deadletter", 0)


def revoke(world, paths):
    """Whether a collector that is revoked is shut out at once, and nobody else is."""
    step(7, "A host is stolen: its trap collector is revoked, and the server shuts it out")
    began = time.monotonic()
    world.run(PROVISION, "collector", "revoke", world.ids[REVOKED], "--reason", "stolen")
    world.wait("the revoked collector to lose its connection",
               lambda: not world.connected(REVOKED), REVOKE_S)
    print(f"      its connection was closed within {time.monotonic() - began:.1f} s")
    verdict = shut_out(world)
    print(f"      connecting anew with its credentials: {verdict or 'ALLOWED'}")
    for line in world.log("-".join(REVOKED)).splitlines():
        if "lost the connection" in line:
            print("      its daemon says: " + line.split("serviceradar-trapd ", 1)[-1])
    return after_revocation(world, paths) and bool(verdict)


def after_revocation(world, paths):
    """Whether new traps stay in the collector's queue while what others receive is stored."""
    subject, other = "acme." + SUBJECTS["trapd"], ("acme", "syslog")
    traps, lines = world.stored("acme").get(subject, 0), log_lines(world)
    queued = world.ledger(REVOKED)["queued"]
    for collector in (REVOKED, other):
        finish(replay(world, paths[collector[1]], collector, 6, 100), WAIT_S)
    world.wait("the traps to be received", lambda: world.ledger(REVOKED)["queued"] >= queued + 6)
    world.wait("the log lines to arrive", lambda: log_lines(world) >= lines + 6)
    new = world.stored("acme").get(subject, 0) - traps
    print(f"      6 traps for it: {new} in the stream, {world.ledger(REVOKED)['queued']} in its "
          "queue, where they wait for new credentials")
    others = [c for c in COLLECTORS if c != REVOKED]
    kept = all(world.connected(c) for c in others)
    print(f"      6 log lines for another collector of acme: {log_lines(world) - lines} in the "
          f"stream; all {len(others)} others are {'' if kept else 'NOT '}connected")
    return new == 0 and kept


def shut_out(world):
    """How the server refuses the revoked credentials; nothing when it takes them."""
    try:
        with world.client(REVOKED):
            return ""
    except nats_client.Refused as refused:
        return str(refused)
    except (ssl.SSLError, ConnectionError) as error:
        return f"refused ({error})"


def keep(world):
    collector = ("acme", "syslog")
    files = {key: f"$D/{path.relative_to(world.folder)}"
             for key, path in world.files(collector).items()}
    print(f"\nEverything keeps running in D={world.folder}:")
    for name, process in world.processes:
        print(f"  {name}: process {process.pid}, log $D/{name}.log")
    print(f"\nSend a line to acme and look for it:\n"
          f"  D={world.folder}; PATH={BIN}:$PATH\n"
          f"  export SERVICERADAR_PROVISION_DIR=$D/issuer\n"
          f"  logger --udp --rfc3164 --server 127.0.0.1 --port {world.udp[collector]} hello\n"
          f"  curl http://127.0.0.1:{world.http[collector]}/ledger\n"
          f"  {CLI} tail --server tls://localhost:{world.nats} --creds $D/acme.creds \\\n"
          f"      --ca {files['nats.tls.ca_file']} \\\n"
          f"      --cert {files['nats.tls.cert_file']} \\\n"
          f"      --key {files['nats.tls.key_file']} --stream events --last 1\n"
          f"  {PROVISION} collector list\n"
          f"\nEnd it, and when all have ended remove the folder:\n"
          f"  kill {' '.join(str(p.pid) for _, p in reversed(world.processes))}\n"
          f"  rm -r {world.folder}")


def story(world, options):
    print(f"\nEverything is in D={world.folder}, and on 127.0.0.1. The programs are those of\n"
          f"{BIN}, and SERVICERADAR_PROVISION_DIR=$D/issuer.")
    provision(world)
    enroll(world)
    start_daemons(world)
    paths = captures(world)
    sent = send(world, paths, options.rate, options.count)
    checks = {"all that was sent arrived once": arrived(world, sent),
              "the tenants are apart": isolated(world),
              "the revoked collector is shut out": revoke(world, paths)}
    print()
    for claim, true in checks.items():
        print(f"{'  ok  ' if true else '  FAIL'}  {claim}")
    return all(checks.values())


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("a number above 0 is needed")
    return value


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--rate", type=positive, default=3000,
                        help="log lines a second for acme; other traffic lasts as long (3000)")
    parser.add_argument("--count", type=positive, default=15000,
                        help="log lines for acme, a tenth as many traps, as many flows (15000)")
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    return parser.parse_args()


def interrupt(_signal, _frame):
    raise KeyboardInterrupt


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, interrupt)
    began = time.monotonic()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="serviceradar-demo-"))
    world = World(folder)
    fine, kept = False, False
    try:
        fine = story(world, options)
        kept = options.keep
    except (DemoError, nats_client.Refused, OSError, subprocess.TimeoutExpired) as error:
        print(f"demo: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
    finally:
        if not kept:
            for number in (signal.SIGINT, signal.SIGTERM):  # everything is being stopped already
                signal.signal(number, signal.SIG_IGN)
            fine = world.stop() and fine
            shutil.rmtree(folder, ignore_errors=True)
    print(f"\nDone in {time.monotonic() - began:.0f} s." if fine else "\nThe demo FAILED.")
    if kept:
        keep(world)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
