# SPDX-License-Identifier: Apache-2.0
"""What users of one account can do to another account, and collectors beyond their job: nothing.

Every case is tried at a real server, with two tenants that were made in the same way.
"""

import json
import secrets

import pytest

from issuer_lab import PUBLISHES, Issuer
from lab import ApiError, Lab
from nats_client import Refused

SUBJECTS = [s for subjects in PUBLISHES.values() for s in subjects]
DEAD = [s + ".deadletter" for s in SUBJECTS]
TENANTS = [("acme", "globex"), ("globex", "acme")]
ROLES = [*PUBLISHES, "platform"]
STREAM_OF = {s: "flows" if s.startswith("flows.") else "events" for s in SUBJECTS + DEAD}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("isolation"))
    try:
        one = Issuer(lab).start()
        for tenant, _ in TENANTS:
            one.tenant(tenant, *ROLES)
        yield one
    finally:
        lab.close()


def violation(connection, verb, subject):
    """The server refuses what was sent last, and answers nothing else to it."""
    with pytest.raises(Refused) as caught:
        connection.flush()
    assert f'Permissions Violation for {verb} to "{subject}"' in str(caught.value)
    assert connection.read() == ("PONG",)


@pytest.fixture(scope="module")
def connected(issuer):
    """One connection for each user; a refusal leaves it open."""
    open_now = {}

    def get(account, name):
        if (account, name) not in open_now:
            open_now[account, name] = issuer.connect(account, name)
        return open_now[account, name]
    yield get
    for connection in open_now.values():
        connection.__exit__()


@pytest.mark.parametrize("subject", SUBJECTS + DEAD)
@pytest.mark.parametrize("own,other", TENANTS)
@pytest.mark.parametrize("role", PUBLISHES)
def test_a_collector_cannot_publish_to_a_mapped_subject_of_another_tenant(
        issuer, connected, role, own, other, subject):
    before = issuer.counts(other)
    connection = connected(own, role)
    connection.publish(f"{other}.{subject}", b"x")
    violation(connection, "Publish", f"{other}.{subject}")
    assert issuer.counts(other) == before


@pytest.mark.parametrize("subject", SUBJECTS + DEAD)
@pytest.mark.parametrize("role", PUBLISHES)
def test_a_collector_publishes_its_own_subjects_only(issuer, role, subject):
    own = subject.removesuffix(".deadletter") in PUBLISHES[role]
    before = issuer.counts("acme")
    if own:
        answer = json.loads(issuer.publish("acme", role, subject))
        assert answer["stream"] == STREAM_OF[subject]
    else:
        with pytest.raises(Refused, match="Permissions Violation for Publish"):
            issuer.publish("acme", role, subject)
    after = issuer.counts("acme")
    assert sum(after.values()) - sum(before.values()) == (1 if own else 0)


@pytest.mark.parametrize("subject", SUBJECTS + DEAD)
@pytest.mark.parametrize("own,other", TENANTS)
def test_what_the_platform_publishes_under_anothers_name_stays_in_its_account(
        issuer, connected, own, other, subject):
    """It may use every name of its own account; the other account has the same ones of its own."""
    before = issuer.counts(other)
    sender, hearer = connected(own, "platform"), connected(other, "platform")
    hearer.subscribe(">", "5")
    hearer.flush()
    assert sender.request(f"{other}.{subject}", b"x", "_INBOX." + secrets.token_hex(8)) is None
    assert not [e for e in hearer.flush() if e[1] == f"{other}.{subject}"]
    hearer.send(b"UNSUB 5\r\n")
    assert issuer.counts(other) == before


@pytest.mark.parametrize("own,other", TENANTS)
@pytest.mark.parametrize("role", PUBLISHES)
@pytest.mark.parametrize("subject", [
    ">", "{own}.>", "{other}.>", "logs.>", "_INBOX.>", "_INBOX.*", "_INBOX.platform.>", "$SYS.>",
    "$JS.>", "$JS.API.>", "_INBOX.{role}"])
def test_a_collector_cannot_subscribe_to_anything_but_its_inbox(
        connected, role, own, other, subject):
    connection = connected(own, role)
    subject = subject.format(own=own, other=other, role=role)
    connection.subscribe(subject)
    violation(connection, "Subscription", subject)
    connection.subscribe(f"_INBOX.{role}.>")
    connection.flush()


@pytest.mark.parametrize("own,other", TENANTS)
@pytest.mark.parametrize("role", PUBLISHES)
@pytest.mark.parametrize("verb", [
    "INFO", "STREAM.NAMES", "STREAM.LIST", "STREAM.INFO.events", "STREAM.CREATE.mine",
    "STREAM.UPDATE.events", "STREAM.PURGE.events", "STREAM.DELETE.events",
    "STREAM.MSG.GET.events", "STREAM.MSG.DELETE.events", "DIRECT.GET.events",
    "CONSUMER.CREATE.events", "CONSUMER.MSG.NEXT.events.any"])
def test_a_collector_cannot_ask_jetstream_for_anything(connected, role, own, other, verb):
    del other
    connection = connected(own, role)
    connection.publish(f"$JS.API.{verb}", b"{}", f"_INBOX.{role}.answer")
    violation(connection, "Publish", f"$JS.API.{verb}")


@pytest.mark.parametrize("own,other", TENANTS)
def test_a_platform_user_reads_the_streams_of_its_account_only(issuer, own, other):
    issuer.publish(own, "syslog", "logs.syslog")
    issuer.publish(other, "syslog", "logs.syslog")
    with issuer.connect(own, "platform") as c:
        assert {m.subject.split(".")[0] for m in c.messages("events")} == {own}
        assert sorted(c.api("STREAM.NAMES")["streams"]) == ["events", "flows"]
        with pytest.raises(ApiError):
            c.add_stream("theft", [], sources=[{"name": "events", "external": {
                "api": f"$JS.{other}.API", "deliver": f"{other}.deliver"}}], max_bytes=1 << 20)


@pytest.mark.parametrize("own,other", TENANTS)
def test_a_platform_user_hears_its_account_only(issuer, own, other):
    with issuer.connect(own, "platform") as c:
        c.subscribe(">")
        c.flush()
        issuer.publish(other, "syslog", "logs.syslog")
        issuer.publish(own, "syslog", "logs.syslog")
        heard = []
        while not any(s == f"{own}.logs.syslog" for s in heard):
            heard.append(c.read()[1])
        heard += [e[1] for e in c.flush()]
    assert not [s for s in heard if s.startswith(f"{other}.")]


@pytest.mark.parametrize("role", ROLES)
def test_no_user_of_a_tenant_reaches_the_servers_own_account(issuer, role):
    key = issuer.run("account", "show", "globex")["key"]
    for subject in ("$SYS.REQ.CLAIMS.UPDATE", f"$SYS.REQ.ACCOUNT.{key}.CLAIMS.LOOKUP",
                    "$SYS.REQ.SERVER.PING"):
        with issuer.connect("acme", role) as c:
            if role == "platform":  # of its own account, where nobody answers
                assert c.request(subject, b"", "_INBOX." + secrets.token_hex(8)) is None
            else:
                with pytest.raises(Refused, match="Permissions Violation for Publish"):
                    c.request(subject, b"", f"_INBOX.{role}")


def test_a_connection_without_credentials_or_tls_is_refused(issuer):
    with pytest.raises((Refused, ConnectionError, OSError)):
        issuer.client(user="a", password="b")
    with pytest.raises((Refused, ConnectionError)):
        issuer.client(ca=issuer.nats / "tls" / "ca.pem", cert=issuer.nats / "tls" / "server.pem",
                      key=issuer.nats / "tls" / "server-key.pem")
