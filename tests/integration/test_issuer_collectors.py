# SPDX-License-Identifier: Apache-2.0
"""Collectors of the issuer: their bundles at the real daemons, tokens, revocation, certificates."""

import json
import subprocess
import tarfile

import pytest

from issuer_lab import PUBLISHES, Issuer
from lab import BIN, PROVISION, Client, Load, check_once
from nats_client import Refused


@pytest.fixture
def issuer(lab):
    issuer = Issuer(lab).start()
    issuer.tenant("acme", "platform")
    return issuer


class Bundle:
    """A collector's bundle, unpacked."""

    def __init__(self, lab, issuer, kind, *options):
        made = issuer.run("collector", "create", "--account", "acme", "--type", kind,
                          "--site", "hq", *options)
        self.id = made["collector"]["id"]
        assert made["collector"]["state"] == "ready"
        self.file = lab.dir / f"{self.id}.tar.gz"
        issuer.run("collector", "bundle", self.id, "--out", self.file)
        folder = f"collector-package-{self.id[:8]}"
        with tarfile.open(self.file) as tar:
            assert {m.name.split("/")[0] for m in tar} == {folder}
            for member in tar:
                if member.isfile():
                    tar.extract(member, lab.dir)
        self.dir = lab.dir / folder
        self.config = next((self.dir / "config").iterdir())
        self.creds = self.dir / "creds" / "nats.creds"
        self.certs = self.dir / "certs"

    def tls(self):
        return {"ca_file": str(self.certs / "ca-chain.pem"),
                "cert_file": str(self.certs / "collector.pem"),
                "key_file": str(self.certs / "collector-key.pem")}

    def sets(self):
        """What the daemons are told of where the files are here."""
        out = ["--set", f"nats.creds_file={self.creds}"]
        for key, file in self.tls().items():
            out += ["--set", f"nats.tls.{key}={file}"]
        return out

    def connect(self, issuer):
        tls = self.tls()
        return Client(issuer.port, self.creds, tls["ca_file"], tls["cert_file"], tls["key_file"])


@pytest.mark.parametrize("kind", PUBLISHES)
def test_the_daemon_accepts_the_configuration_of_its_bundle(lab, issuer, kind):
    bundle = Bundle(lab, issuer, kind)
    assert bundle.config.name == f"{kind}.json"
    assert bundle.file.stat().st_mode & 0o777 == 0o600
    done = subprocess.run(
        [BIN / f"serviceradar-{kind}", "--config", bundle.config, "--check-config",
         "--set", f"queue.dir={lab.dir}", *bundle.sets()], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    config = json.loads(bundle.config.read_text())
    assert config["nats"]["creds_file"] == f"/etc/serviceradar/creds/{kind}.creds"
    assert config["nats"]["tls"]["ca_file"] == f"/etc/serviceradar/certs/{kind}-ca.pem"
    assert config["partition"] == "hq" and config["nats"]["url"] == [issuer.tls_url]


def test_overrides_are_in_the_configuration_and_mistakes_in_them_are_told(lab, issuer):
    file = lab.dir / "overrides.json"
    file.write_text('{"listeners": [{"protocol": "snmptrap", "listen": "udp://127.0.0.1:1162"}]}')
    bundle = Bundle(lab, issuer, "trapd", "--overrides", file)
    assert json.loads(bundle.config.read_text())["listeners"] == [
        {"protocol": "snmptrap", "listen": "udp://127.0.0.1:1162"}]
    file.write_text("not json")
    answer = issuer.refused("collector", "create", "--account", "acme", "--type", "trapd",
                            "--overrides", file)
    assert "JSON" in answer["cause"]


def test_a_revoked_collector_is_out_at_once_and_its_neighbour_stays(lab, issuer):
    gone, stays = Bundle(lab, issuer, "syslog"), Bundle(lab, issuer, "flowgger")
    daemon = lab.daemon(nats={"url": [issuer.tls_url], "creds_file": str(gone.creds),
                              "tls": gone.tls()})
    load = Load()
    daemon.send(load.lines(50))
    daemon.settled(50)
    assert issuer.run("collector", "revoke", gone.id[:8])["pushed"]
    daemon.await_log("User Authentication Revoked")
    with pytest.raises((Refused, ConnectionError)):
        gone.connect(issuer)
    with stays.connect(issuer) as c:
        ack = json.loads(c.request("logs.syslog", b"{}", f"_INBOX.syslog-hq-{stays.id[:8]}"))
    assert ack["stream"] == "events"
    states = {c["id"]: c["state"] for c in issuer.run("collector", "list")["collectors"]}
    assert states == {gone.id: "revoked", stays.id: "downloaded"}
    with issuer.connect("acme", "platform") as c:
        check_once([m for m in c.messages() if m.body != b"{}"], load)
    answer = issuer.refused("token", "create", gone.id)
    assert "revoked" in answer["cause"]


def test_a_second_bundle_ends_the_first(lab, issuer):
    bundle = Bundle(lab, issuer, "trapd")
    bundle.connect(issuer).__exit__()
    again = lab.dir / "again.tar.gz"
    assert issuer.run("collector", "bundle", bundle.id, "--out", again)["pushed"]
    with pytest.raises((Refused, ConnectionError)):
        bundle.connect(issuer)
    assert "there already" in issuer.refused(
        "collector", "bundle", bundle.id, "--out", again)["cause"]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_token_comes_with_the_command_to_paste(issuer, version):
    made = issuer.run("collector", "create", "--account", "acme", "--type", "trapd")
    answer = issuer.run("token", "create", made["collector"]["id"], "--version", version,
                        "--ttl", "1h")
    assert ("--trust-key " + answer["trust_key"] in answer["command"]) == (version > 1)
    assert ("--ca-pin sha256:" + answer["ca_pin"] in answer["command"]) == (version < 3)
    line = answer["command"].splitlines()[0]
    assert answer["token"] not in line  # arguments are for all to see
    assert answer["command"].splitlines()[1:] == [answer["token"], "TOKEN"]
    key = issuer.run("token", "key")
    assert (key["trust_key"], key["ca_pin"]) == (answer["trust_key"], answer["ca_pin"])


def test_times_and_versions_that_are_none_are_usage_errors(issuer):
    made = issuer.run("collector", "create", "--account", "acme", "--type", "trapd")
    for words in (("--ttl", "1s"), ("--ttl", "31d"), ("--ttl", "x"), ("--version", "4")):
        done = subprocess.run(
            [PROVISION, "token", "create", made["collector"]["id"], "--dir", issuer.root, *words],
            capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 2 and "see serviceradar-provision token create" in done.stderr


def test_the_root_signs_for_keys_that_stay_where_they_are(lab, issuer):
    key, csr, out = lab.dir / "own-key.pem", lab.dir / "own.csr", lab.dir / "own"
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", csr, "-subj",
                    "/CN=x"], check=True, capture_output=True, timeout=30)
    answer = issuer.run("ca", "issue", "--component", "poller", "--partition", "hq", "--account",
                        "acme", "--csr", csr, "--days", "10", "--out", out)
    text = subprocess.run(
        ["openssl", "verify", "-CAfile", f"{out}-ca.pem", f"{out}.pem"], check=True,
        capture_output=True, text=True, timeout=30).stdout
    assert text.endswith("OK\n")
    listed = issuer.run("ca", "list", "--account", "acme")["certificates"]
    assert [c["name"] for c in listed] == ["poller.hq.acme.serviceradar"]
    issuer.run("ca", "revoke", answer["serial"], "--reason", "lost")
    crl = lab.dir / "crl.pem"
    issuer.run("ca", "crl", "--account", "acme", "--out", crl)
    shown = subprocess.run(["openssl", "crl", "-in", crl, "-noout", "-text"], check=True,
                           capture_output=True, text=True, timeout=30).stdout
    assert answer["serial"].upper() in shown
