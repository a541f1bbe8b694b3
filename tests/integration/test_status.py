# SPDX-License-Identifier: Apache-2.0
"""`serviceradar-cli status` of collectors that are enrolled in a scratch root."""

import json
import os
import socket
import subprocess

import pytest

from bundles import BIN, STATE, cli, files_of, udp_port, write_bundle
from lab import wait_for
from test_provision import World, dev, free_port


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World(tmp_path_factory.mktemp("status") / "world", free_port())
    done = dev(w.dir, w.port)
    assert done.returncode == 0, done.stderr
    w.start()
    yield w
    w.stop()


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def config(world, tmp_path, metrics):
    return json.dumps({
        "listeners": [{"protocol": "snmptrap", "listen": f"udp://127.0.0.1:{udp_port()}",
                       "subject": "logs.snmp"}],
        "nats": {"url": [f"tls://localhost:{world.port}"],
                 "creds_file": "/etc/serviceradar/creds/trapd.creds",
                 "tls": {"ca_file": "/etc/serviceradar/certs/trapd-ca.pem",
                         "cert_file": "/etc/serviceradar/certs/trapd.pem",
                         "key_file": "/etc/serviceradar/certs/trapd-key.pem"}},
        "queue": {"dir": str(tmp_path / "queue")}, "metrics": {"listen": f"127.0.0.1:{metrics}"}})


def enrol(world, tmp_path, root, metrics, **options):
    bundle = write_bundle(tmp_path / "b.tgz", files_of(
        world, "trapd", config(world, tmp_path, metrics), **options))
    done = cli("bundle", "apply", bundle, "--root", root)
    assert done.returncode == 0, done.stdout + done.stderr


def status(root, code):
    done = cli("status", "--root", root, "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == code == answer["exit"], done.stdout
    return answer


def test_a_host_without_collectors_is_well(root):
    assert status(root, 0)["collectors"] == []
    done = cli("status", "--root", root)
    assert done.returncode == 0 and "nothing is enrolled" in done.stdout
    assert list(root.iterdir()) == []


def test_an_enrolled_collector_is_told_with_its_lifetimes(world, tmp_path, root):
    enrol(world, tmp_path, root, free_port())
    answer = status(root, 0)
    (one,) = answer["collectors"]
    assert one["collector"] == "trapd" and one["ok"] and one["daemon"] is None
    assert one["credentials"]["name"] == "acme-trapd" and one["credentials"]["state"] == "good"
    assert one["certificate"]["until"] > one["certificate"]["from"]
    assert one["urls"] == [f"tls://localhost:{world.port}"]
    assert [g["undone"] for g in answer["generations"]] == [False]
    text = cli("status", "--root", root).stdout
    assert "acme-trapd, for ever" in text and "days left" in text and "all is well" in text


def test_a_running_daemon_tells_of_itself(world, tmp_path, root):
    metrics = free_port()
    enrol(world, tmp_path, root, metrics)
    etc = root / "etc/serviceradar"
    sets = {"nats.creds_file": etc / "creds/trapd.creds",
            "nats.tls.ca_file": etc / "certs/trapd-ca.pem",
            "nats.tls.cert_file": etc / "certs/trapd.pem",
            "nats.tls.key_file": etc / "certs/trapd-key.pem"}
    arguments = [word for key, value in sets.items() for word in ("--set", f"{key}={value}")]
    daemon = subprocess.Popen([BIN / "serviceradar-trapd", "--config", etc / "trapd.json",
                               *arguments], stderr=subprocess.DEVNULL)
    try:
        one = wait_for("a connected daemon", lambda: next(
            (c for c in json.loads(cli("status", "--root", root, "--json").stdout)["collectors"]
             if c["daemon"] and c["daemon"]["connected"]), None))
        assert one["ok"] and one["daemon"]["ready"] and one["daemon"]["healthy"]
        assert one["daemon"]["received"] == one["daemon"]["queued"] == 0
        assert "0 received" in cli("status", "--root", root).stdout
    finally:
        daemon.terminate()
        daemon.wait(20)


def test_something_else_on_the_port_is_not_taken_for_the_daemon(world, tmp_path, root):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        enrol(world, tmp_path, root, silent.getsockname()[1])
        (one,) = status(root, 0)["collectors"]
        assert one["daemon"] is None


@pytest.mark.parametrize("name, cause", [("creds/trapd.creds", "damaged"),
                                         ("certs/trapd.pem", "damaged"),
                                         ("trapd.json", "refuses")])
def test_a_damaged_file_makes_a_collector_unwell(world, tmp_path, root, name, cause):
    enrol(world, tmp_path, root, free_port())
    (root / "etc/serviceradar" / name).write_text("{ not what it was")
    (one,) = status(root, 3)["collectors"]
    assert not one["ok"]
    assert any(cause in word["text"] and word["bad"] for word in one["attention"])


def test_a_missing_file_makes_a_collector_unwell(world, tmp_path, root):
    enrol(world, tmp_path, root, free_port())
    (root / "etc/serviceradar/creds/trapd.creds").unlink()
    (one,) = status(root, 3)["collectors"]
    assert any("cannot read" in word["text"] for word in one["attention"])
    done = cli("status", "--root", root)
    assert done.returncode == 3 and "FAIL" in done.stdout


def test_a_damaged_record_is_told(world, tmp_path, root):
    enrol(world, tmp_path, root, free_port())
    (root / STATE / "trapd.json").write_text("{")
    done = cli("status", "--root", root)
    assert done.returncode == 7 and "record" in done.stderr and "try: " in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_only_root_may_read_is_told(root):
    (root / STATE).mkdir(parents=True, mode=0o000)
    assert cli("status", "--root", root).returncode == 7


def test_usage_is_told():
    assert "Exit codes" in cli("status", "--help").stdout
    for command in ("status", "rollback", "unenroll", "bundle"):
        assert cli(command, "--no-such").returncode == 2
        assert cli(command, "--help").returncode == 0
    assert cli("unenroll").returncode == 2
    assert cli("unenroll", "otel").returncode == 2
    assert cli("status", "extra").returncode == 2
