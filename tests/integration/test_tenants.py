# SPDX-License-Identifier: Apache-2.0
"""Collectors of two tenants at one server, with the world that serviceradar-provision makes."""

import json
import os
import shutil
import subprocess

import pytest

from flows import Collector, data, record, template
from lab import (NETFLOW, PROVISION, SYSLOG, TRAPD, ApiError, Daemon, Load, Pump, check_once,
                 wait_for)
from traps import Trapd, v1, v2c

TENANTS = ("acme", "globex")


@pytest.fixture
def world(lab):
    return lab.world()


def stored(world, tenant="acme"):
    with world.client(tenant) as c:
        return c.messages()


def test_each_tenant_sees_its_own_records_only(lab, world):
    daemons = {t: lab.daemon(name=f"syslog-{t}", nats=world.nats(t)) for t in TENANTS}
    loads = {t: Load() for t in TENANTS}
    pumps = [Pump(daemons[t], loads[t], 2000) for t in TENANTS]
    for daemon in daemons.values():
        wait_for("records flow", lambda d=daemon: d.ledger()["stored"] > 2000)
    for pump in pumps:
        pump.finish()
    for tenant, daemon in daemons.items():
        daemon.send([b"\xff" + tenant.encode()])
        ledger = daemon.settled(loads[tenant].sent + 1)
        assert (ledger["stored"], ledger["stored_dead"]) == (loads[tenant].sent, 1)
        assert not daemon.lines("warning") and not daemon.lines("error")
    for tenant, load in loads.items():
        messages = stored(world, tenant)
        assert len(messages) == load.sent + 1
        assert {m.subject for m in messages} == {
            f"{tenant}.logs.syslog", f"{tenant}.logs.syslog.deadletter"}
        check_once([m for m in messages if not m.subject.endswith("deadletter")], load)
        dead = [m for m in messages if m.subject.endswith("deadletter")]
        assert [m.body for m in dead] == [b"\xff" + tenant.encode()]
    done = subprocess.run([PROVISION, "verify", "--dir", world.dir, "--json"], timeout=60,
                          capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert report["ok"] is True
    for tenant, load in loads.items():
        counts = report["tenants"][tenant]["subjects"][f"{tenant}.logs.syslog"]
        assert (counts["messages"], counts["unique"]) == (load.sent, load.sent)


def test_the_configuration_that_dev_writes_runs_a_collector(lab, world):
    for tenant in TENANTS:
        daemon = Daemon(lab, name=f"syslog-{tenant}")
        daemon.run(SYSLOG, "--config", world.dir / tenant / "syslog.yaml",
                   "--set", f"listeners.0.listen={daemon.listeners[0]['listen']}",
                   "--set", f"metrics.listen=127.0.0.1:{daemon.metrics_port}")
        load = Load()
        daemon.send(load.lines(200))
        daemon.settled(200)
        check_once(stored(world, tenant), load)
        assert (world.dir / tenant / "queue" / "counters").exists()


def test_the_configuration_that_dev_writes_runs_a_flow_collector(lab, world):
    for tenant in TENANTS:
        daemon = Collector(lab, name=f"netflow-{tenant}")
        daemon.run(NETFLOW, "--config", world.dir / tenant / "netflow.yaml",
                   "--set", f"listeners.0.listen={daemon.listeners[0]['listen']}",
                   "--set", f"metrics.listen=127.0.0.1:{daemon.metrics_port}")
        daemon.exporter("127.0.0.5").v9(template(256), data(256, record(1), record(2)))
        wait_for("two flows are stored", lambda d=daemon: d.ledger()["stored"] == 2)
        daemon.stop()
    done = subprocess.run([PROVISION, "verify", "--dir", world.dir, "--json"], timeout=60,
                          capture_output=True, text=True, check=True)
    for tenant in TENANTS:
        counts = json.loads(done.stdout)["tenants"][tenant]["subjects"]
        assert counts[f"{tenant}.flows.raw.netflow"]["messages"] == 2


def test_the_configuration_that_dev_writes_runs_a_receiver_of_traps(lab, world):
    for tenant in TENANTS:
        daemon = Trapd(lab, name=f"trapd-{tenant}")
        daemon.run(TRAPD, "--config", world.dir / tenant / "trapd.yaml",
                   "--set", f"listeners.0.listen={daemon.listeners[0]['listen']}",
                   "--set", f"metrics.listen=127.0.0.1:{daemon.metrics_port}")
        daemon.sender().send(v1(), v2c(), b"hello")
        ledger = daemon.settled(3)
        assert (ledger["stored"], ledger["stored_dead"]) == (2, 1)
        assert {m.subject for m in stored(world, tenant)} == {
            f"{tenant}.logs.snmp", f"{tenant}.logs.snmp.deadletter"}
        daemon.stop()
        assert (world.dir / tenant / "queue-trapd" / "counters").exists()


def copy_creds(world, lab, user):
    """Another path for a user's credentials, to be replaced later."""
    file = lab.dir / "nats.creds"
    shutil.copyfile(world.dir / "acme" / "creds" / f"{user}.creds", file)
    return file


def test_expired_credentials_are_named_and_replaced_without_a_restart(lab, world):
    file = copy_creds(world, lab, "expired")
    daemon = lab.daemon(nats=world.nats(creds_file=str(file)))
    done = lab.run("--config", daemon.conf, "--check-config")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert str(file) in done.stderr and "expired" in done.stderr
    load = Load()
    daemon.send(load.lines(400))
    wait_for("several attempts", lambda: world.text().count("uthentication") >= 3)
    named = daemon.lines("cannot connect to NATS")
    assert len(named) == 1
    assert str(file) in named[0] and "expired" in named[0]
    fresh = lab.dir / "fresh"
    shutil.copyfile(world.dir / "acme" / "creds" / "syslog.creds", fresh)
    os.replace(fresh, file)
    daemon.settled(400)
    check_once(stored(world), load)
    daemon.hup()
    daemon.await_log("the configuration is reloaded")
    daemon.stop()
    assert len(daemon.lines("connected to NATS url=")) == 1  # they were read when first used


def test_credentials_are_renewed_under_load_without_a_gap(lab, world):
    file = copy_creds(world, lab, "syslog")
    daemon = lab.daemon(nats=world.nats(creds_file=str(file)))
    load = Load()
    pump = Pump(daemon, load, 2000)
    wait_for("records flow", lambda: daemon.ledger()["stored"] > 500)
    os.utime(file)
    daemon.hup()
    wait_for("a second connection", lambda: daemon.metric("output_connects_total") == 2)
    before = daemon.ledger()["stored"]
    wait_for("records flow on", lambda: daemon.ledger()["stored"] > before + 1000)
    pump.finish()
    daemon.settled(load.sent)
    check_once(stored(world), load, 4096)
    assert not daemon.lines("warning")


def test_a_collector_of_another_role_may_not_publish_and_says_so(lab, world):
    daemon = lab.daemon(nats=world.nats(
        creds_file=str(world.dir / "acme" / "creds" / "trapd.creds")), shutdown_timeout="0s")
    daemon.send(Load().lines(100))
    wait_for("several probes", lambda: daemon.metric(
        "output_refused_total", reason="permission") > 2)
    assert len(daemon.lines("records wait in the queue")) == 1
    assert daemon.lines("subject=logs.syslog reason=permission", "allow the mapped subject")
    wait_for("all to wait", lambda: daemon.ledger()["queued"] == 100)
    assert stored(world) == []


def test_a_platform_user_cannot_reach_the_other_tenants_stream(world):
    """What isolation means at the API: the same name is another stream."""
    with world.client("globex") as c:
        c.api("STREAM.PURGE.events")
        c.publish("globex.logs.syslog", b"theirs")
        c.flush()
        wait_for("it is stored", lambda: c.count() == 1)
    assert stored(world, "acme") == []
    with world.client("acme") as c, pytest.raises(ApiError):
        c.api("STREAM.INFO.globex")
