# SPDX-License-Identifier: Apache-2.0
"""Accounts and users of the issuer at a real server with a full resolver."""

import base64
import json
import re
import signal
import sqlite3
import subprocess
import time

import pytest

from issuer_lab import PUBLISHES, Issuer
from lab import BIN, PROVISION, ApiError, Daemon, Load, check_once, server_version, wait_for
from nats_client import Refused, read_creds

GIB = 1 << 30


@pytest.fixture
def issuer(lab):
    return Issuer(lab).start()


def claims(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def ended(connection):
    """What the server says when it closes a connection."""
    connection.sock.settimeout(10)
    with pytest.raises((Refused, ConnectionError)) as caught:
        while True:
            connection.read()
    return str(caught.value)


def connects(port):
    """Whether somebody has a connection to this port of 127.0.0.1."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        return any(row[2] == f"0100007F:{port:04X}" and row[3] == "01"
                   for row in map(str.split, table))


def refused(issuer, account, name):
    with pytest.raises((Refused, ConnectionError)):
        issuer.connect(account, name)
    return True


def test_each_role_publishes_its_own_subjects_and_nothing_else(issuer):
    for tenant in ("acme", "globex"):
        issuer.tenant(tenant, *PUBLISHES)
    issuer.make_user("acme", "platform", "platform")
    every = [s for subjects in PUBLISHES.values() for s in subjects]
    for role, own in PUBLISHES.items():
        for subject in every:
            for suffix in ("", ".deadletter"):
                if subject in own:
                    assert json.loads(issuer.publish("acme", role, subject + suffix))["seq"] > 0
                else:
                    with pytest.raises(Refused, match="Permissions Violation for Publish"):
                        issuer.publish("acme", role, subject + suffix)
    assert issuer.counts("acme") == {"events": 6, "flows": 4}


def test_a_users_token_has_no_permissions_of_its_own(issuer):
    issuer.tenant("acme")
    made = issuer.make_user("acme", "trapd-1", "trapd", "--expires", "90d")
    token, _ = read_creds(issuer.creds("acme", "trapd-1"))
    said = claims(token)
    account = issuer.run("account", "show", "acme")
    assert said["nats"] == {"type": "user", "version": 2, "issuer_account": account["key"]}
    assert said["iss"] != account["key"] and said["sub"] == made["key"]
    assert said["exp"] == made["expires"] > said["iat"] + 89 * 86400
    assert issuer.creds("acme", "trapd-1").stat().st_mode & 0o777 == 0o600
    keys = claims(account["jwt"])["nats"]["signing_keys"]
    assert {k["role"] for k in keys} == {"platform", *PUBLISHES}
    assert said["iss"] in [k["key"] for k in keys if k["role"] == "trapd"]


def test_a_collector_with_a_scoped_users_credentials_stores_its_records(lab, issuer):
    issuer.tenant("acme", "syslog", "platform")
    tls = issuer.nats / "tls"
    daemon = lab.daemon(nats={
        "url": [issuer.tls_url], "creds_file": str(issuer.creds("acme", "syslog")),
        "tls": {"ca_file": str(tls / "ca.pem"), "cert_file": str(tls / "server.pem"),
                "key_file": str(tls / "server-key.pem")}})
    load = Load()
    daemon.send(load.lines(100))
    daemon.settled(100)
    assert not daemon.lines("warning")
    with issuer.connect("acme", "platform") as c:
        check_once(c.messages(), load)


def test_the_proof_of_life_works_with_a_scoped_users_inbox(lab, issuer):
    issuer.tenant("acme", "syslog", "trapd")
    tls = issuer.nats / "tls"
    results = {}
    for name in ("syslog", "trapd"):
        daemon = Daemon(lab, nats={
            "url": [issuer.tls_url], "creds_file": str(issuer.creds("acme", name)),
            "tls": {"ca_file": str(tls / "ca.pem"), "cert_file": str(tls / "server.pem"),
                    "key_file": str(tls / "server-key.pem")}})
        done = subprocess.run(
            [BIN / "serviceradar-cli", "doctor", "syslog", "--config", daemon.conf, "--json"],
            capture_output=True, text=True, timeout=60, check=False)
        checks = json.loads(done.stdout)["collectors"][0]["checks"]
        results[name] = {c["id"]: c["result"] for c in checks}
    for check in ("login", "inbox", "publish", "stream"):
        assert results["syslog"][f"nats.{check}"] == "ok"
    assert results["trapd"]["nats.inbox"] == "ok"
    assert results["trapd"]["nats.publish"] == "FAIL"


def test_a_revoked_user_is_disconnected_at_once_and_others_stay(issuer):
    issuer.tenant("acme", "syslog", "trapd", "platform")
    gone, stays = issuer.connect("acme", "syslog"), issuer.connect("acme", "trapd")
    issuer.run("user", "revoke", "acme", "syslog")
    assert "Revoked" in ended(gone)
    assert refused(issuer, "acme", "syslog")
    stays.flush()
    assert issuer.run("user", "revoke", "acme", "syslog")["ok"]  # again
    states = {u["name"]: u["state"] for u in issuer.run("user", "list", "acme")["users"]}
    assert states == {"syslog": "revoked", "trapd": "active", "platform": "active"}


def test_a_name_that_is_taken_over_ends_its_old_credentials(issuer):
    issuer.tenant("acme", "syslog")
    old = issuer.connect("acme", "syslog")
    issuer.make_user("acme", "syslog", "syslog")
    assert "Revoked" in ended(old)
    assert json.loads(issuer.publish("acme", "syslog", "logs.syslog"))["stream"] == "events"


def test_a_public_key_from_elsewhere_gets_a_token_alone(issuer):
    issuer.tenant("acme", "syslog")
    key = issuer.run("user", "list", "acme")["users"][0]["key"]
    file = issuer.creds("acme", "token")
    issuer.run("user", "create", "acme", "syslog", "--role", "syslog", "--public-key", key,
               "--out", file)
    token = file.read_text().strip()
    assert claims(token)["sub"] == key
    assert "SEED" not in token
    issuer.connect("acme", "syslog").flush()  # the same key: nothing is revoked
    issuer.run("user", "revoke", "acme", "syslog")
    answer = issuer.refused("user", "create", "acme", "syslog", "--role", "syslog",
                            "--public-key", key, "--out", file, "--force")
    assert "revoked" in answer["cause"]


def test_all_tokens_of_an_account_are_revoked_and_new_ones_work(issuer):
    issuer.tenant("acme", "syslog", "platform")
    before = [issuer.connect("acme", n) for n in ("syslog", "platform")]
    issuer.run("account", "revoke", "acme", "--all")
    for connection in before:
        assert "Revoked" in ended(connection)
    assert refused(issuer, "acme", "syslog")
    issuer.make_user("acme", "syslog", "syslog")  # within the same second
    assert json.loads(issuer.publish("acme", "syslog", "logs.syslog"))["seq"] == 1


def test_a_rotated_signing_key_ends_the_users_of_its_role(issuer):
    issuer.tenant("acme", "syslog", "trapd")
    gone, stays = issuer.connect("acme", "syslog"), issuer.connect("acme", "trapd")
    issuer.run("account", "rotate", "acme", "syslog")
    ended(gone)
    assert refused(issuer, "acme", "syslog")
    stays.flush()
    states = {u["name"]: u["state"] for u in issuer.run("user", "list", "acme")["users"]}
    assert states == {"syslog": "rotated", "trapd": "active"}
    issuer.make_user("acme", "syslog", "syslog")
    assert json.loads(issuer.publish("acme", "syslog", "logs.syslog"))["seq"] == 1


def test_revocations_of_before_a_rotation_of_all_keys_are_forgotten(issuer):
    issuer.tenant("acme", "syslog")
    issuer.run("user", "revoke", "acme", "syslog")
    assert claims(issuer.run("account", "show", "acme")["jwt"])["nats"]["revocations"]
    for role in ("platform", *PUBLISHES):
        issuer.run("account", "rotate", "acme", role)
    assert "revocations" not in claims(issuer.run("account", "show", "acme")["jwt"])["nats"]
    assert refused(issuer, "acme", "syslog")


def test_a_suspended_account_is_silent_and_goes_on_with_the_same_credentials(issuer):
    """Also its streams: a limit of no connections would stop them until the server restarts."""
    issuer.tenant("acme", "syslog", "platform")
    issuer.tenant("globex", "syslog")
    issuer.publish("acme", "syslog", "logs.syslog")
    before = [issuer.connect("acme", n) for n in ("syslog", "platform")]
    other = issuer.connect("globex", "syslog")
    issuer.run("account", "suspend", "acme")
    for connection in before:
        ended(connection)
    assert refused(issuer, "acme", "syslog")
    other.flush()
    file = issuer.creds("acme", "late")
    answer = issuer.refused("user", "create", "acme", "late", "--role", "syslog", "--out", file)
    assert "suspended" in answer["cause"] and not file.exists()
    issuer.run("account", "resume", "acme")
    assert json.loads(issuer.publish("acme", "syslog", "logs.syslog"))["seq"] == 2
    assert issuer.counts("acme")["events"] == 2


def test_limits_hold_at_the_server(issuer):
    issuer.tenant("acme", "platform")
    with issuer.connect("acme", "platform") as c:
        with pytest.raises(ApiError, match="storage"):
            c.add_stream("more", ["acme.more"], max_bytes=1 << 20)
    limits = issuer.run("account", "limits", "acme", "--disk", "3GiB", "--disk-stream", "64MiB")
    assert limits["pushed"] and limits["reserved_disk"] == 3 * GIB
    with issuer.connect("acme", "platform") as c:
        c.add_stream("more", ["acme.more"], max_bytes=64 << 20)
        with pytest.raises(ApiError):
            c.add_stream("large", ["acme.large"], max_bytes=65 << 20)
        with pytest.raises(ApiError, match="max bytes"):
            c.add_stream("bare", ["acme.bare"], max_bytes=-1)
    issuer.run("account", "limits", "acme", "--payload", "1KiB")
    with issuer.connect("acme", "platform") as c:
        c.publish("acme.more", b"x" * 1025)
        with pytest.raises((Refused, ConnectionError)):
            c.flush()
    issuer.run("account", "limits", "acme", "--payload", "unlimited")
    with issuer.connect("acme", "platform") as c:
        c.publish("acme.more", b"x" * 1025)
        c.flush()


def test_limits_beyond_the_servers_store_are_told(issuer):
    issuer.tenant("acme")
    issuer.run("account", "create", "huge", "--no-push")
    answer = issuer.run("account", "limits", "huge", "--disk", "64TiB")
    assert answer["pushed"] and answer["reserved_disk"] == 64 * 1024 * GIB + 2 * GIB
    answer = issuer.refused("stream", "ensure", "huge")
    assert "max_file_store" in answer["remedy"]
    issuer.run("account", "limits", "huge", "--disk", "2GiB")
    assert issuer.run("stream", "ensure", "huge")["ok"]


# What nats-server knows of wildcards in the destination of a mapping.
takes_wildcards = server_version() >= (2, 9, 22)


@pytest.mark.skipif(takes_wildcards, reason="for nats-server before 2.9.22")
def test_wildcard_mappings_are_refused_for_this_server_and_exact_ones_work(issuer):
    issuer.tenant("acme", "platform")
    answer = issuer.refused("account", "mapping", "add", "acme", "app.>")
    assert "2.9.10" in answer["cause"] and "app.>" in answer["cause"]
    assert "2.9.22" in answer["remedy"]
    answer = issuer.run("account", "mapping", "add", "acme", "app.log")
    assert answer["pushed"]
    with issuer.connect("acme", "platform") as c:
        c.subscribe("acme.app.log")
        c.publish("app.log", b"x")
        assert c.flush()[0][1] == "acme.app.log"
    # What a newer server takes, this one refuses whole; it keeps what it had.
    answer = issuer.run("account", "mapping", "add", "acme", "app.>", "--server-version", "2.9.22")
    assert answer["pushed"] is False and "wildcard" in answer["push_cause"]
    assert "map each subject" in answer["push_remedy"]
    issuer.connect("acme", "platform").flush()
    assert issuer.run("account", "mapping", "remove", "acme", "app.>")["pushed"]
    assert set(issuer.run("account", "show", "acme")["mappings"]) == {"app.log"}


@pytest.mark.skipif(not takes_wildcards, reason="for nats-server 2.9.22 and newer")
def test_wildcard_mappings_work_where_the_server_takes_them(issuer):
    issuer.tenant("acme", "platform")
    assert issuer.run("account", "mapping", "add", "acme", "app.>")["pushed"]
    with issuer.connect("acme", "platform") as c:
        c.subscribe("acme.app.>")
        c.publish("app.log.edge", b"x")
        assert c.flush()[0][1] == "acme.app.log.edge"


def test_people_are_shown_words(issuer):
    issuer.tenant("acme")
    issuer.run("account", "mapping", "add", "acme", "app.log")
    issuer.run("account", "export", "add", "acme", "acme.logs.>")
    issuer.run("account", "limits", "acme", "--streams", "7", "--no-push")

    def shown(*words):
        done = subprocess.run([PROVISION, *words, "--dir", issuer.root], capture_output=True,
                              text=True, timeout=30, check=True)
        return re.sub(r"\d{4}-[-\dT:]+Z", "TIME", re.sub(r" +", " ", done.stdout))
    text = shown("account", "show", "acme")
    for line in ("given to the server: TIME, changed since", "limit disk 2GiB", "limit streams 7",
                 "limit connections unlimited", "mapping app.log to acme.app.log",
                 "export acme.logs.> as a stream"):
        assert f" {line}\n" in text, text
    assert shown("account", "list") == "acme active given to the server: TIME, changed since\n"
    answer = issuer.run("collector", "create", "--account", "acme", "--type", "trapd",
                        "--hostname", "edge")
    file = issuer.root.parent / "bundle.tgz"
    assert f"is in {file}" in shown(
        "collector", "bundle", answer["collector"]["id"], "--out", file)


def test_an_export_reaches_the_server(issuer):
    issuer.tenant("acme")
    assert issuer.run("account", "export", "add", "acme", "acme.logs.>")["pushed"]
    said = claims(issuer.run("account", "show", "acme")["jwt"])["nats"]["exports"]
    assert [(e["subject"], e["type"]) for e in said] == [("acme.logs.>", "stream")]
    assert "globex" in issuer.refused("account", "export", "add", "acme", "globex.>")["cause"]
    assert issuer.run("account", "export", "remove", "acme", "acme.logs.>")["pushed"]


def test_streams_in_another_shape_are_told_and_changed_on_request_only(issuer):
    issuer.tenant("acme", "platform")
    answer = issuer.run("stream", "ensure", "acme")
    assert [s["state"] for s in answer["streams"]] == ["same", "same"]
    with issuer.connect("acme", "platform") as c:
        subjects = c.api("STREAM.INFO.events")["config"]["subjects"]
        c.update_stream("events", max_bytes=GIB // 2, discard="old", description="ours",
                        subjects=[s for s in subjects if s != "acme.logs.snmp"] + ["acme.own"])
    answer = issuer.run("stream", "ensure", "acme")
    assert [s["state"] for s in answer["streams"]] == ["drifted", "same"] and answer["drifted"]
    drift = answer["streams"][0]["drift"]
    assert "max_bytes 536870912 instead of 1073741824" in drift
    assert 'discard "old" instead of "new"' in drift and "subjects" in drift
    with issuer.connect("acme", "platform") as c:
        assert c.api("STREAM.INFO.events")["config"]["discard"] == "old"
    answer = issuer.run("stream", "ensure", "acme", "--update")
    assert [s["state"] for s in answer["streams"]] == ["updated", "same"]
    with issuer.connect("acme", "platform") as c:
        config = c.api("STREAM.INFO.events")["config"]
    assert (config["discard"], config["max_bytes"]) == ("new", GIB)
    assert set(subjects) | {"acme.own"} == set(config["subjects"])
    assert config["description"] == "ours"  # what is not ours stays


def test_without_a_server_a_new_account_waits_and_a_revocation_fails(issuer):
    issuer.tenant("acme", "syslog", "platform")
    issuer.end()
    answer = issuer.run("account", "create", "globex")
    assert answer["pushed"] is False and "cannot reach" in answer["push_cause"]
    answer = issuer.refused("user", "revoke", "acme", "syslog")
    assert "the server goes on as before" in answer["cause"]
    assert "account push acme" in answer["remedy"]
    issuer.start()
    issuer.connect("acme", "syslog").flush()
    for name in ("acme", "globex"):
        issuer.run("account", "push", name)
    assert refused(issuer, "acme", "syslog")
    assert all(a["current"] for a in issuer.run("account", "list")["accounts"])
    issuer.run("stream", "ensure", "globex")


def test_a_memory_resolver_is_told_from_one_that_keeps_tokens(issuer):
    issuer.end()
    issuer.configure("--resolver", "memory")
    issuer.start()
    answer = issuer.run("account", "create", "acme")
    assert answer["pushed"] is False
    assert "nats-config" in answer["push_remedy"] and "reload" in answer["push_remedy"]
    issuer.end()
    issuer.configure("--resolver", "memory")
    issuer.start()
    wait_for("JetStream", lambda: issuer.run("stream", "ensure", "acme")["ok"])


def test_a_server_with_certificates_from_elsewhere_is_reached_by_their_files(lab, issuer):
    cert, key = lab.authority().issue("elsewhere")
    issuer.end()
    issuer.configure("--tls-cert", cert, "--tls-key", key, "--tls-ca", lab.authority().file)
    issuer.start()
    answer = issuer.run("account", "create", "acme")
    assert answer["pushed"] is False and "cannot reach" in answer["push_cause"]
    with sqlite3.connect(issuer.root / "state.db") as db:
        for name, value in (("ca", lab.authority().file), ("cert", cert), ("key", key)):
            db.execute("INSERT INTO meta VALUES (?, ?)", (f"server_{name}_file", str(value)))
    db.close()
    assert issuer.run("account", "push", "acme")["pushed"]


def test_the_near_name_is_offered_for_a_wrong_one(issuer):
    issuer.run("account", "create", "acme")
    assert issuer.refused("account", "show", "acmee")["remedy"] == 'did you mean "acme"?'
    for name in ("Acme", "a.b", "-a", "a-", "x" * 33, ""):
        assert "cannot be the name" in issuer.refused("account", "create", "--", name)["cause"]
    assert "already" in issuer.refused("account", "create", "acme")["cause"]


def test_a_user_who_was_revoked_and_has_expired_is_refused_without_being_named(issuer):
    issuer.tenant("acme", "trapd")
    made = issuer.make_user("acme", "syslog", "syslog", "--expires", "2s")
    issuer.connect("acme", "syslog").flush()
    issuer.run("user", "revoke", "acme", "syslog")
    key = next(u["key"] for u in issuer.run("user", "list", "acme")["users"]
               if u["name"] == "syslog")
    assert key in claims(issuer.run("account", "show", "acme")["jwt"])["nats"]["revocations"]
    wait_for("the token expires", lambda: time.time() > made["expires"] + 1)
    # As if it had expired days ago.
    with sqlite3.connect(issuer.root / "state.db") as db:
        db.execute("UPDATE key_end SET ends_s = ends_s - 172800 WHERE key = ?", (key,))
    db.close()
    assert issuer.run("account", "limits", "acme", "--connections", "100")["pushed"]
    assert "revocations" not in claims(issuer.run("account", "show", "acme")["jwt"])["nats"]
    assert refused(issuer, "acme", "syslog")
    issuer.connect("acme", "trapd").flush()


def test_a_push_that_waits_for_the_server_brings_what_was_revoked_meanwhile(issuer):
    issuer.tenant("acme", "syslog")
    issuer.process.send_signal(signal.SIGSTOP)
    with subprocess.Popen([PROVISION, "account", "push", "acme", "--dir", issuer.root, "--json"],
                          stdout=subprocess.PIPE, text=True) as push:
        try:
            wait_for("it waits for the server", lambda: connects(issuer.port))
            issuer.run("user", "revoke", "acme", "syslog", "--no-push")
        finally:
            issuer.process.send_signal(signal.SIGCONT)
        assert json.loads(push.communicate(timeout=60)[0])["ok"]
    assert refused(issuer, "acme", "syslog")
