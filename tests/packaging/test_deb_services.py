# SPDX-License-Identifier: Apache-2.0
"""What the packages of Debian do with services that run, under a real systemd."""

import re
import shutil
import subprocess

import pytest

import container
import deb
import services
import upstream
from lab import ROOT, wait_for

SERVICE, SOCKET = "serviceradar-syslog.service", "serviceradar-syslog.socket"
RECORDS = "/var/lib/serviceradar/syslog/records"
CONFIG = f"""output: file
file: {{path: {RECORDS}}}
listeners: [{{listen: "udp://0.0.0.0:514"}}]
metrics: {{listen: "127.0.0.1:9621"}}
"""


@pytest.fixture(scope="module")
def files(packages, tmp_path_factory):
    """A folder with ours, the same as a later version, and an older program's package."""
    folder = tmp_path_factory.mktemp("packages")
    for name in deb.NAMES:
        shutil.copy(deb.find(packages, name), folder / f"{name}.deb")
    for name in ("serviceradar-collector-common", "serviceradar-syslog"):
        deb.later(folder / f"{name}.deb", folder).rename(folder / f"{name}-later.deb")
    built = folder / "built"
    built.mkdir()
    for name, config, port in (("log-collector", "log-collector.toml", 514),
                               ("flow-collector", "flow-collector.json", 2055),
                               ("trapd", "trapd.json", 162)):
        upstream.build(built, f"serviceradar-{name}", config, "{}\n", port).rename(
            folder / f"serviceradar-{name}-old.deb")
    shutil.rmtree(built)
    return folder


class Machine(services.Host):
    """A machine with nothing of the suite; install() brings packages."""

    def install(self, *names):
        self.box.run("apt-get", "install", "--yes", "--no-install-recommends",
                     *(f"/srv/packages/{name}.deb" for name in names), timeout=180)

    def upgrade(self):
        self.install("serviceradar-collector-common-later", "serviceradar-syslog-later")

    def run_syslog(self):
        self.install("serviceradar-collector-common", "serviceradar-syslog")
        self.box.write("/etc/serviceradar/syslog.yaml", CONFIG, 0o640, "root:serviceradar")
        return self.start(SERVICE)

    def records(self):
        done = self.box.run("cat", RECORDS, check=False)
        return done.stdout.splitlines()


@pytest.fixture
def machine(files, tmp_path):
    with container.boot(tmp_path, services.base()) as box:
        box.copy(files, "/srv/packages")
        yield Machine(box)


def test_nothing_runs_before_it_is_configured(machine):
    machine.install(*deb.NAMES)
    for name in deb.COLLECTORS:
        assert machine.state(f"serviceradar-{name}.service") == "inactive"
        assert machine.state(f"serviceradar-{name}.socket") == "inactive"
    assert machine.state("serviceradar-provision.service") == "inactive"
    assert machine.state("serviceradar-renew.timer") == "active"
    assert machine.box.run("systemctl", "--failed", "--no-legend").stdout == ""


def test_an_upgrade_restarts_the_service_and_loses_no_datagram(machine):
    before = machine.run_syslog()
    socket = machine.box.show(SOCKET, "InvocationID")
    assert socket
    stream = services.Stream(machine, 514)
    try:
        wait_for("records are written", machine.records)
        machine.upgrade()
    finally:
        sent = stream.stop()
    assert machine.state(SERVICE) == "active"
    assert machine.pid(SERVICE) != before
    assert machine.box.show(SOCKET, "InvocationID") == socket
    wait_for("every record is written", lambda: len(machine.records()) >= sent)
    assert len(machine.records()) == sent


def test_an_upgrade_restarts_instances_that_run_and_no_others(machine):
    machine.install("serviceradar-collector-common", "serviceradar-syslog")
    for name, port in (("one", 5141), ("two", 5142)):
        machine.box.write(
            f"/etc/serviceradar/syslog@{name}.yaml",
            CONFIG.replace("514\"", f"{port}\"").replace("9621", str(9700 + port % 10))
            .replace("/syslog/", f"/syslog@{name}/"), 0o640, "root:serviceradar")
    before = machine.start("serviceradar-syslog@one.service")
    machine.upgrade()
    assert machine.state("serviceradar-syslog@one.service") == "active"
    assert machine.pid("serviceradar-syslog@one.service") != before
    assert machine.state("serviceradar-syslog@two.service") == "inactive"


def test_a_service_that_was_switched_off_stays_off_through_an_upgrade(machine):
    machine.run_syslog()
    machine.box.run("systemctl", "disable", "--now", SERVICE, SOCKET)
    machine.upgrade()
    assert machine.state(SERVICE) == "inactive"
    assert machine.state(SOCKET) == "inactive"


def test_an_upgrade_over_a_damaged_configuration_is_finished_and_a_mended_one_is_used(machine):
    machine.run_syslog()
    machine.box.write("/etc/serviceradar/syslog.yaml", "output: [\n", 0o640, "root:serviceradar")
    machine.upgrade()
    assert machine.box.run("dpkg", "--audit").stdout == ""
    assert machine.state(SOCKET) == "active"
    machine.send(514, services.line(1))
    machine.box.write("/etc/serviceradar/syslog.yaml", CONFIG, 0o640, "root:serviceradar")
    wait_for("the service is back", lambda: machine.state(SERVICE) == "active")
    wait_for("what came meanwhile is written", machine.records)


def test_the_service_of_the_log_collector_hands_its_port_over(machine):
    machine.install("serviceradar-log-collector-old")
    assert machine.state("serviceradar-log-collector.service") == "active"
    machine.box.write("/etc/serviceradar/syslog.yaml", CONFIG, 0o644, "serviceradar:serviceradar")
    machine.install("serviceradar-collector-common", "serviceradar-syslog")
    assert machine.state("serviceradar-log-collector.service") != "active"
    assert machine.state(SOCKET) == "active"
    assert machine.state(SERVICE) == "active", machine.box.journal(SERVICE)
    machine.send(514, services.line(1))
    wait_for("a record is written", machine.records)


def test_a_running_older_trapd_hands_its_port_to_the_socket(machine):
    machine.install("serviceradar-trapd-old")
    assert machine.state("serviceradar-trapd.service") == "active"
    machine.box.write("/etc/serviceradar/trapd.yaml",
                      'output: discard\nlisteners: [{listen: "udp://0.0.0.0:162"}]\n')
    machine.install("serviceradar-collector-common", "serviceradar-trapd")
    assert machine.state("serviceradar-trapd.socket") == "active"
    assert machine.state("serviceradar-trapd.service") == "active"
    assert machine.status("serviceradar-trapd.service")["CapPrm"].strip("0") == ""


def test_a_removal_stops_service_socket_and_instances(machine):
    machine.run_syslog()
    machine.box.write("/etc/serviceradar/syslog@one.yaml", CONFIG.replace("514\"", "5141\"")
                      .replace("9621", "9701").replace("/syslog/", "/syslog@one/"), 0o640,
                      "root:serviceradar")
    machine.start("serviceradar-syslog@one.service")
    machine.box.run("apt-get", "remove", "--yes", "serviceradar-syslog", timeout=180)
    for unit in (SERVICE, SOCKET, "serviceradar-syslog@one.service"):
        assert machine.state(unit) == "inactive"
    assert machine.box.run("systemctl", "--failed", "--no-legend").stdout == ""


def test_every_command_of_the_operators_page_is_true(machine, files, tmp_path):
    if shutil.which("dpkg-scanpackages") is None:
        pytest.skip("needs dpkg-scanpackages")
    repository = tmp_path / "repository"
    repository.mkdir()
    for name in deb.NAMES:
        shutil.copy(files / f"{name}.deb", repository)
    listed = subprocess.run(["dpkg-scanpackages", "--multiversion", "."], cwd=repository, check=True,
                            capture_output=True, timeout=60)
    (repository / "Packages").write_bytes(listed.stdout)
    machine.box.copy(repository, "/srv/repository")
    machine.box.write("/etc/apt/sources.list", "deb [trusted=yes] file:/srv/repository ./\n")
    machine.box.write("/etc/apt/apt.conf.d/90test",
                      'APT::Get::Assume-Yes "true"; APT::Install-Recommends "false";\n')
    machine.box.run("apt-get", "update")
    machine.install("serviceradar-trapd-old", "serviceradar-flow-collector-old")

    page = (ROOT / "docs/operators/packages.md").read_text()
    script = "\n".join(re.findall(r"^```text\n(.*?)^```$", page, re.M | re.S))
    said = machine.box.sh("exec 2>&1\ncd /\n" + script, timeout=300)
    assert said.count("\ngone\n") == 2, said
