# SPDX-License-Identifier: Apache-2.0
"""The issuer's own commands: operator, nats-config, audit. SR_BIN names the folder of the programs."""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import server_program
from nats_client import Client, Refused

ROOT = Path(__file__).resolve().parents[2]
PROVISION = str(Path(os.environ.get("SR_BIN", ROOT / "build-dev" / "bin")) /
                "serviceradar-provision")
SECRET = re.compile(r"S[OAU][A-Z2-7]{56}|PRIVATE KEY|^[0-9a-f]{64}$", re.MULTILINE)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


class Issuer:
    def __init__(self, folder):
        self.dir = folder

    def run(self, *args, code=0):
        words = list(map(str, args))
        done = subprocess.run([PROVISION, *words, "--dir", str(self.dir)], capture_output=True,
                              text=True, timeout=60, check=False)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        assert not SECRET.search(done.stdout + done.stderr), words
        return done

    def ask(self, *args):
        answer = json.loads(self.run(*args, "--json").stdout)
        assert answer["ok"] is True
        return answer

    def refuses(self, *args, code=1):
        """The cause; there is a remedy too, and the same as JSON."""
        answer = json.loads(self.run(*args, "--json", code=code).stdout)
        assert answer["ok"] is False and answer["cause"] and answer["remedy"]
        return answer["cause"]

    def init(self, port=4222):
        self.run("operator", "init", "--name", "Acme", "--server", f"tls://localhost:{port}",
                 "--api", "https://localhost:8443")
        return self


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path / "issuer").init()


class Server:
    """nats-server with what nats-config wrote."""

    def __init__(self, folder, port):
        self.dir, self.port = folder, port
        self.start()

    def start(self):
        with open(self.dir / "log", "wb") as log:
            self.process = subprocess.Popen(
                [server_program(), "-c", self.dir / "nats-server.conf"],
                stdout=log, stderr=log)
        end = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < end:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        self.stop()
        raise AssertionError((self.dir / "log").read_text())

    def client(self, creds):
        tls = self.dir / "tls"
        return Client(self.port, creds, tls / "ca.pem", tls / "server.pem", tls / "server-key.pem")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def served(tmp_path):
    """Makes an issuer and starts a server that trusts it."""
    servers = []

    def start(*options):
        port = free_port()
        one = Issuer(tmp_path / "issuer").init(port)
        out = tmp_path / "nats"
        one.run("nats-config", "--out", out, "--listen", "127.0.0.1", *options)
        one.run("operator", "creds", tmp_path / "system.creds")
        servers.append(Server(out, port))
        return one, servers[-1], tmp_path / "system.creds"

    yield start
    for server in servers:
        server.stop()


# ---- init, show ----

def test_only_the_owner_can_read_what_init_makes(issuer):
    assert mode(issuer.dir) == 0o700
    assert {p.name: mode(p) for p in issuer.dir.iterdir()} == {
        "master.key": 0o600, "state.db": 0o600}


def test_show_tells_keys_urls_and_the_pin_of_the_root(issuer, tmp_path):
    shown = issuer.ask("operator", "show")
    assert shown["operator"]["name"] == "Acme"
    assert shown["operator"]["key"] != shown["operator"]["signing_key"]
    assert shown["server_url"] == "tls://localhost:4222"
    assert shown["api_url"] == "https://localhost:8443"
    assert shown["accounts"] == 0
    issuer.run("nats-config", "--out", tmp_path / "nats")
    public = subprocess.run(["openssl", "x509", "-in", tmp_path / "nats/tls/ca.pem", "-pubkey",
                             "-noout"], check=True, capture_output=True, timeout=10).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public,
                         check=True, capture_output=True, timeout=10).stdout
    digest = subprocess.run(["openssl", "dgst", "-sha256", "-r"], input=der, check=True,
                            capture_output=True, timeout=10).stdout.split()[0].decode()
    assert shown["ca_pin"] == digest
    text = issuer.run("operator", "show").stdout
    assert shown["operator"]["key"] in text and digest in text


def test_a_second_init_changes_nothing(issuer):
    before = issuer.ask("operator", "show")
    cause = issuer.refuses("operator", "init", "--name", "Other", "--server", "tls://other",
                           "--api", "https://other")
    assert "already" in cause
    assert issuer.ask("operator", "show") == before


def test_wrong_usage_is_2_and_makes_nothing(tmp_path):
    one = Issuer(tmp_path / "issuer")
    one.run("operator", "init", "--name", "Acme", code=2)
    one.run("operator", "init", "--name", "Acme", "--server", "nats://a", "--api", "https://a",
            code=2)
    one.run("operator", "nonsense", code=2)
    one.run("operator", "show", "word", code=2)
    one.run("operator", "backup", "--with-master-key", tmp_path / "b", code=2)
    one.run("nats-config", code=2)
    one.run("audit", "--since", "yesterday", code=2)
    assert not one.dir.exists()


def test_every_command_has_help(tmp_path):
    one = Issuer(tmp_path / "issuer")
    for words in (["operator"], ["operator", "init"], ["operator", "show"], ["operator", "set"],
                  ["operator", "backup"], ["operator", "restore"], ["operator", "detach"],
                  ["operator", "attach"], ["operator", "rotate"],
                  ["operator", "creds"], ["nats-config"], ["audit"]):
        done = subprocess.run([PROVISION, *words, "--help"], capture_output=True, text=True,
                              timeout=10, check=False)
        assert done.returncode == 0 and "usage: serviceradar-provision" in done.stdout, words
    assert not one.dir.exists()


def test_what_init_left_half_is_finished_by_the_next(tmp_path):
    one = Issuer(tmp_path / "issuer")
    one.dir.mkdir(mode=0o700)
    (one.dir / "state.db").touch(mode=0o600)
    one.init()
    one.ask("operator", "show")


def test_the_urls_can_be_changed(issuer):
    issuer.run("operator", "set", "--server", "tls://nats.example")
    shown = issuer.ask("operator", "show")
    assert shown["server_url"] == "tls://nats.example"
    assert shown["api_url"] == "https://localhost:8443"


def test_files_for_a_server_of_another_authority_are_kept_as_absolute_paths(issuer, tmp_path):
    issuer.refuses("operator", "set", "--server-ca", tmp_path / "absent")
    issuer.run("operator", "set", "--server-cert", __file__, code=2)
    (tmp_path / "ca.pem").write_text("a certificate")
    done = subprocess.run([PROVISION, "operator", "set", "--dir", issuer.dir, "--server-ca",
                           "ca.pem"], cwd=tmp_path, timeout=20, check=False, capture_output=True)
    assert done.returncode == 0
    assert issuer.ask("operator", "show")["server_ca_file"] == str(tmp_path / "ca.pem")
    issuer.run("operator", "set", "--server-ca", "")
    assert issuer.ask("operator", "show")["server_ca_file"] is None


def test_the_identity_can_be_kept_elsewhere(issuer, tmp_path):
    seed = tmp_path / "identity"
    issuer.run("operator", "detach", seed)
    assert mode(seed) == 0o600 and seed.read_text().startswith("SO")
    assert issuer.ask("operator", "show")["operator"]["detached"] is True
    issuer.run("nats-config", "--out", tmp_path / "nats")
    issuer.refuses("operator", "detach", tmp_path / "again")
    assert not (tmp_path / "again").exists()
    issuer.run("operator", "attach", seed)
    assert issuer.ask("operator", "show")["operator"]["detached"] is False


def dumps_core(words, folder, ready):
    """Whether a process that is aborted leaves a core, once `ready` has seen it wait."""
    unlimited = (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_CORE)[1])
    process = subprocess.Popen(
        words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, unlimited))
    with ready(process):
        process.send_signal(signal.SIGABRT)
        _, status = os.waitpid(process.pid, 0)
    process.returncode = -signal.SIGABRT
    process.stdout.close()
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT
    return os.WCOREDUMP(status)


def test_a_process_that_is_aborted_leaves_no_core(issuer, tmp_path):
    fifo = tmp_path / "passphrase"
    os.mkfifo(fifo)

    @contextlib.contextmanager
    def said_so(process):
        process.stdout.readline()
        yield

    if not dumps_core([sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"], tmp_path, said_so):
        pytest.skip("this system writes no cores")
    assert not dumps_core(
        [PROVISION, "operator", "backup", "--dir", issuer.dir, "--with-master-key",
         "--passphrase-file", fifo, tmp_path / "b"], tmp_path, lambda _: open(fifo, "wb"))


# ---- backup, restore ----

def test_a_backup_restores_in_another_folder_with_the_master_key(issuer, tmp_path):
    backup, other = tmp_path / "backup", Issuer(tmp_path / "other")
    done = issuer.run("operator", "backup", backup)
    assert "different places" in done.stdout
    assert mode(backup) == 0o600
    other.dir.mkdir(mode=0o700)
    shutil.copy2(issuer.dir / "master.key", other.dir / "master.key")
    other.run("operator", "restore", backup)
    assert other.ask("operator", "show") == issuer.ask("operator", "show")
    other.run("operator", "creds", tmp_path / "creds")
    assert mode(other.dir / "state.db") == 0o600
    assert sorted(p.name for p in other.dir.iterdir()) == ["master.key", "state.db"]


def test_the_master_key_is_not_in_a_backup(issuer, tmp_path):
    issuer.run("operator", "backup", tmp_path / "backup")
    key = (issuer.dir / "master.key").read_text().strip()
    data = (tmp_path / "backup").read_bytes()
    assert key.encode() not in data and bytes.fromhex(key) not in data
    other = Issuer(tmp_path / "other")
    assert "master key" in other.refuses("operator", "restore", tmp_path / "backup")
    assert list(other.dir.iterdir()) == []


def test_a_foreign_master_key_restores_nothing_and_opens_nothing(issuer, tmp_path):
    foreign = Issuer(tmp_path / "foreign").init()
    issuer.run("operator", "backup", tmp_path / "backup")
    other = Issuer(tmp_path / "other")
    cause = other.refuses("operator", "restore", tmp_path / "backup", "--master-key",
                          foreign.dir / "master.key")
    assert "master key is not the one" in cause
    assert list(other.dir.iterdir()) == []
    cause = issuer.refuses("operator", "show", "--master-key", foreign.dir / "master.key")
    assert "master key is not the one" in cause


def test_a_passphrase_carries_the_master_key_along(issuer, tmp_path):
    word, wrong, short = tmp_path / "word", tmp_path / "wrong", tmp_path / "short"
    word.write_text("correct horse battery\nignored\n")
    wrong.write_text("correct horse battert\n")
    short.write_text("horse\n")
    backup = tmp_path / "backup"
    issuer.refuses("operator", "backup", "--with-master-key", "--passphrase-file", short, backup)
    assert not backup.exists()
    issuer.run("operator", "backup", "--with-master-key", "--passphrase-file", word, backup)
    key = (issuer.dir / "master.key").read_text().strip()
    data = backup.read_bytes()
    assert key.encode() not in data and bytes.fromhex(key) not in data

    other = Issuer(tmp_path / "other")
    assert "passphrase" in other.refuses("operator", "restore", "--passphrase-file", wrong, backup)
    assert list(other.dir.iterdir()) == []
    other.run("operator", "restore", "--passphrase-file", word, backup)
    assert (other.dir / "master.key").read_text().strip() == key
    assert mode(other.dir / "master.key") == 0o600
    assert other.ask("operator", "show") == issuer.ask("operator", "show")


def test_a_backup_without_the_master_key_has_none_for_a_passphrase(issuer, tmp_path):
    (tmp_path / "word").write_text("correct horse battery\n")
    issuer.run("operator", "backup", tmp_path / "backup")
    cause = Issuer(tmp_path / "other").refuses("operator", "restore", "--passphrase-file",
                                               tmp_path / "word", tmp_path / "backup")
    assert "without the master key" in cause


def test_a_damaged_backup_is_refused(issuer, tmp_path):
    issuer.run("operator", "backup", tmp_path / "backup")
    data = (tmp_path / "backup").read_bytes()
    key = issuer.dir / "master.key"
    for number, bad in enumerate([b"", b"no database", data[:len(data) // 2],
                                  data[:4096] + bytes(4096) + data[8192:]]):
        (tmp_path / "bad").write_bytes(bad)
        other = Issuer(tmp_path / f"other{number}")
        other.refuses("operator", "restore", tmp_path / "bad", "--master-key", key)
        assert list(other.dir.iterdir()) == []


def test_nothing_that_is_there_is_overwritten(issuer, tmp_path):
    issuer.run("operator", "backup", tmp_path / "backup")
    before = (tmp_path / "backup").read_bytes()
    issuer.refuses("operator", "backup", tmp_path / "backup")
    assert (tmp_path / "backup").read_bytes() == before
    assert "already" in issuer.refuses("operator", "restore", tmp_path / "backup")
    issuer.ask("operator", "show")


# ---- audit ----

def test_the_audit_log_tells_who_did_what(issuer):
    issuer.run("operator", "set", "--api", "https://other.example")
    lines = issuer.ask("audit")["lines"]
    deeds = [line["action"] for line in lines]
    assert deeds.index("operator init") < deeds.index("operator set")
    last = lines[-1]
    assert last["object"] == "Acme" and last["detail"] == "api=https://other.example" and last["actor"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", last["time"])
    assert issuer.ask("audit", "--since", "1h")["lines"] == lines
    assert issuer.ask("audit", "--since", "2100-01-01")["lines"] == []
    assert issuer.ask("audit", "--since", last["time"])["lines"][-1] == last
    assert len(issuer.run("audit").stdout.splitlines()) == len(lines)


def test_a_line_that_is_no_utf_8_does_not_hide_the_others(issuer):
    with contextlib.closing(sqlite3.connect(issuer.dir / "state.db")) as db, db:
        db.execute("INSERT INTO audit (at_s, actor, action, object, detail)"
                   " VALUES (1, 'host', 'confirm', 'x', CAST(x'61ff0a1b5b' AS TEXT))")
    assert issuer.ask("audit")["lines"][-1]["detail"] == "a?\n\x1b["
    assert "\x1b" not in subprocess.run([PROVISION, "audit", "--dir", issuer.dir], timeout=20,
                                        check=True, capture_output=True).stdout.decode("latin-1")


# ---- nats-config ----

def test_a_server_takes_the_configuration_and_the_system_user(served):
    issuer, server, creds = served("--domain", "hub")
    assert mode(creds) == 0o600
    with server.client(creds) as c:
        reply = json.loads(c.request("$SYS.REQ.CLAIMS.LIST", b"", "_INBOX.test"))
        system = issuer.ask("operator", "show")["system_account"]["key"]
        assert reply["data"] == [system]
        token = c.request(f"$SYS.REQ.ACCOUNT.{system}.CLAIMS.LOOKUP", b"", "_INBOX.test")
        assert token.decode() == (server.dir / "resolver" / f"{system}.jwt").read_text()
        c.subscribe("$SYS.>", "2")
        with pytest.raises(Refused):
            c.flush()
    log = (server.dir / "log").read_text()
    assert "Starting JetStream" in log and "hub" in log


def test_a_new_signing_key_counts_when_the_server_is_started_with_it(served):
    issuer, server, creds = served()
    issuer.run("account", "create", "acme", "--no-push")
    before = issuer.ask("operator", "show")
    issuer.run("operator", "detach", server.dir / "identity")
    assert "identity" in issuer.refuses("operator", "rotate")
    issuer.run("operator", "attach", server.dir / "identity")
    issuer.run("operator", "rotate")
    after = issuer.ask("operator", "show")
    assert after["operator"]["signing_key"] != before["operator"]["signing_key"]
    assert after["operator"]["key"] == before["operator"]["key"]
    issuer.refuses("account", "push", "acme")
    server.stop()
    issuer.run("nats-config", "--out", server.dir, "--listen", "127.0.0.1")
    server.start()
    with pytest.raises(Refused):
        with server.client(creds):
            pass
    issuer.run("operator", "creds", server.dir / "new.creds")
    with server.client(server.dir / "new.creds") as c:
        reply = json.loads(c.request("$SYS.REQ.CLAIMS.LIST", b"", "_INBOX.test"))
        assert len(reply["data"]) == 2
    issuer.run("account", "push", "acme")


def test_callers_without_a_certificate_or_of_another_operator_are_refused(served, tmp_path):
    _, server, creds = served()
    with pytest.raises(OSError):
        with Client(server.port, creds, server.dir / "tls" / "ca.pem"):
            pass
    Issuer(tmp_path / "foreign").init().run("operator", "creds", tmp_path / "foreign.creds")
    with pytest.raises(Refused):
        with server.client(tmp_path / "foreign.creds"):
            pass


def test_a_memory_resolver_holds_the_accounts_in_the_file(served):
    issuer, server, creds = served("--resolver", "memory")
    assert not (server.dir / "resolver").exists()
    assert issuer.ask("operator", "show")["system_account"]["key"] in (
        server.dir / "nats-server.conf").read_text()
    with server.client(creds) as c:
        assert c.request("$SYS.REQ.CLAIMS.UPDATE", b"", "_INBOX.test") is None


def test_a_server_listens_for_leaf_nodes_when_asked(served):
    leaf = free_port()
    _, server, _ = served("--domain", "hub", "--leafnodes", leaf)
    with socket.create_connection(("127.0.0.1", leaf), 10) as s:
        assert json.loads(s.recv(4096).split(b" ", 1)[1])["tls_required"] is True


def test_running_it_again_keeps_the_certificate_as_long_as_it_fits(issuer, tmp_path):
    out = tmp_path / "nats"
    assert issuer.ask("nats-config", "--out", out)["certificate_made"] is True
    first = (out / "tls/server.pem").read_bytes()
    assert mode(out / "tls/server-key.pem") == 0o600
    assert issuer.ask("nats-config", "--out", out)["certificate_made"] is False
    assert (out / "tls/server.pem").read_bytes() == first
    issuer.run("operator", "set", "--server", "tls://nats.example:4300")
    assert issuer.ask("nats-config", "--out", out)["certificate_made"] is True
    subprocess.run(["openssl", "verify", "-verify_hostname", "nats.example", "-purpose",
                    "sslserver", "-CAfile", out / "tls/ca.pem", out / "tls/server.pem"],
                   check=True, capture_output=True, timeout=10)
    assert 'listen: "0.0.0.0:4300"' in (out / "nats-server.conf").read_text()


def test_the_folder_may_be_for_another_host(issuer, tmp_path):
    out = tmp_path / "nats"
    issuer.run("nats-config", "--out", out, "--at", "/etc/nats", "--store-dir", "/srv/js",
               "--tls-cert", "/etc/ssl/n.pem", "--tls-key", "/etc/ssl/n.key", "--listen", "::1",
               "--port", "4999")
    conf = (out / "nats-server.conf").read_text()
    assert 'operator: "/etc/nats/operator.jwt"' in conf
    assert 'dir: "/etc/nats/resolver"' in conf
    assert 'store_dir: "/srv/js"' in conf
    assert 'cert_file: "/etc/ssl/n.pem"' in conf and 'key_file: "/etc/ssl/n.key"' in conf
    assert 'ca_file: "/etc/nats/tls/ca.pem"' in conf
    assert 'listen: "[::1]:4999"' in conf
    assert not (out / "tls/server-key.pem").exists()


def test_a_folder_that_is_there_keeps_its_mode(issuer, tmp_path):
    out = tmp_path / "nats"
    out.mkdir(mode=0o755)
    out.chmod(0o755)
    issuer.run("nats-config", "--out", out)
    assert mode(out) == 0o755


def test_what_cannot_be_in_a_configuration_is_refused(issuer, tmp_path):
    out = tmp_path / "nats"
    for options in (["--listen", "localhost"], ["--domain", "a b"], ["--at", "/etc/\n/nats"],
                    ["--port", "0"], ["--resolver", "url"], ["--server-name", "a,IP:1.2.3.4"],
                    ["--tls-cert", "/a"], ["--at", "nats"], ["--store-dir", "js"]):
        issuer.run("nats-config", "--out", out, *options, code=2)
    assert not out.exists()
