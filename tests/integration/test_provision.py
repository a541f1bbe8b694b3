# SPDX-License-Identifier: Apache-2.0
"""serviceradar-provision against a real nats-server. SR_BIN names the folder of the programs."""

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from lab import server_program
from nats_client import Client, Refused

ROOT = Path(__file__).resolve().parents[2]
PROVISION = str(Path(os.environ.get("SR_BIN", ROOT / "build-dev" / "bin")) /
                "serviceradar-provision")
SUBJECTS = ["logs.syslog", "logs.snmp", "flows.raw.netflow", "flows.raw.sflow", "events.netflow"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*args, **options):
    return subprocess.run([PROVISION, *map(str, args)], capture_output=True, text=True, timeout=60,
                          check=False, **options)


def dev(folder, port, *args):
    return run("dev", "--dir", folder, "--port", port, *args)


class World:
    """A folder that `dev` made, and the server that runs on it."""

    def __init__(self, folder, port):
        self.dir, self.port, self.process = folder, port, None

    def start(self):
        log = open(self.dir / "server-under-test.log", "wb")
        self.process = subprocess.Popen(
            [server_program(), "-c", self.dir / "nats-server.conf"],
            stdout=log, stderr=log)
        log.close()
        end = time.monotonic() + 10
        while time.monotonic() < end:
            assert self.process.poll() is None
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("nats-server does not accept connections")

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def client(self, tenant, user):
        owner = "platform" if user == "platform" else "collector"
        tls = self.dir / tenant / "tls"
        return Client(self.port, self.dir / tenant / "creds" / f"{user}.creds",
                      self.dir / "tls" / "ca.pem", tls / f"{owner}.pem", tls / f"{owner}-key.pem")

    def verify(self, code=0):
        done = run("verify", "--dir", self.dir, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def world(tmp_path):
    w = World(tmp_path / "world", free_port())
    done = dev(w.dir, w.port)
    assert done.returncode == 0, done.stderr
    yield w
    w.stop()


@pytest.fixture
def running(world):
    world.start()
    return world


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_every_secret_is_its_owners_alone(world):
    secrets = [p for p in world.dir.rglob("*")
               if p.suffix in (".seed", ".creds") or p.name.endswith("-key.pem")]
    assert len(secrets) == 3 + 2 * (2 + 5 + 2) + 2
    assert {mode(p) for p in secrets} == {0o600}
    made = [world.dir] + [world.dir / n for n in ("operator", "resolver", "tls", "jetstream",
                                                  "acme", "acme/creds", "globex/tls")]
    assert {mode(p) for p in made} == {0o700}
    others = [p for p in world.dir.rglob("*") if p.is_file() and p not in secrets
              and "jetstream" not in p.parts]
    for p in others:
        assert not re.search(rb"S[OAU][A-Z2-7]{56}|PRIVATE KEY", p.read_bytes()), p


def test_no_secret_is_printed(tmp_path):
    done = dev(tmp_path / "w", free_port())
    assert done.returncode == 0
    assert not re.search(r"S[OAU][A-Z2-7]{56}|PRIVATE KEY|eyJ", done.stdout + done.stderr)


def test_the_server_that_dev_started_is_gone(world):
    assert not (world.dir / "nats-server.pid").exists()
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", world.port)) != 0


def test_certificates_chain_to_the_root_for_their_purpose(world):
    ca = world.dir / "tls" / "ca.pem"
    for purpose, cert in (("sslserver", "tls/server.pem"), ("sslclient", "acme/tls/collector.pem"),
                          ("sslclient", "globex/tls/platform.pem")):
        subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", ca,
                        world.dir / cert], check=True, capture_output=True, timeout=10)
    for host in (["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"],
                 ["-verify_ip", "::1"]):
        subprocess.run(["openssl", "verify", *host, "-CAfile", ca, world.dir / "tls/server.pem"],
                       check=True, capture_output=True, timeout=10)


def test_a_new_world_is_empty_and_apart(running):
    report = running.verify()
    assert report["ok"] is True
    for tenant in ("acme", "globex"):
        subjects = report["tenants"][tenant]["subjects"]
        assert set(subjects) == {f"{tenant}.{s}{d}" for s in SUBJECTS for d in ("", ".deadletter")}
        assert {c["messages"] for c in subjects.values()} == {0}
        assert report["tenants"][tenant]["duplicates"] == 0
    tried = {(r["user"], r["action"], r["subject"]) for r in report["isolation"]}
    assert ("acme/syslog", "publish", "globex.logs.syslog") in tried
    assert ("globex/trapd", "subscribe", ">") in tried
    assert ("acme/platform", "reach", "globex.events.netflow") in tried
    assert all(r["refused"] for r in report["isolation"])


def test_streams_refuse_when_full_and_remember_ids(running):
    for name, window in (("events", 120), ("flows", 30)):
        with running.client("globex", "platform") as c:
            config = json.loads(c.request(f"$JS.API.STREAM.INFO.{name}", b"", "_INBOX.t"))["config"]
        assert config["discard"] == "new"
        assert config["storage"] == "file"
        assert config["max_bytes"] == 1 << 30
        assert config["max_age"] == 0
        assert config["duplicate_window"] == window * 10**9


@pytest.mark.parametrize("user,subject,stream", [
    ("syslog", "logs.syslog", "events"), ("syslog", "logs.syslog.deadletter", "events"),
    ("trapd", "logs.snmp", "events"), ("netflow", "flows.raw.netflow", "flows"),
    ("netflow", "flows.raw.sflow.deadletter", "flows"), ("netflow", "events.netflow", "events")])
def test_a_collector_is_acknowledged_on_its_own_subjects(running, user, subject, stream):
    with running.client("acme", user) as c:
        ack = json.loads(c.request(subject, b"{}", f"_INBOX.acme-{user}", "id-1"))
    assert ack == {"stream": stream, "seq": 1}
    report = running.verify()
    counts = report["tenants"]["acme"]["subjects"][f"acme.{subject}"]
    assert (counts["messages"], counts["unique"]) == (1, 1)
    assert all(c["messages"] == 0 for c in report["tenants"]["globex"]["subjects"].values())


@pytest.mark.parametrize("subject", ["logs.snmp", "globex.logs.syslog", "other", "$JS.API.INFO"])
def test_a_collector_may_publish_nothing_else(running, subject):
    with running.client("acme", "syslog") as c:
        c.publish(subject, b"{}")
        with pytest.raises(Refused, match="Permissions Violation for Publish"):
            c.flush()


@pytest.mark.parametrize("subject", [">", "_INBOX.>", "_INBOX.acme-trapd.>", "acme.logs.syslog"])
def test_a_collector_may_hear_only_its_inbox(running, subject):
    with running.client("acme", "syslog") as c:
        c.subscribe(subject)
        with pytest.raises(Refused, match="Permissions Violation for Subscription"):
            c.flush()


def test_expired_credentials_and_absent_certificates_are_refused(running):
    with pytest.raises(Refused, match="Authorization|Expired"):
        running.client("acme", "expired")
    with pytest.raises((OSError, ConnectionError)):
        Client(running.port, running.dir / "acme/creds/syslog.creds", running.dir / "tls/ca.pem")


def test_messages_whose_ids_repeat_are_counted(running):
    with running.client("acme", "platform") as c:
        config = json.loads(c.request("$JS.API.STREAM.INFO.events", b"", "_INBOX.t"))["config"]
        config["duplicate_window"] = 100 * 10**6
        c.request("$JS.API.STREAM.UPDATE.events", json.dumps(config).encode(), "_INBOX.t")
    with running.client("acme", "syslog") as c:
        for i in range(2000):
            c.publish("logs.syslog", b"x", "", f"id-{i}")
        c.flush()
        c.publish("logs.syslog", b"without an id")
        end = time.monotonic() + 10
        while time.monotonic() < end:  # until the server has forgotten the id
            ack = json.loads(c.request("logs.syslog", b"x", "_INBOX.acme-syslog", "id-7"))
            if not ack.get("duplicate"):
                break
    report = running.verify()["tenants"]["acme"]
    counts = report["subjects"]["acme.logs.syslog"]
    assert (counts["messages"], counts["unique"], counts["without_id"]) == (2002, 2001, 1)
    assert report["duplicates"] == 1


def test_verify_fails_when_a_collector_may_do_too_much(running):
    creds = running.dir / "acme" / "creds"
    shutil.copyfile(creds / "platform.creds", creds / "syslog.creds")
    report = running.verify(code=1)
    assert report["ok"] is False
    broken = [(r["user"], r["action"]) for r in report["isolation"] if not r["refused"]]
    assert broken == [("acme/syslog", "publish"), ("acme/syslog", "subscribe")]


def test_verify_prints_a_table_too(running):
    done = run("verify", "--dir", running.dir)
    assert done.returncode == 0
    assert re.search(r"acme\.logs\.syslog +0 +0", done.stdout)
    assert "ALLOWED" not in done.stdout


def test_verify_without_a_server_says_how_to_start_it(world):
    done = run("verify", "--dir", world.dir)
    assert done.returncode == 1
    assert f"nats-server -c {world.dir}/nats-server.conf" in done.stderr


def test_a_world_is_not_replaced_by_accident(world):
    before = {p: p.read_bytes() for p in world.dir.rglob("*.seed")}
    done = dev(world.dir, world.port)
    assert done.returncode == 1
    assert "--force" in done.stderr
    assert before == {p: p.read_bytes() for p in world.dir.rglob("*.seed")}


def test_force_replaces_a_world_and_keeps_what_is_not_its(world):
    (world.dir / "notes.txt").write_text("mine")
    old = (world.dir / "operator" / "operator.seed").read_bytes()
    done = dev(world.dir, world.port, "--force")
    assert done.returncode == 0, done.stderr
    assert (world.dir / "operator" / "operator.seed").read_bytes() != old
    assert (world.dir / "notes.txt").read_text() == "mine"
    assert len(list((world.dir / "resolver").glob("A*.jwt"))) == 3
    world.start()
    assert world.verify()["ok"] is True


def test_force_does_not_replace_a_world_under_its_server(running):
    for args in ([], ["--no-streams"]):
        done = dev(running.dir, free_port(), "--force", *args)
        assert done.returncode == 1
        assert f"pid {running.process.pid}" in done.stderr
    assert running.verify()["ok"] is True


def test_verify_names_a_stream_that_is_not_there(tmp_path):
    w = World(tmp_path / "w", free_port())
    assert dev(w.dir, w.port, "--no-streams").returncode == 0
    w.start()
    try:
        done = run("verify", "--dir", w.dir)
        assert done.returncode == 1
        assert "stream events of acme: the stream does not exist" in done.stderr
    finally:
        w.stop()


def test_a_signal_does_not_leave_a_server_behind(tmp_path):
    port = free_port()
    started = subprocess.Popen([PROVISION, "dev", "--dir", tmp_path / "w", "--port", str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pid_file = tmp_path / "w" / "nats-server.pid"
    end = time.monotonic() + 10
    while not pid_file.exists() and started.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    started.terminate()
    assert started.wait(30) in (0, -15)
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", port)) != 0


def test_force_completes_a_world_that_was_left_half_done(world):
    shutil.rmtree(world.dir / "tls")
    (world.dir / "world.json").unlink()
    assert "--force" in dev(world.dir, world.port).stderr
    done = dev(world.dir, world.port, "--force")
    assert done.returncode == 0, done.stderr
    world.start()
    assert world.verify()["ok"] is True


def test_force_does_not_touch_a_folder_of_somebody_else(tmp_path):
    (tmp_path / "README.txt").write_text("my thesis\n")
    done = dev(tmp_path, free_port(), "--force")
    assert done.returncode == 1
    assert "did not make" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["README.txt"]


def test_a_port_in_use_is_said_before_anything_is_written(tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        done = dev(tmp_path / "w", port)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr and "--port" in done.stderr
    assert not (tmp_path / "w").exists()


def test_a_missing_server_is_said_before_anything_is_written(tmp_path):
    done = dev(tmp_path / "w", free_port(), "--nats-server", tmp_path / "nats-server")
    assert done.returncode == 1
    assert "install it" in done.stderr and "--no-streams" in done.stderr
    assert not (tmp_path / "w").exists()


def test_a_server_that_ends_at_once_is_quoted(tmp_path):
    fake = tmp_path / "fake"
    fake.write_text("#!/bin/sh\necho one\necho the reason\nexit 1\n")
    fake.chmod(0o755)
    done = dev(tmp_path / "w", free_port(), "--nats-server", fake)
    assert done.returncode == 1
    assert "the reason" in done.stderr and "dev --force" in done.stderr


def test_without_streams_no_server_is_needed(tmp_path):
    done = dev(tmp_path / "w", free_port(), "--no-streams", "--tenant", "solo",
               "--nats-server", "/nowhere")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "w" / "world.json").read_text())["tenants"] == ["solo"]
    assert not list((tmp_path / "w" / "jetstream").iterdir())


def test_a_path_with_odd_characters_works(tmp_path):
    w = World(tmp_path / 'a "quoted" \\ folder', free_port())
    done = dev(w.dir, w.port, "--tenant", "one", "--tenant", "two", "--tenant", "three")
    assert done.returncode == 0, done.stderr
    w.start()
    try:
        assert w.verify()["ok"] is True
    finally:
        w.stop()


@pytest.mark.parametrize("args,says", [
    ([], "usage"), (["dve"], 'did you mean "dev"'), (["launch"], "--help"),
    (["dev"], "--dir"), (["dev", "--dir", "/x", "--port", "0"], "1 to 65535"),
    (["dev", "--dir", "/x", "--port", "99999"], "1 to 65535"),
    (["dev", "--dir", "/x", "--tenant", "Big"], "a-z"),
    (["dev", "--dir", "/x", "--tenant", "tls"], "tls"),
    (["dev", "--dir", "/x", "--tenant", "a", "--tenant", "a"], "twice"),
    (["dev", "--dir", "/x", "more"], "more"), (["verify"], "--dir")])
def test_wrong_usage_is_exit_code_2(args, says):
    done = run(*args)
    assert done.returncode == 2
    assert says in done.stderr


def test_help_and_version_go_to_standard_output():
    for args in (["--help"], ["dev", "--help"], ["verify", "--help"]):
        done = run(*args)
        assert done.returncode == 0 and "usage" in done.stdout and not done.stderr
    assert re.fullmatch(r"serviceradar-provision \d+\.\d+\.\d+\n", run("--version").stdout)


def test_a_damaged_or_absent_world_is_named(tmp_path):
    assert "No such file" in run("verify", "--dir", tmp_path / "nowhere").stderr
    (tmp_path / "world.json").write_text('{"port": 1, "tenants": [3]}')
    done = run("verify", "--dir", tmp_path)
    assert done.returncode == 1 and "damaged" in done.stderr
