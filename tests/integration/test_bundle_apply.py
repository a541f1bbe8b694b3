# SPDX-License-Identifier: Apache-2.0
"""`bundle inspect`, `bundle apply`, `rollback` and `unenroll` against a real nats-server."""

import gzip
import json
import re
import signal
import socket
import stat
import subprocess

import pytest

from bundles import CLI, STATE, cli, files_of, native, picture, trapd_json, write_bundle
from test_provision import World, dev, free_port

SECRET = re.compile(r"S[OAU][A-Z2-7]{56}|PRIVATE KEY")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One for all: what is proven stores nothing."""
    w = World(tmp_path_factory.mktemp("bundles") / "world", free_port())
    done = dev(w.dir, w.port)
    assert done.returncode == 0, done.stderr
    w.start()
    yield w
    w.stop()


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def trapd(world, tmp_path):
    return write_bundle(tmp_path / "trapd.tgz", files_of(world, "trapd", trapd_json(world.port)))


def apply(bundle, root, *args, code=0, **options):
    done = cli("bundle", "apply", bundle, "--root", root, "--json", *args, **options)
    answer = json.loads(done.stdout)
    assert done.returncode == code == answer["exit"], done.stdout
    assert not SECRET.search(str(done.stdout) + str(done.stderr))
    return answer


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_bundle_is_shown_without_its_secrets(world, trapd):
    done = cli("bundle", "inspect", trapd)
    assert done.returncode == 0, done.stdout
    assert "acme-trapd" in done.stdout and "acme.logs.snmp" in done.stdout
    assert f"tls://localhost:{world.port}" in done.stdout and "nothing is wrong" in done.stdout
    assert not SECRET.search(done.stdout)

    answer = json.loads(cli("bundle", "inspect", trapd, "--json").stdout)
    assert answer["ok"] and answer["collector"] == "trapd" and answer["problems"] == []
    assert answer["configuration"]["subjects"] == ["logs.snmp"]
    assert {one["what"] for one in answer["lifetimes"]} == {"credentials", "certificate", "ca"}
    assert not SECRET.search(json.dumps(answer))


def test_everything_that_is_wrong_with_a_bundle_is_shown(world, tmp_path):
    files = files_of(world, "trapd", trapd_json(world.port), user="expired")
    files["certs/collector-key.pem"] = (world.dir / "acme/tls/platform-key.pem").read_bytes()
    done = cli("bundle", "inspect", write_bundle(tmp_path / "b.tgz", files), "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 6 and not answer["ok"]
    causes = " ".join(one["cause"] for one in answer["problems"])
    assert "expired" in causes and "not that of the certificate" in causes
    assert all(one["remedy"] for one in answer["problems"])


def test_what_is_no_bundle_has_one_cause_and_one_remedy(tmp_path):
    (tmp_path / "page.html").write_text("<html>a proxy's page</html>")
    done = cli("bundle", "inspect", tmp_path / "page.html")
    assert done.returncode == 6
    assert len(done.stderr.splitlines()) == 2 and "try: " in done.stderr
    assert cli("bundle", "inspect", tmp_path / "absent").returncode == 7
    assert cli("bundle", "inspect").returncode == 2
    assert cli("bundle", "burn", "x").returncode == 2


def test_a_bundle_enrols_a_host(trapd, root):
    answer = apply(trapd, root)
    assert answer["ok"] and answer["changed"] and answer["collector"] == "trapd"
    told = " ".join(step["text"] for step in answer["steps"])
    assert "connected to tls://localhost" in told and "logs.snmp may be published" in told
    for name in ("trapd.json", "creds/nats.creds", "certs/collector.pem",
                 "certs/collector-key.pem", "certs/ca-chain.pem"):
        assert mode(root / "etc/serviceradar" / name) == 0o640, name
    assert mode(root / STATE / "trapd.json") == 0o600
    assert mode(root / STATE) == 0o700
    record = json.loads((root / STATE / "trapd.json").read_text())
    assert record["config"] == "/etc/serviceradar/trapd.json"
    assert not SECRET.search(json.dumps(record))

    before = picture(root)
    again = apply(trapd, root)
    assert not again["changed"] and picture(root) == before


def test_a_bundle_comes_through_standard_input(trapd, root):
    answer = apply("-", root, input=trapd.read_bytes())
    assert answer["changed"]


def test_a_dry_run_changes_nothing(trapd, root):
    answer = apply(trapd, root, "--dry-run")
    assert answer["changed"] and answer["dry_run"]
    assert list(root.iterdir()) == []


def test_three_collectors_live_on_one_host(world, trapd, tmp_path, root):
    apply(trapd, root)
    first = picture(root)
    for role, protocol, subject in (("netflow", "netflow", "flows.raw.netflow"),
                                    ("syslog", "syslog", "logs.syslog")):
        files = files_of(world, role, native(protocol, subject, world.port))
        apply(write_bundle(tmp_path / f"{role}.tgz", files), root)
        config = json.loads((root / f"etc/serviceradar/{role}.json").read_text())
        assert config["nats"]["creds_file"] == f"/etc/serviceradar/creds/{role}.creds"
        assert (root / f"etc/serviceradar/creds/{role}.creds").read_bytes() == \
            files["creds/nats.creds"]
    now = picture(root)
    files = [name for name, state in first.items() if state[3] is not None]
    assert {name: now[name] for name in files} == {name: first[name] for name in files}

    done = cli("unenroll", "netflow", "--keep-history", "--root", root, "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["changed"], done.stdout
    left = picture(root)
    assert {name for name in now if name not in left} == {
        f"etc/serviceradar/{name}" for name in ("netflow.json", "creds/netflow.creds",
                                                "certs/netflow.pem", "certs/netflow-key.pem",
                                                "certs/netflow-ca.pem")}
    done = cli("unenroll", "netflow", "--keep-history", "--root", root, "--json")
    assert not json.loads(done.stdout)["changed"]
    assert cli("rollback", "--root", root).returncode == 0
    assert picture(root) == now


def holding(folder, creds):
    """The files that hold the seed of these credentials; a bundle is packed."""
    seed = SECRET.search(creds.decode()).group().encode()
    return [path for path in sorted(folder.rglob("*")) if path.is_file()
            and seed in (path.read_bytes() if path.name != "bundle" else
                         gzip.decompress(path.read_bytes()))]


def test_unenroll_leaves_no_secret_and_nothing_of_others_goes(world, trapd, tmp_path, root):
    files = files_of(world, "netflow", native("netflow", "flows.raw.netflow", world.port))
    for number in range(2):  # what the first run put in place is kept before and after
        files["config/netflow.json"] = native("netflow", "flows.raw.netflow", world.port,
                                              partition=f"number{number}").encode()
        apply(write_bundle(tmp_path / "netflow.tgz", files), root)
    apply(trapd, root)
    with_it = picture(root)
    creds = files["creds/nats.creds"]
    assert len(holding(root, creds)) >= 4

    before = json.loads(cli("unenroll", "netflow", "--dry-run", "--root", root, "--json").stdout)
    assert before["changed"] and picture(root) == with_it
    done = cli("unenroll", "netflow", "--root", root)
    assert done.returncode == 0 and "removed (2 changes)" in done.stdout  # and one is too old
    assert holding(root, creds) == []
    done = cli("unenroll", "netflow", "--root", root)
    assert done.returncode == 0 and "removed" not in done.stdout
    # The way back of the other is there still.
    assert (root / "etc/serviceradar/creds/trapd.creds").exists()
    assert cli("rollback", "--root", root).returncode == 0
    assert not (root / "etc/serviceradar/creds/trapd.creds").exists()


def test_unenroll_removes_what_an_earlier_one_kept(trapd, root):
    apply(trapd, root)
    assert cli("unenroll", "trapd", "--keep-history", "--root", root).returncode == 0
    folder = root / "var/lib/serviceradar/enroll"
    assert list(folder.glob("gen-*"))
    done = cli("unenroll", "trapd", "--root", root)
    assert done.returncode == 0 and "removed (2 changes)" in done.stdout
    assert not list(folder.glob("gen-*"))
    done = cli("rollback", "--root", root)
    assert done.returncode == 1 and "nothing to take back" in done.stderr


def test_rollback_goes_back_one_change_at_a_time(world, trapd, tmp_path, root):
    apply(trapd, root)
    first = picture(root)
    changed = write_bundle(tmp_path / "two.tgz",
                           files_of(world, "trapd", trapd_json(world.port, partition="two")))
    apply(changed, root)
    assert picture(root) != first
    before = picture(root)
    assert cli("rollback", "--root", root, "--dry-run").returncode == 0
    assert picture(root) == before
    done = cli("rollback", "--root", root)
    assert done.returncode == 0 and "/etc/serviceradar/trapd.json: as it was" in done.stdout
    assert picture(root) == first
    assert cli("rollback", "--root", root).returncode == 0
    assert not (root / "etc/serviceradar/trapd.json").exists()
    done = cli("rollback", "--root", root)
    assert done.returncode == 1 and "nothing to take back" in done.stderr


def test_unenroll_removes_a_bundle_of_the_collector_that_waits(world, tmp_path, root):
    files = files_of(world, "trapd", trapd_json(free_port()))
    apply(write_bundle(tmp_path / "late.tgz", files), root, code=8)
    folder = root / "var/lib/serviceradar/enroll"
    assert cli("unenroll", "netflow", "--root", root).returncode == 0
    assert (folder / "bundle.received").exists() and (folder / "received.record").exists()
    done = cli("unenroll", "trapd", "--root", root)
    assert done.returncode == 0 and "and a bundle" in done.stdout, done.stdout + done.stderr
    assert not (folder / "bundle.received").exists() and not (folder / "received.record").exists()


# ---- Failures: the host is as it was ----


def test_a_user_without_the_permission_is_found_before_anything_is_written(world, tmp_path, root):
    wrong = write_bundle(tmp_path / "wrong.tgz", files_of(
        world, "trapd", trapd_json(world.port), user="syslog"))
    answer = apply(wrong, root, code=6)
    assert "logs.snmp" in answer["cause"] and answer["remedy"]
    assert picture(root) == {} or all(s[3] is None for s in picture(root).values())


def test_a_permission_that_only_the_server_knows_takes_everything_back(world, trapd, tmp_path,
                                                                      root):
    apply(trapd, root)
    before = picture(root)
    wrong = write_bundle(tmp_path / "wrong.tgz", files_of(
        world, "trapd", trapd_json(world.port, partition="x"), user="syslog"))
    answer = apply(wrong, root, "--force", code=8)
    assert "acme.logs.snmp" in answer["cause"]
    assert picture(root) == before
    answer = json.loads(cli("bundle", "apply", "--kept", "--root", root, "--json").stdout)
    assert answer["exit"] == 6 and "logs.snmp" in answer["cause"]


def test_a_server_that_is_away_takes_everything_back_and_the_bundle_waits(world, tmp_path, root):
    port = free_port()
    late = write_bundle(tmp_path / "late.tgz", files_of(world, "trapd", trapd_json(port)))
    answer = apply(late, root, code=8)
    assert answer["remedy"] and not (root / "etc/serviceradar/trapd.json").exists()
    done = cli("bundle", "apply", "--kept", "--no-proof", "--root", root)
    assert done.returncode == 0, done.stderr
    assert (root / "etc/serviceradar/trapd.json").exists()
    done = cli("bundle", "apply", "--kept", "--root", root)
    assert done.returncode == 7 and "no bundle is kept" in done.stderr


def test_a_configuration_that_the_daemon_refuses_is_named(world, tmp_path, root):
    config = trapd_json(world.port, listne_addr="x")
    bad = write_bundle(tmp_path / "bad.tgz", files_of(world, "trapd", config))
    answer = apply(bad, root, code=6)
    assert "trapd.json:1" in answer["cause"] and "listne_addr" in answer["cause"]


def test_a_file_that_was_changed_by_hand_is_kept_beside(trapd, world, tmp_path, root):
    apply(trapd, root)
    config = root / "etc/serviceradar/trapd.json"
    config.write_text(config.read_text() + "\n")
    two = write_bundle(tmp_path / "two.tgz",
                       files_of(world, "trapd", trapd_json(world.port, partition="two")))
    apply(two, root)
    kept = [p for p in config.parent.iterdir() if ".operator-" in p.name]
    assert len(kept) == 1 and kept[0].read_text().endswith("\n")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_end_during_the_proof_leaves_the_host_as_it_was(world, trapd, tmp_path, root, how):
    apply(trapd, root)
    before = picture(root)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        slow = write_bundle(tmp_path / "slow.tgz", files_of(
            world, "trapd", trapd_json(silent.getsockname()[1])))
        process = subprocess.Popen([CLI, "bundle", "apply", slow, "--root", root],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        connection, _ = silent.accept()  # the proof has begun: the files are the new ones
        assert picture(root) != before and (root / STATE / "unproven").exists()
        process.send_signal(how)
        _, errors = process.communicate(timeout=60)
        connection.close()
    if how == signal.SIGTERM:
        assert process.returncode == 8 and "try: " in errors
    else:
        assert process.returncode == -how
        status = json.loads(cli("status", "--root", root, "--json").stdout)
        assert status["interrupted"]
        assert cli("rollback", "--root", root).returncode == 0
    assert picture(root) == before
    assert not (root / STATE / "unproven").exists()


def test_a_kill_at_any_moment_leaves_all_old_or_all_proven(world, trapd, tmp_path, root):
    apply(trapd, root)
    old = picture(root)
    two = write_bundle(tmp_path / "two.tgz",
                       files_of(world, "trapd", trapd_json(world.port, partition="two")))
    apply(two, root)
    new = picture(root)
    assert cli("rollback", "--root", root).returncode == 0
    for delay in (0.01, 0.03, 0.05, 0.08, 0.11, 0.15):
        process = subprocess.Popen([CLI, "bundle", "apply", two, "--root", root],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        was_proven = process.returncode == 0
        apply(two, root, "--no-proof")  # the next command puts right what was left
        assert picture(root) == new
        assert cli("rollback", "--root", root).returncode == 0
        assert picture(root) == old, (delay, was_proven)


def test_two_at_a_time_are_refused(world, trapd, tmp_path, root):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        slow = write_bundle(tmp_path / "slow.tgz", files_of(
            world, "trapd", trapd_json(silent.getsockname()[1])))
        first = subprocess.Popen([CLI, "bundle", "apply", slow, "--root", root],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        connection, _ = silent.accept()
        answer = apply(trapd, root, code=7)
        assert str(first.pid) in answer["cause"]
        connection.close()
        first.wait(60)
    assert first.returncode == 8


def test_no_child_sees_a_secret_in_its_arguments(world, trapd, tmp_path, root):
    """A daemon that writes down how it was started."""
    daemons = tmp_path / "daemons"
    daemons.mkdir()
    log = tmp_path / "log"
    (daemons / "serviceradar-trapd").write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" >> {log}\nenv >> {log}\n"
        f"exec {CLI.replace('serviceradar-cli', 'serviceradar-trapd')} \"$@\"\n")
    (daemons / "serviceradar-trapd").chmod(0o755)
    apply(trapd, root, "--daemon-dir", daemons)
    text = log.read_text()
    assert "--check-config" in text and not SECRET.search(text)
    assert "HOME=" not in text
    assert list((tmp_path / "root").rglob("*.sr-*")) == []


# ---- Several of one kind ----

def flows(world, tmp_path, name, port, **more):
    config = {**json.loads(native("netflow", "flows.raw.netflow", world.port)), **more}
    config["listeners"][0]["listen"] = f"udp://127.0.0.1:{port}"
    return write_bundle(tmp_path / f"{name}.tgz", files_of(
        world, "netflow", json.dumps(config)))


def test_instances_live_beside_each_other(world, tmp_path, root):
    apply(flows(world, tmp_path, "plain", 2055), root)
    first = picture(root)
    for n, name in enumerate(("site2", "site-3")):
        answer = apply(flows(world, tmp_path, name, 2056 + n), root, "--instance", name)
        assert answer["collector"] == f"netflow@{name}" and answer["changed"]
        assert not apply(flows(world, tmp_path, name, 2056 + n), root, "--instance",
                         name)["changed"]
        for file in (f"{name}.json", f"{name}.creds", f"{name}.pem"):
            assert list((root / "etc/serviceradar").rglob(f"netflow@{file}")), file
        record = json.loads(
            (root / f"var/lib/serviceradar/enroll/netflow@{name}.json").read_text())
        assert record["unit"] == f"serviceradar-netflow@{name}.service"
        assert record["config"] == f"/etc/serviceradar/netflow@{name}.json"
    now = picture(root)
    files = [name for name, state in first.items() if state[3] is not None]
    assert {name: now[name] for name in files} == {name: first[name] for name in files}

    status = json.loads(cli("status", "--root", root, "--json").stdout)
    assert [c["collector"] for c in status["collectors"]] == [
        "netflow", "netflow@site-3", "netflow@site2"]
    doctor = cli("doctor", "netflow@site2", "--root", root, "--json")
    [patient] = json.loads(doctor.stdout)["collectors"]
    assert patient["collector"] == "netflow@site2" and patient["enrolled"]

    done = cli("unenroll", "netflow@site2", "--keep-history", "--root", root, "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["collector"] == "netflow@site2"
    assert "/var/lib/serviceradar/netflow@site2" in done.stdout
    left = picture(root)
    assert {name for name in now if name not in left} == {
        f"etc/serviceradar/{name}" for name in (
            "netflow@site2.json", "creds/netflow@site2.creds", "certs/netflow@site2.pem",
            "certs/netflow@site2-key.pem", "certs/netflow@site2-ca.pem")}
    assert cli("rollback", "--root", root).returncode == 0
    assert picture(root) == now


def test_an_instance_that_there_is_no_room_for_is_refused_and_others_are_replaced(
        world, tmp_path, root):
    records = root / "var/lib/serviceradar/enroll"
    bundle = flows(world, tmp_path, "first", 2056)
    apply(bundle, root, "--instance", "first")
    for n in range(28):
        (records / f"trapd@i{n}.json").write_text("{}")
    was = picture(root)
    answer = apply(flows(world, tmp_path, "more", 2057), root, "--instance", "more", code=6)
    assert "32 collectors" in answer["cause"] and "unenroll" in answer["remedy"]
    assert picture(root) == was
    assert not apply(bundle, root, "--instance", "first")["changed"]


def test_the_bundle_of_an_instance_that_is_kept_is_for_it_alone(world, tmp_path, root):
    late = World(world.dir, free_port())
    answer = apply(flows(late, tmp_path, "late", 2055), root, "--instance", "b", code=8)
    assert answer["remedy"]
    done = cli("bundle", "apply", "--kept", "--no-proof", "--root", root, "--json")
    assert json.loads(done.stdout)["collector"] == "netflow@b", done.stdout
    assert (root / "etc/serviceradar/netflow@b.json").exists()


@pytest.mark.parametrize("port,more,which", [
    (2055, {}, "netflow receives on udp://127.0.0.1:2055 already"),
    (2056, {"metrics": {"listen": "127.0.0.1:9622"}},
     "netflow serves its numbers on 127.0.0.1:9622 already"),
    (2056, {"queue": {"dir": "/var/lib/serviceradar/netflow"}},
     "netflow has its queue in /var/lib/serviceradar/netflow already")])
def test_an_instance_that_meets_another_collector_is_refused(world, tmp_path, root, port, more,
                                                             which):
    apply(flows(world, tmp_path, "plain", 2055), root)
    before = picture(root)
    answer = apply(flows(world, tmp_path, "other", port, **more), root, "--instance", "b", code=6)
    assert which in answer["cause"] and answer["remedy"]
    assert picture(root) == before


def test_a_name_that_no_unit_can_have_is_refused(trapd, root):
    for name in ("", "-a", "a/b", "a.b", "x" * 33):
        done = cli("bundle", "apply", trapd, "--root", root, "--instance", name)
        assert done.returncode == 2 and "--instance" in done.stderr
