# SPDX-License-Identifier: Apache-2.0
"""A host from `apt install` to `apt purge`, in order: packages of a signed repository, an issuer and a NATS
server in the same machine, three collectors that are enrolled by tokens, an upgrade over deep queues.
"""

import json
import shutil

import pytest

import container
import deb
import services
import signing
from flows import fields, v5
from lab import Client, wait_for
from services import METRICS, NO_CAPABILITY, PORTS
from traps import octets, v2c

MIRROR = "/srv/mirror"
SUBJECTS = {"trapd": "acme.logs.snmp", "syslog": "acme.logs.syslog",
            "netflow": "acme.flows.raw.netflow"}
FIRST_SOURCE = 0x0A000000
# An administrator's own, which an upgrade must keep and use.
EDITED = "/etc/systemd/system/serviceradar-syslog.service.d/local.conf"


def trap(number):
    return v2c(("1.3.6.1.2.1.1.6.0", octets(services.line(number))), request=number + 1)


def flow(number):
    return v5(FIRST_SOURCE + number, sequence=number)


DATAGRAMS = {"trapd": trap, "syslog": services.line, "netflow": flow}


class Host(services.Host):
    """The machine; what it sends is numbered for each collector through all of the story."""

    def __init__(self, box):
        super().__init__(box)
        self.sent = dict.fromkeys(PORTS, 0)
        self.streams = {}

    def apt(self, *arguments):
        return self.box.run("apt-get", "--yes", "--quiet", "-o", "APT::Install-Recommends=false",
                            *arguments, timeout=240).stdout

    def mirror(self, folder):
        """Brings a repository, or its next version, as a host of docs/operators/mirror.md has it."""
        self.box.run("rm", "-rf", MIRROR)
        self.box.copy(folder, MIRROR)
        self.box.sh(f"""
            install -d -m 0755 /etc/apt/keyrings
            install -m 0644 {MIRROR}/serviceradar.asc /etc/apt/keyrings/
            install -m 0644 {MIRROR}/clients/stable/serviceradar.sources /etc/apt/sources.list.d/""")
        self.apt("update")

    def client(self):
        """A NATS client with the credentials of a user that reads all streams."""
        user = "/root/reader.creds"
        if not self.box.path(user).exists():
            self.box.run("serviceradar-provision", "user", "create", "acme", "reader", "--role",
                         "platform", "--out", user)
        tls = json.loads(self.box.path("/etc/serviceradar/trapd.json").read_text())["nats"]["tls"]
        with self.box.network():
            return Client(4222, self.box.path(user), *(self.box.path(tls[f"{name}_file"])
                                                       for name in ("ca", "cert", "key")))

    def stored(self, name):
        """The numbers of the collector's records in the stream, in its order."""
        messages = [m for m in super().stored("flows" if name == "netflow" else "events")
                    if m.subject == SUBJECTS[name]]
        if name != "netflow":
            return services.numbers(messages)
        return [int.from_bytes(fields(m.body)[6], "big") - FIRST_SOURCE for m in messages]

    def start_streams(self):
        for name, port in PORTS.items():
            first, make = self.sent[name], DATAGRAMS[name]
            self.streams[name] = services.Stream(
                self, port, lambda n, first=first, make=make: make(first + n))

    def stop_streams(self):
        for name, stream in self.streams.items():
            self.sent[name] += stream.stop()
        self.streams.clear()

    def check_stored(self, name):
        """Every record that was ever sent is in the stream, once."""
        wait_for(f"all records of {name}", lambda: len(self.stored(name)) >= self.sent[name], 60)
        assert sorted(self.stored(name)) == list(range(self.sent[name]))

    def send_some(self, name, count=20):
        first = self.sent[name]
        self.sent[name] += count
        self.send(PORTS[name], *map(DATAGRAMS[name], range(first, first + count)))

    def configuration(self):
        """Every file that is the administrator's or was enrolled, with owner, mode and contents."""
        return self.box.sh(f"""find /etc/serviceradar {EDITED} -type f -exec stat -c '%n %U:%G %a' {{}} + \
                            -exec sha256sum {{}} + | sort""")

    def unit(self, name):
        return f"serviceradar-{name}.service"


@pytest.fixture(scope="module")
def mirrors(packages, key, tmp_path_factory):
    """The repository as a mirror hands it out, and the same with a later version of each package."""
    first = tmp_path_factory.mktemp("mirror") / "mirror"
    signing.build(first, key, "--debs", packages / "deb", "--url", f"file://{MIRROR}")
    second, debs = first.with_name("later"), first.with_name("debs")
    debs.mkdir()
    for name in deb.NAMES:
        deb.later(deb.find(packages, name), debs)
    shutil.copytree(first, second)
    signing.build(second, key, "--debs", debs, "--url", f"file://{MIRROR}")
    return first, second


@pytest.fixture(scope="module")
def bare(mirrors, tmp_path_factory):
    """A machine that knows the mirror and no other repository."""
    with container.boot(tmp_path_factory.mktemp("machine"), services.base()) as box:
        machine = Host(box)
        box.sh("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*")
        machine.mirror(mirrors[0])
        yield machine
        machine.stop_streams()


@pytest.fixture(scope="module")
def enrolled(bare):
    bare.apt("install", *deb.NAMES)
    bare.start_issuer()
    bare.start_issued_broker()
    for name in PORTS:
        bare.enroll(name)
    return bare


def test_apt_installs_what_the_signed_repository_has(enrolled):
    assert enrolled.box.run("dpkg", "--audit").stdout == ""
    for name in deb.NAMES:
        assert f"file:{MIRROR}/apt stable/main" in enrolled.box.run("apt-cache", "policy", name).stdout


@pytest.mark.parametrize("name", PORTS)
def test_enroll_by_token_starts_a_collector_without_rights(enrolled, name):
    assert enrolled.state(enrolled.unit(name)) == "active"
    assert enrolled.state(f"serviceradar-{name}.socket") == "active"
    enrolled.check_rights(enrolled.unit(name), NO_CAPABILITY)


@pytest.mark.parametrize("name", PORTS)
def test_what_is_sent_to_the_packaged_port_is_stored(enrolled, name):
    enrolled.send_some(name)
    enrolled.check_stored(name)


def test_doctor_and_status_are_content(enrolled):
    said = enrolled.box.run("serviceradar-cli", "doctor").stdout
    # The socket units have theirs, whatever the kernel allows others.
    assert "receive buffers" not in said
    status = enrolled.box.run("serviceradar-cli", "status").stdout
    for name in PORTS:
        assert name in status


@pytest.fixture(scope="module")
def upgraded(enrolled, mirrors):
    """All is upgraded while no broker answers, queues are deep and datagrams arrive."""
    enrolled.box.write(EDITED, "[Service]\nEnvironment=LOCAL=kept\n")
    enrolled.box.run("systemctl", "daemon-reload")
    before = enrolled.configuration()
    pids = {name: enrolled.pid(enrolled.unit(name)) for name in PORTS}
    enrolled.start_streams()
    enrolled.box.run("systemctl", "stop", "nats")
    for name, port in METRICS.items():
        wait_for(f"a deep queue of {name}",
                 lambda port=port: enrolled.ledger(port)["queued"] >= 3000, 60)
    enrolled.mirror(mirrors[1])
    said = enrolled.apt("upgrade")
    assert "6 upgraded" in said, said
    for name, port in METRICS.items():
        assert enrolled.pid(enrolled.unit(name)) != pids[name]
        wait_for("it takes datagrams again",
                 lambda port=port: enrolled.ledger(port)["received"] > 100)
    enrolled.stop_streams()
    enrolled.box.run("systemctl", "start", "nats")
    enrolled.await_port(4222)
    return enrolled, before


@pytest.mark.parametrize("name", PORTS)
def test_an_upgrade_over_a_deep_queue_stores_every_record_once(upgraded, name):
    upgraded[0].check_stored(name)


def test_an_upgrade_leaves_every_configuration_as_it_was(upgraded):
    machine, before = upgraded
    assert machine.configuration() == before
    environment = machine.box.show("serviceradar-syslog.service", "Environment")
    assert "LOCAL=kept" in environment.split()
    assert machine.box.run("dpkg", "--audit").stdout == ""
    versions = machine.box.run("dpkg-query", "-W", "-f", "${Version}\n", *deb.NAMES).stdout
    assert set(versions.split()) == {deb.LATER}


def test_doctor_is_content_with_the_later_version(upgraded):
    test_doctor_and_status_are_content(upgraded[0])


# ---- The end ----

def test_the_removal_of_one_collector_leaves_the_others_alone(upgraded):
    machine, _ = upgraded
    pids = [machine.pid(machine.unit(name)) for name in ("trapd", "syslog")]
    configuration = machine.configuration()
    machine.apt("remove", "serviceradar-netflow")
    assert machine.state("serviceradar-netflow.service") == "inactive"
    assert machine.state("serviceradar-netflow.socket") == "inactive"
    assert [machine.pid(machine.unit(name)) for name in ("trapd", "syslog")] == pids
    for name in ("trapd", "syslog"):
        machine.send_some(name)
        machine.check_stored(name)
    assert machine.configuration() == configuration


def test_a_removed_collector_goes_on_when_it_is_installed_again(upgraded):
    machine, _ = upgraded
    machine.apt("install", "serviceradar-netflow")
    assert machine.state("serviceradar-netflow.service") == "active"
    machine.send_some("netflow")
    machine.check_stored("netflow")


def test_a_purge_takes_what_is_of_one_collector_only(upgraded):
    machine, _ = upgraded
    machine.apt("purge", "serviceradar-netflow")
    left = machine.box.sh("find /etc/serviceradar /var/lib/serviceradar -path '*provision*' -prune -o -print")
    for file in ("netflow.json", "creds/netflow.creds", "certs/netflow.pem", "certs/netflow-key.pem"):
        assert f"/etc/serviceradar/{file}\n" not in left
        assert f"/etc/serviceradar/{file.replace('netflow', 'syslog')}\n" in left
    assert "/var/lib/serviceradar/netflow" not in left
    assert "/var/lib/serviceradar/syslog/" in left
    machine.send_some("syslog")
    machine.check_stored("syslog")


def test_the_purge_of_all_leaves_the_issuers_keys_alone(upgraded):
    machine, _ = upgraded
    machine.apt("purge", "serviceradar-*")
    assert machine.box.sh("ls /var/lib/serviceradar") == "provision\n"
    assert machine.box.path("/var/lib/serviceradar/provision/state.db").exists()
    assert machine.box.sh("find /etc/serviceradar -type f 2>/dev/null || true") == ""
    assert machine.box.run("systemctl", "--failed", "--no-legend").stdout == ""
    assert machine.box.path(EDITED).exists()
