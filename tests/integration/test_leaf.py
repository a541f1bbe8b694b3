# SPDX-License-Identifier: Apache-2.0
"""A site with a NATS server of its own: the hub goes away and comes back, and nothing is lost."""

import json
import tarfile

import pytest

from issuer_lab import Issuer
from lab import Client, Load, Process, Server, check_once, free_port, wait_for
from nats_client import Refused


class Leaf(Server):
    """The server of a site, run as its bundle says."""

    def __init__(self, lab, issuer, site="hq", account="acme", *options):
        Process.__init__(self, lab, f"leaf-{site}")
        self.port, self.user, self.issuer = free_port(), {}, issuer
        self.dir = lab.dir / f"site-{site}"
        self.conf = self.dir / "nats" / "nats-leaf.conf"
        file = lab.dir / f"site-{site}.tar.gz"
        issuer.run("leaf", "bundle", site, "--account", account, "--out", file, "--at", self.dir,
                   "--store-dir", self.dir / "jetstream", "--listen", "127.0.0.1",
                   "--port", self.port, "--hub", f"tls://localhost:{issuer.leaf_port}", "--force",
                   *options)
        assert file.stat().st_mode & 0o777 == 0o600
        with tarfile.open(file) as tar:
            assert {m.name.split("/")[0] for m in tar} == {f"edge-site-{site}"}
            for member in tar:
                member.name = member.name.partition("/")[2]
                if member.isfile():
                    tar.extract(member, self.dir)

    def connect(self, account, name):
        tls = self.issuer.nats / "tls"
        return Client(self.port, self.issuer.creds(account, name), tls / "ca.pem",
                      tls / "server.pem", tls / "server-key.pem")

    def count(self, stream="events"):
        with self.connect("acme", "platform") as c:
            return c.count(stream)


class Hub(Issuer):
    def __init__(self, lab):
        self.leaf_port = free_port()
        super().__init__(lab)

    def configure(self, *options):
        super().configure("--domain", "hub", "--leafnodes", self.leaf_port, *options)

    def events(self):
        """The messages of the tenant's stream; a new connection each time, as the server ends."""
        with self.connect("acme", "platform") as c:
            return c.count()

    def connect_as(self, creds):
        tls = self.nats / "tls"
        return Client(self.port, creds, tls / "ca.pem", tls / "server.pem", tls / "server-key.pem")


@pytest.fixture
def hub(lab):
    hub = Hub(lab).start()
    hub.tenant("acme", "syslog", "trapd", "platform")
    return hub


def connected(hub, site="hq", *options):
    """Tries until the leaf is connected, which the server does in its own time."""
    def tried():
        try:
            return hub.run("leaf", "connect", site, "--account", "acme", *options)
        except AssertionError:
            return None
    return wait_for("the leaf at the hub", tried)


def publish(server, account, name, subject, payload=b"{}", msg_id=None):
    with server.connect(account, name) as c:
        reply = c.request(subject, payload, f"_INBOX.{name}", msg_id)
        return json.loads(reply) if reply else None


def test_records_of_a_cut_off_site_are_acknowledged_there_and_arrive_once(lab, hub):
    leaf = Leaf(lab, hub).start()
    streams = connected(hub)["streams"]
    assert [(s["where"], s["name"], s["state"]) for s in streams if s["where"] == "edge-hq"] == [
        ("edge-hq", "events", "made"), ("edge-hq", "flows", "made")]
    ack = publish(leaf, "acme", "syslog", "logs.syslog", b'{"n": 0}', "0")
    assert (ack["stream"], ack["domain"], ack["seq"]) == ("events", "edge-hq", 1)
    wait_for("the first record at the hub", lambda: hub.events() == 1)

    hub.end()
    with leaf.connect("acme", "syslog") as c:
        for n in range(1, 201):
            ack = json.loads(c.request("logs.syslog", json.dumps({"n": n}).encode(),
                                       "_INBOX.syslog", str(n)))
            assert ack["seq"] == n + 1 and "error" not in ack
    assert leaf.count() == 201

    hub.start()
    publish(hub, "acme", "trapd", "logs.snmp", b'{"n": "direct"}')
    wait_for("all of them at the hub", lambda: hub.events() >= 202, 60)
    with hub.connect("acme", "platform") as c:
        messages = c.messages()
    bodies = [json.loads(m.body)["n"] for m in messages]
    assert sorted(b for b in bodies if b != "direct") == list(range(201))
    assert [b for b in bodies if b != "direct"] == list(range(201))
    assert len(bodies) == 202
    assert {m.subject for m in messages} == {"acme.logs.syslog", "acme.logs.snmp"}
    assert leaf.count() == 201  # nothing of the hub's came down


def test_a_collector_at_the_site_loses_nothing_while_the_hub_is_away(lab, hub):
    leaf = Leaf(lab, hub).start()
    connected(hub)
    tls = hub.nats / "tls"
    daemon = lab.daemon(nats={
        "url": [f"tls://localhost:{leaf.port}"], "creds_file": str(hub.creds("acme", "syslog")),
        "tls": {"ca_file": str(tls / "ca.pem"), "cert_file": str(tls / "server.pem"),
                "key_file": str(tls / "server-key.pem")}})
    load = Load()
    daemon.send(load.lines(100))
    daemon.settled(100)
    hub.end()
    daemon.send(load.lines(100))
    daemon.settled(200)
    hub.start()
    wait_for("all of them at the hub", lambda: hub.events() >= 200, 60)
    with hub.connect("acme", "platform") as c:
        check_once(c.messages(), load)


def test_connecting_again_changes_nothing(lab, hub):
    Leaf(lab, hub).start()
    connected(hub)
    assert {s["state"] for s in connected(hub)["streams"]} == {"same"}
    Leaf(lab, hub, "north").start()
    connected(hub, "north")
    with hub.connect("acme", "platform") as c:
        sources = c.api("STREAM.INFO.events")["config"]["sources"]
    assert [s["external"]["api"] for s in sources] == ["$JS.edge-hq.API", "$JS.edge-north.API"]


def test_the_hub_tells_two_sites_apart(lab, hub):
    one, two = Leaf(lab, hub).start(), Leaf(lab, hub, "north").start()
    connected(hub)
    connected(hub, "north")
    publish(one, "acme", "syslog", "logs.syslog", b'{"site": "hq"}')
    publish(two, "acme", "syslog", "logs.syslog", b'{"site": "north"}')
    wait_for("one record of each", lambda: hub.events() == 2)
    assert (one.count(), two.count()) == (1, 1)


def test_the_sites_server_is_not_open(lab, hub):
    leaf = Leaf(lab, hub).start()
    connected(hub)
    hub.tenant("globex", "syslog")
    tls = hub.nats / "tls"
    with pytest.raises((Refused, ConnectionError)):  # a certificate and no credentials
        Client(leaf.port, ca=tls / "ca.pem", cert=tls / "server.pem", key=tls / "server-key.pem")
    with pytest.raises((Refused, ConnectionError)):  # another tenant
        leaf.connect("globex", "syslog")
    with pytest.raises((Refused, ConnectionError, OSError)):  # credentials and no certificate
        Client(leaf.port, hub.creds("acme", "syslog"), tls / "ca.pem")
    with pytest.raises(Refused, match="Permissions Violation"):
        publish(leaf, "acme", "syslog", "logs.snmp")


def test_the_credentials_of_a_site_publish_no_record_and_hear_none(lab, hub):
    creds = Leaf(lab, hub).dir / "creds" / "leaf.creds"
    for subject in ("logs.syslog", "acme.logs.syslog", "$JS.API.STREAM.DELETE.events",
                    "$JS.hub.API.STREAM.DELETE.events"):
        with hub.connect_as(creds) as c, pytest.raises(Refused, match="Violation for Publish"):
            c.publish(subject, b"{}")
            c.flush()
    for subject in ("acme.>", "_INBOX.>", "$JS.edge-north.API.>", "$JS.hub.API.>"):
        with hub.connect_as(creds) as c, pytest.raises(Refused, match="Violation for Subscription"):
            c.subscribe(subject)
            c.flush()
    assert hub.events() == 0


def test_a_new_bundle_revokes_the_site_before_it(lab, hub):
    old = Leaf(lab, hub).start()
    connected(hub)
    issued = {c["serial"] for c in hub.run("ca", "list", "--account", "acme")["certificates"]}
    Leaf(lab, hub)
    revoked = {c["serial"] for c in hub.run("ca", "list", "--account", "acme")["certificates"]
               if c["revoked"]}
    assert revoked == issued
    hub.run("account", "push", "acme")
    wait_for("the old server is refused",
             lambda: "Authorization" in old.text() or "Revoked" in old.text())


def test_without_the_site_connect_says_so(hub):
    answer = hub.refused("leaf", "connect", "hq", "--account", "acme")
    assert "edge-hq" in answer["cause"] and "connected" in answer["remedy"]


def test_a_site_with_less_room_refuses_what_is_too_much(lab, hub):
    leaf = Leaf(lab, hub).start()
    connected(hub, "hq", "--max-bytes", "4KiB")
    with leaf.connect("acme", "syslog") as c:
        answers = [json.loads(c.request("logs.syslog", b"x" * 1000, "_INBOX.syslog"))
                   for _ in range(6)]
    assert "error" not in answers[0] and "maximum bytes" in answers[-1]["error"]["description"]
