# SPDX-License-Identifier: Apache-2.0
"""serviceradar-cli doctor: every fault is made for real, and what doctor says of it is golden.

SR_WRITE_GOLDEN=1 writes tests/golden/doctor/*.txt anew, to be read before they are committed.
"""

import base64
import contextlib
import datetime
import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from lab import (BIN, NETFLOW, PROVISION, ROOT, SYSLOG, TRAPD, Authority, Daemon, FakeServer, Load,
                 Server, World, free_port, wait_for)
from nats_client import read_creds, sign
from test_proof import dated

GOLDEN = ROOT / "tests" / "golden" / "doctor"
CLI = BIN / "serviceradar-cli"
PROGRAMS = {"trapd": TRAPD, "syslog": SYSLOG, "netflow": NETFLOW}


@pytest.fixture(autouse=True)
def no_systemd(tmp_path_factory, monkeypatch):
    """A systemctl as on a host that was not started by systemd."""
    folder = tmp_path_factory.mktemp("path")
    (folder / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    (folder / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def run(*args, path=None, timeout=5):
    environment = dict(os.environ)
    if path is not None:
        environment["PATH"] = f"{path}:{environment['PATH']}"
    return subprocess.run([str(a) for a in (CLI, "doctor", *args, "--timeout", timeout)],
                          capture_output=True, text=True, timeout=120, check=False,
                          env=environment)


def plain(text, folder):
    """The text with what differs between two runs as placeholders."""
    text = text.replace(str(folder), "DIR").replace(str(BIN), "BIN")
    for pattern, name in (
            (r"\(pid \d+\)", "(pid PID)"), (r"by python[\d.]*", "by python"),
            (r"(localhost|127\.0\.0\.1|0\.0\.0\.0)(:| port )\d+", r"\1\2PORT"),
            (r"\bU[A-Z2-7]{55}\b", "USER"), (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME"),
            (r"\d+ (days|hours)\b", r"N \1"), (r"\d+ (MiB|KiB) left", r"N \1 left"),
            (r"buffers of \d+ KiB", "buffers of N KiB"), (r"issued \d+ s", "issued N s"),
            (r"nats-server [\d.]+", "nats-server VERSION"), (r"clock is \d+ s", "clock is N s"),
            (r"_INBOX\.[0-9a-zA-Z.-]*\.[0-9a-f]{16}", "_INBOX.ID")):
        text = re.sub(pattern, name, text)
    return text


def golden(name, done, folder, code):
    """Compares what was printed with the golden file; the exit code must agree with it."""
    text = plain(done.stdout, folder)
    assert done.stderr == ""
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("SR_WRITE_GOLDEN") == "1":
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()
    assert done.returncode == code


def ids(done, result):
    report = json.loads(done.stdout)
    return [c["id"] for part in [report["host"], *(c["checks"] for c in report["collectors"])]
            for c in part if c["result"] == result]


class Patient:
    """A configuration of a collector of the world, to be broken."""

    def __init__(self, world, tmp_path, collector="trapd"):
        self.world, self.dir, self.collector = world, tmp_path, collector
        text = (world.dir / "acme" / f"{collector}.yaml").read_text()
        self.config = yaml.safe_load(text)
        self.config["listeners"][0]["listen"] = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
        self.config["metrics"]["listen"] = f"127.0.0.1:{free_port()}"
        self.config["queue"].update(dir=str(tmp_path / "queue"), disk="64MiB")
        self.config["listeners"][0]["receive_buffer"] = "64KiB"  # any kernel gives that
        self.file = tmp_path / f"{collector}.yaml"
        self.nats = self.config["nats"]

    def doctor(self, *args, **options):
        self.file.write_text(json.dumps(self.config, indent=1))
        return run(self.collector, "--config", self.file, *args, **options)

    def golden(self, name, code=1, args=("--quiet",), **options):
        golden(name, self.doctor(*args, **options), self.dir, code)

    def creds(self, claims=None, signer=None, **changes):
        """The collector's credentials, issued again with other claims."""
        source = self.world.dir / "acme" / "creds" / f"{self.collector}.creds"
        file = self.dir / "changed.creds"
        file.write_text(issue(source, signer or self.world.dir / "acme" / "signing.seed",
                              {**changes, **(claims or {})}))
        file.chmod(0o600)
        self.nats["creds_file"] = str(file)
        return file


def seed_of(file):
    return base64.b32decode(file.read_text().strip() + "=" * 6)[2:34]


def encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def resign(token, seed_file, changes):
    """A token with some claims changed (None removes one), signed by a seed again."""
    head, body, _ = token.split(".")
    claims = {k: v for k, v in {**decode(body), **changes}.items() if v is not None}
    text = f"{head}.{encode(json.dumps(claims).encode())}"
    return f"{text}.{encode(sign(seed_of(seed_file), text.encode()))}"


def issue(creds, seed_file, changes):
    """The text of a credentials file with other claims."""
    token, _ = read_creds(creds)
    return creds.read_text().replace(token, resign(token, seed_file, changes))


@pytest.fixture
def world(lab):
    return World(lab).start()


@pytest.fixture
def patient(world, tmp_path):
    return Patient(world, tmp_path)


@pytest.fixture
def running(lab, world):
    """A collector that runs and is well, and how to look at it."""
    daemon = Daemon(lab, server=world, nats=world.nats(), queue={"disk": "64MiB"},
                    listeners=[{"receive_buffer": "64KiB"}]).start()
    wait_for("the collector is connected", lambda: daemon.metric("output_up") == 1)
    return daemon


def look(daemon, *args, **options):
    return run("syslog", "--config", daemon.conf, *args, **options)


# ---- Well ----

def test_a_collector_that_works_is_well(running, world, tmp_path):
    golden("well", look(running, "--creds", world.dir / "acme" / "creds" / "platform.creds"),
           tmp_path, 0)


def test_nothing_is_said_of_a_collector_that_is_well_when_asked_to_be_quiet(running):
    done = look(running, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_looking_stores_nothing(running, world):
    platform_creds = world.dir / "acme" / "creds" / "platform.creds"
    assert look(running, "--creds", platform_creds).returncode == 0
    with world.client() as platform:
        for stream in ("events", "flows"):
            assert platform.api(f"STREAM.INFO.{stream}")["state"]["last_seq"] == 0


def test_json_has_every_check_with_cause_and_remedy(patient):
    patient.nats["url"] = ["tls://127.0.0.1:1"]
    done = patient.doctor("--json")
    report = json.loads(done.stdout)
    assert report["ok"] is False and done.returncode == 1
    (one,) = report["collectors"]
    assert one["collector"] == "trapd" and one["enrolled"] is False
    for check in report["host"] + one["checks"]:
        assert set(check) == {"id", "result", "cause", "remedy"}
        assert check["result"] in ("ok", "warn", "FAIL", "skip")
        assert check["cause"]
        assert bool(check["remedy"]) == (check["result"] in ("warn", "FAIL")), check
    assert ids(done, "FAIL") == ["nats.tcp"]


def test_all_three_collectors_are_looked_at(world, tmp_path):
    for collector in PROGRAMS:
        done = Patient(world, tmp_path, collector).doctor("--json")
        assert ids(done, "FAIL") == [], done.stdout


@pytest.mark.parametrize("args", [
    ("fax",), ("trapd", "syslog"), ("--config", "/x"), ("--nothing",), ("--config",)])
def test_wrong_usage_is_2(args):
    done = subprocess.run([str(CLI), "doctor", *args], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 2 and done.stderr and not done.stdout


@pytest.mark.parametrize("seconds", ["0", "121", "x", "", "1x"])
def test_a_timeout_is_1_to_120_seconds(seconds):
    assert run("trapd", timeout=seconds).returncode == 2


def test_help_names_every_option():
    done = run("--help")
    assert done.returncode == 0
    for option in ("--config", "--creds", "--quiet", "--json", "--root", "--timeout"):
        assert option in done.stdout


def test_no_secret_is_printed(patient):
    patient.nats["url"] = [f"tls://me:s3cret@localhost:{patient.world.port}"]
    for args in ((), ("--json",)):
        done = patient.doctor(*args)
        text = done.stdout + done.stderr
        assert not re.search(r"S[OAU][A-Z2-7]{56}|PRIVATE KEY|eyJ|s3cret", text)


# ---- The way to the server ----

def test_unknown_name(patient):
    patient.nats["url"] = ["tls://no..name:4222"]
    patient.golden("dns")


def test_closed_port(patient):
    patient.nats["url"] = ["tls://localhost:1"]
    patient.golden("tcp")


def test_silent_server(patient):
    with socket.create_server(("127.0.0.1", 0)) as s:
        patient.nats["url"] = [f"tls://localhost:{s.getsockname()[1]}"]
        patient.golden("silent", timeout=3)


def test_another_program_at_the_server(patient, lab):
    server = FakeServer(lab, {}, lambda s: None)
    server._serve = lambda s: s.sendall(b"HTTP/1.1 400 Bad Request\r\n")
    patient.nats["url"] = [f"tls://localhost:{server.port}"]
    patient.golden("not_nats")


def test_tls_taken_away(patient, lab):
    server = FakeServer(lab, {}, lambda s: s.recv(1))
    patient.nats["url"] = [f"tls://localhost:{server.port}"]
    patient.golden("plaintext")


def test_no_encryption_configured(lab, tmp_path, world):
    server = Server(lab, "plain").start()
    with server.client() as client:
        client.add_stream(subjects=["logs.snmp", "logs.snmp.deadletter"])
    patient = Patient(world, tmp_path)
    patient.nats.clear()
    patient.nats["url"] = [server.url]
    patient.golden("no_encryption", code=0)


def test_wrong_ca(patient, tmp_path):
    patient.nats["tls"] = {"ca_file": str(Authority(tmp_path, "stranger").file)}
    patient.golden("wrong_ca")


def test_wrong_name(patient, lab):
    cert, key = lab.authority().issue("server")
    server = Server(lab, tls=(cert, key, None)).start()
    patient.nats["url"] = [f"tls://127.0.0.1:{server.port}"]
    patient.nats["tls"] = {"ca_file": str(lab.authority().file)}
    patient.golden("wrong_name")


@pytest.mark.parametrize("start,end,name", [(-3, -2, "server_expired"), (2, 3, "server_early")])
def test_server_certificate_out_of_its_time(patient, lab, start, end, name):
    cert, key = dated(lab.authority(), "dated", start, end)
    server = Server(lab, tls=(cert, key, None)).start()
    patient.nats["url"] = [server.tls_url]
    patient.nats["tls"] = {"ca_file": str(lab.authority().file)}
    patient.golden(name)


def test_missing_client_certificate(patient):
    del patient.nats["tls"]["cert_file"], patient.nats["tls"]["key_file"]
    patient.golden("no_client_certificate")


def test_client_certificate_of_another_authority(patient, tmp_path):
    cert, key = Authority(tmp_path, "stranger").issue("client")
    key.chmod(0o600)
    chain = tmp_path / "both.pem"
    chain.write_text((tmp_path / "stranger.pem").read_text() +
                     Path(patient.nats["tls"]["ca_file"]).read_text())
    patient.nats["tls"].update(cert_file=str(cert), key_file=str(key), ca_file=str(chain))
    patient.golden("foreign_client_certificate")


def test_one_dead_server_of_the_list(patient):
    patient.nats["url"].append("tls://localhost:1")
    patient.golden("dead_server_of_list", code=0)


# ---- Credentials and certificates ----

def test_expired_credentials(patient):
    now = int(time.time())
    patient.creds(iat=now - 1000, exp=now - 10)
    patient.golden("creds_expired")


@pytest.mark.parametrize("age,left,name", [(70, 30, "creds_two_thirds"), (95, 5, "creds_nearly")])
def test_credentials_that_expire_soon(patient, age, left, name):
    now = int(time.time())
    patient.creds(iat=now - age * 86400, exp=now + left * 86400 + 3600)
    patient.golden(name, code=0)


def test_credentials_that_are_young_are_fine(patient):
    now = int(time.time())
    patient.creds(iat=now - 10 * 86400, exp=now + 20 * 86400)
    assert ids(patient.doctor("--json"), "warn") == ["port"]


def test_clock_behind_the_credentials(patient):
    patient.creds(iat=int(time.time()) + 4000)
    patient.golden("clock_behind")


def test_damaged_credentials(patient):
    file = patient.creds()
    file.write_text(file.read_text().replace("eyJ0eX", "eyJ0eY", 1))
    patient.golden("creds_damaged")


def test_credentials_of_another_operator(patient, tmp_path):
    other = tmp_path / "other"
    subprocess.run([PROVISION, "dev", "--dir", other, "--no-streams"], check=True,
                   capture_output=True, timeout=60)
    patient.nats["creds_file"] = str(other / "acme" / "creds" / "trapd.creds")
    patient.golden("refused")


def test_key_of_another_certificate(patient):
    patient.nats["tls"]["key_file"] = str(
        patient.world.dir / "globex" / "tls" / "collector-key.pem")
    patient.golden("key_mismatch")


def test_ca_file_without_a_root(patient, tmp_path):
    chain = tmp_path / "chain.pem"
    shutil.copy(patient.nats["tls"]["cert_file"], chain)
    patient.nats["tls"]["ca_file"] = str(chain)
    patient.golden("no_root")


def test_client_certificate_that_expires_soon(patient, tmp_path, lab):
    authority = lab.authority()
    cert, key = dated(authority, "short", -20, 1)
    server = Server(lab, tls=(*authority.issue("server"), authority.file)).start()
    patient.nats.update(url=[server.tls_url], tls={
        "ca_file": str(authority.file), "cert_file": str(cert), "key_file": str(key)})
    with contextlib.closing(server.client(cert=cert, key=key).sock):
        pass
    done = patient.doctor("--json")
    assert "certificate" in ids(done, "warn"), done.stdout


# ---- Permissions and streams ----

def test_permission_on_the_mapped_subject(patient):
    patient.nats["creds_file"] = str(patient.world.dir / "acme" / "creds" / "syslog.creds")
    patient.golden("permission")


def test_subject_that_is_not_mapped(patient):
    patient.config["listeners"][0]["subject"] = "traps"
    patient.golden("permission_unmapped")


def test_dead_letters_refused(patient):
    token, _ = read_creds(patient.world.dir / "acme" / "creds" / "trapd.creds")
    claims = decode(token.split(".")[1])["nats"]
    claims["pub"]["allow"] = ["acme.logs.snmp"]
    patient.creds({"nats": claims})
    patient.golden("dead_letters_refused", code=0)


def test_inbox_refused(patient):
    patient.nats["inbox_prefix"] = "_INBOX.somebody"
    patient.golden("inbox")


def test_no_stream(patient):
    with patient.world.client() as platform:
        platform.api("STREAM.DELETE.events")
    patient.golden("no_stream", args=("--quiet", "--creds",
                                      patient.world.dir / "acme" / "creds" / "platform.creds"))


def test_stream_full(running, world, tmp_path):
    load = Load()
    running.send(load.lines(5))
    running.settled(5)
    with world.client() as platform:
        platform.update_stream(max_msgs=5)
    running.send(load.lines(3))
    wait_for("a refusal", lambda: running.metric("output_refused_total", reason="stream_full"))
    golden("stream_full", look(running, "--quiet", "--creds",
                               world.dir / "acme" / "creds" / "platform.creds"), tmp_path, 1)
    # Without a reader's credentials the daemon's own numbers tell.
    golden("stream_full_by_the_daemon", look(running, "--quiet"), tmp_path, 1)
    with world.client() as platform:
        platform.update_stream(max_msgs=-1)
    running.settled(8)
    done = look(running, "--json")
    assert ids(done, "FAIL") == [], done.stdout


def test_stream_that_discards(patient):
    with patient.world.client() as platform:
        platform.update_stream(discard="old")
    patient.golden("discard_old", code=0, args=(
        "--quiet", "--creds", patient.world.dir / "acme" / "creds" / "platform.creds"))


def test_account_without_jetstream(lab, tmp_path):
    world = World(lab)
    for file in (world.dir / "resolver").glob("A*.jwt"):
        body = decode(file.read_text().split(".")[1])
        if body["name"] == "acme":
            for name in ("mem_storage", "disk_storage", "streams", "consumer"):
                body["nats"]["limits"].pop(name, None)
            file.write_text(resign(file.read_text().strip(),
                                   world.dir / "operator" / "operator.seed",
                                   {"nats": body["nats"]}))
    world.start()
    patient = Patient(world, tmp_path)
    patient.golden("no_jetstream", args=(
        "--quiet", "--creds", world.dir / "acme" / "creds" / "platform.creds"))


def test_reader_that_may_not_ask(patient):
    done = patient.doctor("--json", "--creds",
                          patient.world.dir / "acme" / "creds" / "syslog.creds")
    assert "jetstream.account" in ids(done, "warn"), done.stdout
    assert done.returncode == 0


# ---- The host ----

def test_port_of_another_program(patient):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        patient.config["listeners"][0]["listen"] = f"udp://0.0.0.0:{s.getsockname()[1]}"
        patient.golden("port_taken")


def test_metrics_port_of_another_program(patient):
    with socket.create_server(("127.0.0.1", 0)) as s:
        patient.config["metrics"]["listen"] = f"127.0.0.1:{s.getsockname()[1]}"
        patient.golden("metrics_port_taken", timeout=3)


def test_collector_that_does_not_run(patient):
    patient.golden("not_running", code=0)


def test_receive_buffer_above_the_kernels_limit(patient):
    patient.config["listeners"][0]["receive_buffer"] = "1GiB"
    patient.golden("receive_buffer", code=0)


def test_disk_smaller_than_the_queue(patient, tmp_path):
    patient.config["queue"]["disk"] = "1TiB"
    space = os.statvfs(tmp_path)
    expected = "warn" if space.f_bavail * space.f_frsize < 1 << 40 else "ok"
    assert "disk" in ids(patient.doctor("--json"), expected)


def test_configuration_refused(patient):
    patient.config["listenrs"] = []
    patient.golden("config_refused")


def test_other_file_of_the_configuration_missing(patient, tmp_path):
    patient.config["mib_file"] = str(tmp_path / "names.mibc")
    patient.golden("config_file_missing")


def test_file_missing(patient, tmp_path):
    patient.nats["creds_file"] = str(tmp_path / "nobody.creds")
    patient.golden("file_missing")


def test_secret_that_everybody_can_read(patient):
    file = patient.creds()
    file.chmod(0o644)
    patient.golden("secret_readable")


SYSTEMCTL = """#!/bin/sh
case $1 in
is-active) [ "$3" = "{active}" ] && exit 0; exit 3 ;;
show) printf '{show}\\n' ;;
esac
"""


def systemctl(tmp_path, active="none", **show):
    """A folder with a systemctl that tells this of every unit."""
    folder = tmp_path / "path"
    folder.mkdir()
    properties = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled",
                  "NRestarts": 0, "MainPID": 0, "Result": "success", **show}
    file = folder / "systemctl"
    file.write_text(SYSTEMCTL.format(
        active=active, show="\\n".join(f"{k}={v}" for k, v in properties.items())))
    file.chmod(0o755)
    return folder


@pytest.mark.parametrize("name,code,show", [
    ("unit_failed", 1, {"ActiveState": "failed", "Result": "exit-code"}),
    ("unit_restarting", 1, {"ActiveState": "activating", "Result": "watchdog"}),
    ("unit_stopped", 0, {"ActiveState": "inactive"}),
    ("unit_active_elsewhere", 1, {"MainPID": 1 << 22}),
])
def test_unit_states(patient, tmp_path, name, code, show):
    patient.golden(name, code=code, path=systemctl(tmp_path, **show))


@pytest.mark.parametrize("name,show", [
    ("unit_restarted", {"NRestarts": 17}), ("unit_disabled", {"UnitFileState": "disabled"})])
def test_units_that_run_but_not_well(running, tmp_path, name, show):
    path = systemctl(tmp_path, MainPID=running.pid, **show)
    golden(name, look(running, "--quiet", path=path), tmp_path, 0)


def test_a_masked_unit_is_no_missing_package(patient, tmp_path):
    path = systemctl(tmp_path, LoadState="masked", ActiveState="inactive")
    assert f"systemctl unmask serviceradar-{patient.collector}.service" in patient.doctor(path=path).stdout


def test_unit_of_the_platforms_packages(patient, tmp_path):
    path = systemctl(tmp_path, active="serviceradar-flow-collector.service", LoadState="not-found")
    patient.golden("other_unit", path=path)


def test_a_name_of_the_platforms_that_is_our_alias_is_no_other_unit(patient, tmp_path):
    unit = "serviceradar-flow-collector.service"
    for aliased in (unit, "serviceradar-netflow.service"):
        folder = tmp_path / aliased
        folder.mkdir()
        (folder / "systemctl").write_text(
            f'#!/bin/sh\n[ "$1" = show ] && echo Id={aliased} && exit 0\n[ "$3" = {unit} ] || exit 3\n')
        (folder / "systemctl").chmod(0o755)
        found = patient.doctor(path=folder).stdout
        assert ("runs beside our collectors" in found) == (aliased == unit), found


# ---- The collector's own numbers ----

def test_records_wait_for_the_server(running, world, tmp_path):
    world.end()
    wait_for("the connection is gone", lambda: running.metric("output_up") == 0)
    running.feed(Load().lines(10))
    golden("queue_waits", look(running, "--quiet"), tmp_path, 1)


def test_dead_letters(running, tmp_path):
    running.feed([b"\xff\xfe nonsense"])
    running.settled(1)
    golden("dead_letters", look(running, "--quiet"), tmp_path, 0)


def test_a_stopped_daemon_drops_in_the_kernel(lab, world, tmp_path):
    daemon = Daemon(lab, server=world, nats=world.nats(), queue={"disk": "64MiB"},
                    listeners=[{"receive_buffer": "64KiB", "shed": False}]).start()
    daemon.send_signal(19)
    for _ in range(3000):
        daemon.socket.sendto(b"<13>Jan  2 03:04:05 host app: x", daemon.address())
    daemon.send_signal(18)
    wait_for("the drops are counted", lambda: daemon.metric("kernel_drops_total"))
    done = look(daemon, "--json")
    assert ids(done, "warn") == ["daemon.kernel_drops"], done.stdout


# ---- Beneath a root ----

class Image:
    """A host in a folder, with a collector that looks enrolled."""

    def __init__(self, world, folder):
        self.root = folder / "root"
        self.etc = self.root / "etc" / "serviceradar"
        for name in ("creds", "certs"):
            (self.etc / name).mkdir(parents=True)
        (self.root / "etc" / "passwd").write_text(
            "root:x:0:0::/:/bin/sh\nserviceradar:x:4711:4712::/:/bin/false\n")
        (self.root / "etc" / "group").write_text("serviceradar:x:4712:\n")
        tls = world.dir / "acme" / "tls"
        self.place("creds/nats.creds", world.dir / "acme" / "creds" / "trapd.creds", 0o640)
        self.place("certs/collector-key.pem", tls / "collector-key.pem", 0o640)
        self.place("certs/collector.pem", tls / "collector.pem", 0o644)
        self.place("certs/ca-chain.pem", world.dir / "tls" / "ca.pem", 0o644)
        (self.etc / "trapd.json").write_text(json.dumps({
            "listen_addr": "0.0.0.0:162", "nats_url": world.tls_url, "subject": "logs.snmp",
            "stream_name": "events", "nats_creds_file": "/etc/serviceradar/creds/nats.creds",
            "nats_security": {"mode": "mtls", "cert_file": "/etc/serviceradar/certs/collector.pem",
                              "key_file": "/etc/serviceradar/certs/collector-key.pem",
                              "ca_file": "/etc/serviceradar/certs/ca-chain.pem"}}))
        self.state = self.root / "var" / "lib" / "serviceradar" / "enroll"
        self.state.mkdir(parents=True)

    def place(self, name, source, mode):
        file = self.etc / name
        shutil.copy(source, file)
        if os.geteuid() == 0:
            os.chown(file, 0, 4712)
        file.chmod(mode)

    def record(self, **changes):
        record = {"version": 1, "collector": "trapd", "package_id": "", "core_url": "",
                  "ca_file": "", "token_hash": "", "keys_of_host": False,
                  "enrolled_s": 1700000000, "renewed_s": 0,
                  "config": "/etc/serviceradar/trapd.json",
                  "creds": "/etc/serviceradar/creds/nats.creds",
                  "certificate": "/etc/serviceradar/certs/collector.pem",
                  "key": "/etc/serviceradar/certs/collector-key.pem",
                  "ca_chain": "/etc/serviceradar/certs/ca-chain.pem",
                  "unit": "serviceradar-trapd.service", **changes}
        file = self.state / "trapd.json"
        file.write_text(json.dumps(record))
        file.chmod(0o600)

    def golden(self, name, folder, code, *args):
        golden(name, run("--root", self.root, *args), folder, code)


@pytest.fixture
def image(world, tmp_path):
    one = Image(world, tmp_path)
    one.record()
    return one


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="files are given away by root only")


@as_root
def test_enrolled_beneath_a_root(image, tmp_path):
    image.golden("enrolled", tmp_path, 0)


@as_root
@pytest.mark.parametrize("name,mode,owner", [
    ("service_cannot_read", 0o600, 0), ("service_reads_by_world", 0o644, 0)])
def test_files_and_the_services_user(image, tmp_path, name, mode, owner):
    file = image.etc / "creds" / "nats.creds"
    os.chown(file, owner, owner)
    file.chmod(mode)
    image.golden(name, tmp_path, 1, "--quiet")


@as_root
def test_folder_that_the_service_cannot_enter(image, tmp_path):
    (image.etc / "creds").chmod(0o700)
    image.golden("folder_closed", tmp_path, 1, "--quiet")


@as_root
def test_enrolled_file_that_is_gone(image, tmp_path):
    (image.etc / "certs" / "collector.pem").unlink()
    image.golden("enrolled_file_gone", tmp_path, 1, "--quiet")


@as_root
def test_no_service_user(image, tmp_path):
    (image.root / "etc" / "passwd").write_text("root:x:0:0::/:/bin/sh\n")
    image.golden("no_user", tmp_path, 1, "--quiet")


@as_root
def test_damaged_record(image, tmp_path):
    (image.state / "trapd.json").write_text("{")
    image.golden("record_damaged", tmp_path, 1, "--quiet")


def test_nothing_enrolled(tmp_path):
    (tmp_path / "root").mkdir()
    golden("nothing_enrolled", run("--root", tmp_path / "root", "--quiet"), tmp_path, 1)


def test_key_folder_that_others_can_write(tmp_path):
    folder = tmp_path / "root" / "etc" / "serviceradar" / "trust.d"
    folder.mkdir(parents=True)
    file = folder / "issuer.pub"
    file.write_text("A" * 43 + "=\n")
    file.chmod(0o666)
    golden("trust", run("--root", tmp_path / "root", "--quiet"), tmp_path, 1)


@as_root
@pytest.mark.parametrize("name,owner,mode", [
    ("folder_of_the_service", 4711, 0o750), ("folder_others_can_write", 0, 0o770)])
def test_folder_of_configurations_that_is_not_roots_alone(image, tmp_path, name, owner, mode):
    os.chown(image.etc, owner, 4712)
    image.etc.chmod(mode)
    image.golden(name, tmp_path, 0, "--quiet")


def test_program_that_shadows_ours(tmp_path):
    folder = tmp_path / "root" / "usr" / "local" / "bin"
    folder.mkdir(parents=True)
    for name in ("serviceradar-trapd", "serviceradar-cli"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    golden("shadow", run("--root", tmp_path / "root", "--quiet"), tmp_path, 1)


def test_clock_against_the_core(image, tmp_path, lab):
    """The core's answer has a Date that is ten minutes before ours."""
    from email.utils import format_datetime
    import ssl

    cert, key = lab.authority().issue("core")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=10)

    def serve(s):
        with context.wrap_socket(s, server_side=True) as tls:
            tls.recv(65536)
            tls.sendall(f"HTTP/1.1 200 OK\r\nDate: {format_datetime(then, usegmt=True)}\r\n"
                        "Content-Length: 0\r\nConnection: close\r\n\r\n".encode())

    core = FakeServer(lab, {}, serve)
    core._serve = serve
    image.record(core_url=f"https://localhost:{core.port}")
    done = run("--root", image.root, "--json")
    report = json.loads(done.stdout)["collectors"][0]["checks"]
    (clock,) = [c for c in report if c["id"] == "clock"]
    assert clock["result"] == "FAIL" and "before that of https://localhost" in clock["cause"]
