# SPDX-License-Identifier: Apache-2.0
"""From a token to a record in the stream and to revocation, with nothing but the real programs."""

import json
import os
import socket
import subprocess

import pytest

import lab as labs
from issuer_world import IssuerWorld, token_fields
from lab import BIN, Process, free_port, wait_for

CLI = BIN / "serviceradar-cli"
KINDS = {"trapd": "logs.snmp", "netflow": "flows.raw.netflow", "syslog": "logs.syslog"}


class Host:
    """A root to enrol into."""

    def __init__(self, world, name="host", machine="0123456789abcdef0123456789abcdef"):
        self.world, self.root = world, world.lab.dir / name
        trust = self.root / "etc/serviceradar/trust.d"
        trust.mkdir(parents=True)
        (self.root / "etc/machine-id").write_text(machine + "\n")
        self.trust = trust / "issuer.pub"

    def run(self, *args):
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        return subprocess.run([str(CLI), *map(str, args)], capture_output=True, text=True,
                              timeout=60, check=False, env=env)

    def enroll(self, token, *args):
        key = self.world.sql("SELECT value FROM meta WHERE name = 'token.pub'")
        if key:
            self.trust.write_text(key[0][0] + "\n")
        file = self.world.lab.dir / "token"
        file.write_text(token + "\n")
        file.chmod(0o600)
        if token_fields(token).get("c") is None:  # nothing in it says whom to trust
            self.world.context()
            args = ("--ca-file", self.world.ca, *args)
        return self.run("enroll", "--token-file", file, "--root", self.root, "--no-restart", *args)

    def path(self, name):
        return self.root / name.lstrip("/")

    def config(self, kind):
        return json.loads(self.path(f"etc/serviceradar/{kind}.json").read_text())

    def client(self, kind):
        """The collector's own connection, with the files where its configuration says."""
        nats = self.config(kind)["nats"]
        tls = nats["tls"]
        return labs.Client(self.world.nats_port, self.path(nats["creds_file"]),
                           self.path(tls["ca_file"]), self.path(tls["cert_file"]),
                           self.path(tls["key_file"]))

    def start(self, kind):
        """The daemon with what was enrolled; only the paths are those of the root, and the port."""
        config, port = self.config(kind), free_port(socket.SOCK_DGRAM)
        nats = config["nats"]
        config["listeners"][0]["listen"] = f"udp://127.0.0.1:{port}"
        nats["creds_file"] = str(self.path(nats["creds_file"]))
        nats["tls"] = {k: str(self.path(v)) for k, v in nats["tls"].items()}
        config["metrics"] = {"listen": "off"}
        config["queue"] = {"dir": str(self.root / f"queue-{kind}")}
        file = self.world.lab.dir / f"{kind}.json"
        file.write_text(json.dumps(config))
        process = Process(self.world.lab, kind)
        process.spawn([BIN / f"serviceradar-{kind}", "--config", file])
        return process, port


@pytest.fixture
def world(lab):
    w = IssuerWorld(lab)
    w.serve.start()
    return w


def enrolled(world, host, kind, version=3, tenant="acme"):
    collector = world.collector(kind, tenant)
    done = host.enroll(world.token(collector, version))
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.state(collector) == "installed"
    return collector


def refused(host, kind):
    """Whether the server refuses the collector's credentials."""
    try:
        with host.client(kind):
            return False
    except (OSError, ConnectionError, labs.nats_client.Refused, IndexError, ValueError):
        return True


def test_three_collectors_share_a_host_and_one_is_shut_out(world):
    host = Host(world)
    collectors = {kind: enrolled(world, host, kind) for kind in KINDS}
    for kind in KINDS:
        assert not refused(host, kind), kind
        creds = host.path(host.config(kind)["nats"]["creds_file"])
        assert creds.name == f"{kind}.creds" and creds.stat().st_mode & 0o007 == 0

    # One is connected as it is revoked.
    client = host.client("trapd")
    world.run("collector", "revoke", collectors["trapd"], "--reason", "stolen")
    wait_for("the server closes its connection", lambda: closed(client), timeout=10)
    assert refused(host, "trapd")
    assert not refused(host, "netflow") and not refused(host, "syslog")
    assert world.state(collectors["trapd"]) == "revoked"


def closed(client):
    """Whether the server has ended a connection."""
    try:
        client.sock.settimeout(0.2)
        client.send(b"PING\r\n")
        return client.sock.recv(1000) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_token_enrolls(world, version):
    host = Host(world)
    collector = enrolled(world, host, "trapd", version)
    record = json.loads(host.path("var/lib/serviceradar/enroll/trapd.json").read_text())
    assert record["package_id"] == collector
    assert record["keys_of_host"] is (version == 3)
    # Again is a no-op, though the token is spent.
    assert world.audit(collector).count("collector redeem") == 1


def test_a_record_of_an_enrolled_daemon_arrives(world):
    host = Host(world)
    enrolled(world, host, "syslog")
    daemon, port = host.start("syslog")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        line = b"<13>Nov 22 12:00:00 gate app: from end to end"

        def arrives():
            assert daemon.running(), daemon.text()
            s.sendto(line, ("127.0.0.1", port))
            return stored(world, "acme") > 0
        wait_for("a record arrives", arrives)
    assert stored(world, "globex") == 0
    assert daemon.end() == 0


def stored(world, tenant):
    """Messages in the streams of a tenant, as the server has them on its disk."""
    folder = world.lab.dir / "nats" / "jetstream"
    key = world.sql("SELECT key FROM account WHERE name = ?", tenant)[0][0]
    blocks = (folder / "jetstream" / key / "streams").glob("*/msgs/*.blk")
    return sum(b"from end to end" in block.read_bytes() for block in blocks)


def test_a_proof_that_fails_leaves_the_token_to_the_host(world):
    host = Host(world)
    collector = world.collector("trapd")
    token = world.token(collector)
    world.server.end()
    done = host.enroll(token)
    assert done.returncode == 8, done.stdout + done.stderr
    assert not host.path("etc/serviceradar/trapd.json").exists()
    assert world.state(collector) == "failed"
    world.server.start()
    done = host.enroll(token)
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.state(collector) == "installed"


def test_another_host_gets_nothing_with_a_token_that_was_used(world):
    first = Host(world)
    collector = world.collector("trapd")
    token = world.token(collector)
    assert first.enroll(token).returncode == 0
    other = Host(world, "other", "fedcba9876543210fedcba9876543210")
    done = other.enroll(token)
    assert done.returncode == 5 and "used" in done.stderr, done.stdout + done.stderr
    assert not other.path("etc/serviceradar/trapd.json").exists()
    assert not refused(first, "trapd")


def test_a_renewal_ends_the_credentials_before_it_a_day_later(world):
    host = Host(world)
    collector = enrolled(world, host, "trapd")
    creds = host.path(host.config("trapd")["nats"]["creds_file"])
    before = creds.read_bytes()
    old = host.client("trapd")
    done = host.run("renew", "--root", host.root, "--no-restart")
    assert done.returncode == 0, done.stdout + done.stderr
    after = creds.read_bytes()
    assert after != before
    assert not refused(host, "trapd")
    creds.write_bytes(before)
    assert not refused(host, "trapd")
    world.sql("UPDATE former SET until_s = 1")
    world.serve.end()
    world.serve.start()  # it looks at its start, and then once a minute
    wait_for("the connection with the old ones ends", lambda: closed(old), timeout=30)
    assert refused(host, "trapd")
    creds.write_bytes(after)
    assert not refused(host, "trapd")
    assert "collector renew" in world.audit(collector)


def test_a_renewal_that_is_rolled_back_can_be_made_again(world):
    host = Host(world)
    enrolled(world, host, "trapd")
    creds = host.path(host.config("trapd")["nats"]["creds_file"])
    before = creds.read_bytes()
    for command in ("renew", "rollback"):
        done = host.run(command, "--root", host.root, "--no-restart")
        assert done.returncode == 0, done.stdout + done.stderr
    assert creds.read_bytes() == before
    assert not refused(host, "trapd")
    world.sql("UPDATE collector SET renewed_s = renewed_s - 5")  # nobody is that quick
    done = host.run("renew", "--root", host.root, "--no-restart")
    assert done.returncode == 0, done.stdout + done.stderr
    assert creds.read_bytes() != before
    assert not refused(host, "trapd")
