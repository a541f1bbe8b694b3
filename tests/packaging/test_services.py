# SPDX-License-Identifier: Apache-2.0
"""The installed units under a real systemd: who runs, with what rights, and that nothing is lost."""

import re
from pathlib import Path

import pytest

from flows import v5
from lab import wait_for
from services import METRICS, NET_BIND_SERVICE, NO_CAPABILITY, PORTS, Stream, line, numbers
from traps import v2c

SUBJECTS = {"trapd": "acme.logs.snmp", "syslog": "acme.logs.syslog",
            "netflow": "acme.flows.raw.netflow"}
STREAMS = {"trapd": "events", "syslog": "events", "netflow": "flows"}
UNIT = "serviceradar-syslog.service"


@pytest.fixture(scope="module")
def broker(host):
    host.start_broker()
    return host


@pytest.fixture(scope="module")
def running(broker):
    """The machine with all three collectors on the packaged ports of both families."""
    for name, port in PORTS.items():
        broker.configure(name, [f"udp://[::]:{port}"])
        broker.start(f"serviceradar-{name}.service")
    return broker


def stored(host, name):
    return [m for m in host.stored(STREAMS[name]) if m.subject == SUBJECTS[name]]


def await_lines(host, tag, count):
    """Waits for so many lines of a tag in the stream, and returns their numbers in its order."""
    found = []

    def enough():
        found[:] = numbers(stored(host, "syslog"), tag)
        return len(found) >= count
    wait_for(f"{count} lines in the stream", enough, 60)
    return found


DATAGRAMS = {"trapd": v2c, "syslog": lambda: line(0, "any"), "netflow": lambda: v5(0xC0000200)}


# ---- Before anything is configured: these stand first in the file ----

def test_nothing_runs_and_nothing_failed_before_it_is_configured(host):
    for name in PORTS:
        host.box.run("systemctl", "start", f"serviceradar-{name}.service",
                     f"serviceradar-{name}.socket")
    listed = host.box.sh("systemctl list-units --all --plain --no-legend 'serviceradar-*'")
    assert {row.split()[2] for row in listed.splitlines()
            if ".timer" not in row} == {"inactive"}, listed
    assert host.box.sh("systemctl --failed --no-legend") == ""


# ---- What a service is ----

@pytest.mark.parametrize("name", PORTS)
def test_a_collector_runs_as_the_services_user_without_any_capability(running, name):
    running.check_rights(f"serviceradar-{name}.service", NO_CAPABILITY)


@pytest.mark.parametrize("name", PORTS)
@pytest.mark.parametrize("to", ["127.0.0.1", "::1"])
def test_what_is_sent_to_the_packaged_port_reaches_the_stream(running, name, to):
    before = len(stored(running, name))
    running.send(PORTS[name], DATAGRAMS[name](), to=to)
    wait_for("the record is stored", lambda: len(stored(running, name)) == before + 1)


@pytest.mark.parametrize("name", PORTS)
def test_state_of_a_collector_is_for_its_user_only(running, name):
    assert running.box.sh(f"stat -c '%U:%G %a' /var/lib/serviceradar/{name} "
                          f"/var/lib/serviceradar /run/serviceradar /etc/serviceradar") == (
        "serviceradar:serviceradar 700\nroot:root 755\nserviceradar:serviceradar 750\n"
        "root:serviceradar 750\n")


# ---- What it cannot do ----

PROBE = "/usr/local/lib/sandbox_probe.py"


@pytest.fixture(scope="module")
def probed(host):
    """The machine with what the probe looks for: files that any user may read and write."""
    host.box.copy(Path(__file__).with_name("sandbox_probe.py"), "/usr/local/lib")
    host.box.sh("echo file > /home/somebody; chmod 0644 /home/somebody; touch /tmp/of-others /dev/of-others; "
                "install -d -m 1777 /srv/open; install -d -m 1777 /var/lib/serviceradar/probe")
    return host


def probe_as(host, unit, text):
    """What the probe reports as the one command of a unit."""
    host.box.write(f"/run/systemd/system/{unit}", text)
    host.box.run("systemctl", "daemon-reload")
    host.box.run("systemctl", "start", unit, check=False)
    report = [row for row in host.box.journal(unit).splitlines()
              if row.startswith(("could ", "refused "))]
    assert len(report) == 13, report
    return [row for row in report if row.startswith("could ")]


@pytest.mark.parametrize("unit", [
    "serviceradar-syslog.service", "serviceradar-syslog@.service", "serviceradar-provision.service"])
def test_in_the_sandbox_nothing_is_possible_that_any_user_may_do(probed, unit):
    text = probed.box.path(f"/usr/lib/systemd/system/{unit}").read_text()
    text = re.sub(r"\\\n *", "", text)
    text = re.sub("(?m)^ExecStart=.*", f"ExecStart=/usr/bin/python3 {PROBE} ${{STATE_DIRECTORY}}", text)
    text = re.sub("(?m)^(Type=).*", r"\1oneshot", text)
    text = re.sub("(?m)^(Restart|WatchdogSec|Condition|StateDirectory=).*\n", "", text)
    text = text.replace("[Service]", "[Service]\nStateDirectory=serviceradar/probed")
    assert probe_as(probed, "probe-" + unit.replace("@", "-one"), text) == []


def test_what_the_sandbox_refuses_is_possible_outside_of_it(probed):
    could = probe_as(probed, "probe-outside.service", f"""[Service]
Type=oneshot
User=serviceradar
ExecStart=/usr/bin/python3 {PROBE} /var/lib/serviceradar/probe
""")
    assert len(could) == 13, probed.box.journal("probe-outside.service")


# ---- Restarts ----

def test_restarts_under_a_stream_of_datagrams_lose_none(running):
    stream = Stream(running, PORTS["syslog"])
    pids = [running.pid(UNIT)]
    try:
        for _ in range(3):
            running.box.run("systemctl", "restart", UNIT)
            pids.append(running.pid(UNIT))
            wait_for("datagrams of this process", lambda: running.ledger(
                METRICS["syslog"])["received"] > 100)
    finally:
        sent = stream.stop()
    assert len(set(pids)) == 4
    assert await_lines(running, "n", sent) == list(range(sent))


def test_a_killed_collector_comes_back_and_its_socket_kept_what_came(running):
    before = running.pid(UNIT)
    running.box.run("systemctl", "kill", "--signal=KILL", UNIT)
    wait_for("it is gone", lambda: running.pid(UNIT) != before)
    running.send(PORTS["syslog"], *(line(n, "killed") for n in range(200)))
    assert await_lines(running, "killed", 200) == list(range(200))
    assert running.state(UNIT) == "active"


@pytest.mark.parametrize("unit", ["syslog", "syslog@other"])
def test_what_is_kept_for_the_next_process_says_of_which_boot_it_is(running, unit):
    """Else a kill would count as a reboot, after which what was in hand is not known."""
    if "@" in unit:
        running.configure("syslog", ["udp://127.0.0.1:5514"], file=f"/etc/serviceradar/{unit}.yaml")
    running.start(f"serviceradar-{unit}.service")
    boot = running.box.sh("tr -d '-' </proc/sys/kernel/random/boot_id").strip()
    kept = running.box.path(f"/var/lib/serviceradar/{unit}/counters").read_bytes()
    if "@" in unit:
        running.box.run("systemctl", "stop", f"serviceradar-{unit}.service")
    assert boot.encode() in kept


def test_a_process_that_stands_still_is_replaced(running):
    # The packaged 30 s, in less time.
    running.box.write(f"/run/systemd/system/{UNIT}.d/fast.conf",
                      "[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\n")
    running.box.run("systemctl", "daemon-reload")
    running.box.run("systemctl", "restart", UNIT)
    before = running.pid(UNIT)
    running.box.run("systemctl", "kill", "--signal=STOP", UNIT)
    wait_for("another process", lambda: running.state(UNIT) == "active"
             and running.pid(UNIT) != before, 60)
    assert "watchdog" in running.box.journal(UNIT).lower()
    running.send(PORTS["syslog"], line(0, "watched"))
    assert await_lines(running, "watched", 1) == [0]
    running.box.run("rm", "-r", f"/run/systemd/system/{UNIT}.d")
    running.box.run("systemctl", "daemon-reload")


def test_a_reload_takes_the_new_configuration_without_another_process(running):
    before = running.pid(UNIT)
    running.configure("syslog", [f"udp://[::]:{PORTS['syslog']}"], partition="reloaded")
    running.box.run("systemctl", "reload", UNIT)
    wait_for("it says so", lambda: "the configuration is reloaded" in running.box.journal(UNIT))
    running.send(PORTS["syslog"], line(0, "reload"))
    await_lines(running, "reload", 1)
    assert running.pid(UNIT) == before
    assert b"reloaded" in stored(running, "syslog")[-1].body


def test_a_stopped_broker_and_a_restart_lose_nothing(running):
    running.box.run("systemctl", "stop", "nats")
    running.send(PORTS["syslog"], *(line(n, "kept") for n in range(500)))
    wait_for("all are queued", lambda: running.ledger(METRICS["syslog"])["queued"] >= 500)
    running.box.run("systemctl", "restart", UNIT)
    files = running.box.sh("stat -c '%U %a' /var/lib/serviceradar/syslog/*.seg").splitlines()
    assert files and set(files) == {"serviceradar 600"}
    running.box.run("systemctl", "start", "nats")
    running.await_port(4222)
    assert await_lines(running, "kept", 500) == list(range(500))


def test_new_credentials_are_used_without_another_process(running):
    creds = "/etc/serviceradar/creds/rotated.creds"
    install = f"install -g serviceradar -m 0640 /srv/world/acme/creds/%s.creds {creds}.new"
    running.box.sh(f"{install % 'expired'}; mv {creds}.new {creds}")
    running.configure("syslog", [f"udp://[::]:{PORTS['syslog']}"], creds=creds)
    running.box.run("systemctl", "restart", UNIT)
    before = running.pid(UNIT)
    running.send(PORTS["syslog"], line(0, "rotated"))
    wait_for("they are refused", lambda: "cannot connect to NATS" in running.box.journal(UNIT))
    running.box.sh(f"{install % 'syslog'}; mv {creds}.new {creds}")
    assert await_lines(running, "rotated", 1) == [0]
    assert running.pid(UNIT) == before


@pytest.mark.parametrize("who", ["", "runuser -u nobody -G serviceradar --"], ids=["root", "group"])
def test_records_are_shown_to_root_and_to_the_services_group(running, who):
    """Whoever asks is somebody else in the user namespace of the service."""
    stream = Stream(running, PORTS["syslog"])
    try:
        said = running.box.sh(f"{who} serviceradar-cli tail syslog --count 1 --json")
    finally:
        stream.stop()
    assert '"subject"' in said


def test_records_are_shown_to_nobody_else(running):
    done = running.box.run("runuser", "-u", "nobody", "--", "serviceradar-cli", "tail", "syslog",
                           "--count", "1", check=False)
    assert done.returncode == 1 and "join the group serviceradar" in done.stderr


# ---- Connections ----

def test_a_connection_waits_at_the_socket_of_its_port_for_a_service_that_is_down(running):
    held = "serviceradar-syslog-stream@514.socket"
    running.configure("syslog", ["udp://[::]:514", "tcp://[::]:514"])
    running.box.run("systemctl", "stop", UNIT)
    running.box.run("systemctl", "enable", "--now", held)
    for i in range(3):
        running.connect(514, line(i, "waits"))  # starts it
        assert await_lines(running, "waits", i + 1) == list(range(i + 1))
        running.box.run("systemctl", "stop", UNIT)
    running.box.run("systemctl", "disable", held)
    running.box.run("systemctl", "stop", held, UNIT)
    running.configure("syslog", ["udp://[::]:514"])
    running.start(UNIT)


# ---- Instances, and the end ----

def test_an_instance_runs_beside_the_service_with_one_capability(running):
    unit, port = "serviceradar-syslog@site2.service", 601
    running.configure("syslog", [f"udp://0.0.0.0:{port}"],
                      file="/etc/serviceradar/syslog@site2.yaml",
                      queue={"dir": "/var/lib/serviceradar/syslog@site2"},
                      metrics={"listen": "127.0.0.1:9631"})
    running.start(unit)
    running.check_rights(unit, NET_BIND_SERVICE)
    assert running.state(UNIT) == "active"
    running.send(port, line(0, "instance"))
    assert await_lines(running, "instance", 1) == [0]
    assert running.box.sh("stat -c '%U %a' /var/lib/serviceradar/syslog@site2") == (
        "serviceradar 700\n")
    running.box.run("systemctl", "stop", unit)


def test_old_names_of_the_units_are_ours(running):
    for old, ours in (("flowgger", "syslog"), ("flow-collector", "netflow")):
        assert running.box.show(f"serviceradar-{old}.service", "Id") == (
            f"serviceradar-{ours}.service")


def test_collectors_end_well_when_socket_and_service_are_stopped(running):
    for name in PORTS:
        unit = f"serviceradar-{name}.service"
        running.box.run("systemctl", "stop", f"serviceradar-{name}.socket", unit)
        assert running.box.show(unit, "Result") == "success"
