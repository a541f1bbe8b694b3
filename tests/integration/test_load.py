# SPDX-License-Identifier: Apache-2.0
"""serviceradar-cli load: the collectors take what it sends, each record once, with its mark."""

import datetime
import ipaddress
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from flows import Collector, flow_stream
from flows import SUBJECT as FLOWS
from lab import Daemon, free_port, wait_for
from traps import Trapd, trap_stream

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLI = str(pathlib.Path(os.environ.get("SR_BIN", ROOT / "build-dev" / "bin")) / "serviceradar-cli")
MARK = re.compile(rb"sr-load=([0-9a-f]{6})/(\d{13})")


def load(*args, code=0):
    """The summary of a run, which ends with this exit code."""
    done = subprocess.run([CLI, "load", *map(str, args), "--json"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def refused(*args):
    """What the command says of wrong usage."""
    done = subprocess.run([CLI, "load", *map(str, args)], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    return done.stderr


def url(daemon):
    return "udp://127.0.0.1:%d" % daemon.address()[1]


def output(lab):
    """A configuration that writes records to a file, and that file."""
    path = lab.dir / "records"
    return {"output": "file", "file": {"path": str(path)}}, path


def text_marks(path):
    """The numbers in the lines of a file, in order: the first mark of each."""
    found = [MARK.search(line) for line in path.read_bytes().splitlines()]
    return [int(m[2]) for m in found]


def expect_once(numbers, summary):
    assert sorted(numbers) == list(range(summary["first"], summary["last"] + 1))
    assert len(numbers) == summary["records"]


def no_dead_letters(path):
    assert path.with_name(path.name + ".deadletter").read_bytes() == b""


# ---- Syslog ----

@pytest.mark.parametrize("given, strict", [
    (["--profile", "vendor-mix"], "auto"),
    (["--profile", "sizes"], "auto"),
    (["--format", "rfc5424", "--size", "82"], "rfc5424"),
    (["--format", "rfc3164", "--size", "1KiB"], "rfc3164"),
    (["--format", "cisco"], "smart"),
    (["--format", "cef"], "smart"),
    (["--format", "json"], "smart"),
])
def test_messages_are_records_without_a_dead_letter(lab, given, strict):
    config, path = output(lab)
    listener = {} if strict == "auto" else {"format": strict}
    daemon = Daemon(lab, listeners=[{"format": "smart", **listener}], **config).start()
    summary = load("syslog", "--to", url(daemon), "--rate", 20000, "--count", 2000,
                   "--sources", 3, *given)
    assert summary["sent"] == summary["records"] == 2000
    ledger = daemon.settled(2000)
    assert ledger["deadlettered"] == 0
    expect_once(text_marks(path), summary)
    no_dead_letters(path)


@pytest.mark.parametrize("given", [
    ["--rate", 1], ["--rate", 1, "--set", "bursts.every=60s", "--set", "bursts.of=1"]])
def test_messages_have_the_date_that_they_are_sent_at(given):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        load("syslog", "--to", "udp://127.0.0.1:%d" % receiver.getsockname()[1], "--count", 2,
             *given)
        dates = [datetime.datetime.fromisoformat(receiver.recv(65536).split()[1].decode())
                 for _ in range(2)]
    assert 0.9 < (dates[1] - dates[0]).total_seconds() < 1.1


def test_dates_without_a_zone_are_of_this_hosts(lab, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    config, path = output(lab)
    daemon = Daemon(lab, listeners=[{"format": "smart"}], **config).start()
    formats = ("rfc5424", "rfc3164", "cisco", "cef", "json")
    for name in formats:
        load("syslog", "--to", url(daemon), "--rate", 100, "--count", 1, "--format", name)
    daemon.settled(len(formats))
    ages = [time.time() - json.loads(line)["timestamp"] for line in path.read_bytes().splitlines()]
    assert len(ages) == len(formats) and max(map(abs, ages)) < 120, ages


def test_connections_carry_messages_of_64_kib(lab):
    config, path = output(lab)
    port = free_port()
    daemon = Daemon(lab, listeners=[
        {"listen": f"tcp://127.0.0.1:{port}", "format": "smart"}],
        **config).start()
    summary = load("syslog", "--to", f"tcp://127.0.0.1:{port}", "--flood", "--count", 200,
                   "--connections", 4, "--size", "64KiB")
    assert summary["sent"] == 200 and summary["bytes"] == 200 * 65536
    daemon.settled(200)
    expect_once(text_marks(path), summary)


def test_messages_go_over_tls(lab):
    config, path = output(lab)
    ca, port = lab.authority(), free_port()
    cert, key = ca.issue("localhost")
    daemon = Daemon(lab, listeners=[
        {"listen": f"tls://127.0.0.1:{port}", "format": "rfc5424",
         "tls": {"cert_file": str(cert), "key_file": str(key)}}], **config).start()
    summary = load("syslog", "--to", f"tls://localhost:{port}", "--ca", ca.file, "--flood",
                   "--count", 1000, "--connections", 3)
    daemon.settled(1000)
    expect_once(text_marks(path), summary)


# ---- Flows ----

def flow_marks(path, run):
    """The numbers in the keys of flows."""
    numbers = []
    for line in path.read_bytes().splitlines():
        flow = json.loads(line)
        source = ipaddress.ip_address(flow["src_addr"]).packed
        assert source == bytes([10]) + bytes.fromhex(run)
        low = ipaddress.ip_address(flow["dst_addr"]).packed
        numbers.append(int.from_bytes(low, "big") + (flow.get("src_port", 0) << 32))
    return numbers


@pytest.mark.parametrize("given", [
    ["--profile", "vendor-mix", "--sources", 4, "--spoof-loopback"],
    ["--profile", "sizes"],
    ["--format", "v5", "--sources", 2],
    ["--format", "ipfix", "--size", 200, "--set", "netflow.templates=1ms"],
])
def test_flows_are_records_without_a_gap(lab, given):
    config, path = output(lab)
    daemon = Collector(lab, **config).start()
    summary = load("netflow", "--to", url(daemon), "--rate", 2000, "--count", 500, *given)
    ledger = daemon.settled(summary["sent"])
    assert ledger["deadlettered"] == 0 and ledger["records"] == summary["records"]
    expect_once(flow_marks(path, summary["run"]), summary)
    for trouble in ("missing", "duplicates", "restarts", "sets_parked", "skewed"):
        assert daemon.count(f"{trouble}_total") == 0, trouble
    no_dead_letters(path)


def test_ipfix_goes_over_connections(lab):
    config, path = output(lab)
    port = free_port()
    daemon = Collector(lab, listeners=[{"listen": f"tcp://127.0.0.1:{port}"}], **config).start()
    summary = load("netflow", "--to", f"tcp://127.0.0.1:{port}", "--flood", "--count", 300,
                   "--connections", 3)
    daemon.settled(summary["sent"])
    expect_once(flow_marks(path, summary["run"]), summary)
    assert daemon.count("missing_total") == 0


# ---- Traps ----

@pytest.mark.parametrize("given", [
    ["--profile", "vendor-mix"], ["--format", "v1"], ["--size", 1000], ["--profile", "storm"]])
def test_traps_are_records_without_a_dead_letter(lab, given):
    config, path = output(lab)
    daemon = Trapd(lab, listeners=[{}], **config).start()
    summary = load("trap", "--to", url(daemon), "--rate", 5000, "--count", 1000, "--sources", 2,
                   *given)
    ledger = daemon.settled(1000)
    assert ledger["deadlettered"] == 0
    expect_once(text_marks(path), summary)


def test_traps_of_v3_are_opened_in_run_after_run(lab):
    config, path = output(lab)
    secret = lab.dir / "password"
    secret.write_text("correct horse\n")
    daemon = Trapd(lab, listeners=[{}], users=[{
        "name": "load", "auth": "SHA-256", "priv": "AES-128", "auth_password": "correct horse",
        "priv_password": "correct horse"}], **config).start()
    given = [a for s in ("auth=SHA-256", "priv=AES-128", f"auth_password_file={secret}",
                         f"priv_password_file={secret}") for a in ("--set", f"trap.{s}")]
    for number in range(2):
        summary = load("trap", "--to", url(daemon), "--rate", 2000, "--count", 300, "--format",
                       "v3", "--sources", 3, *given)
        ledger = daemon.settled(300 * (number + 1))
        assert ledger["deadlettered"] == 0
        expect_once(text_marks(path)[-300:], summary)


# ---- Others' receivers, where they are installed ----

def is_bound(port):
    return f":{port:04X} " in pathlib.Path("/proc/net/udp").read_text()


def receive(port, *argv, **options):
    """A receiver of somebody else, once it listens."""
    process = subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, **options)
    wait_for("the receiver listens", lambda: is_bound(port) or process.poll() is not None)
    return process


@pytest.mark.skipif(shutil.which("nfcapd") is None, reason="needs nfcapd")
def test_nfcapd_misses_no_flow(lab):
    port = free_port(socket.SOCK_DGRAM)
    folder = lab.dir / "flows"
    folder.mkdir()
    with receive(port, "nfcapd", "-w", folder, "-p", port, "-b", "127.0.0.1") as process:
        summary = load("netflow", "--to", f"udp://127.0.0.1:{port}", "--rate", 200, "--count", 300,
                       "--profile", "vendor-mix", "--sources", 2)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=15)[0]
    assert re.search(rf"Flows: {summary['records']}, .*Sequence Errors: 0, Bad Packets: 0", said)


@pytest.mark.skipif(shutil.which("snmptrapd") is None, reason="needs snmptrapd")
def test_snmptrapd_reads_traps_of_all_versions(lab):
    port, secret, log = free_port(socket.SOCK_DGRAM), lab.dir / "password", lab.dir / "traps"
    secret.write_text("correct horse\n")
    (lab.dir / "snmptrapd.conf").write_text(
        'createUser -e 0x80001f88046c6f616400000000 load SHA-256 "correct horse" AES '
        '"correct horse"\nauthUser log load\nauthCommunity log public\n')
    given = [a for s in ("auth=SHA-256", "priv=AES-128", f"auth_password_file={secret}",
                         f"priv_password_file={secret}") for a in ("--set", f"trap.{s}")]
    env = {**os.environ, "SNMP_PERSISTENT_DIR": str(lab.dir / "snmp")}
    with receive(port, "snmptrapd", "-C", "-c", lab.dir / "snmptrapd.conf", "-f", "-Lf", log,
                 f"udp:127.0.0.1:{port}", env=env) as process:
        for version in ("v1", "v2c", "v3"):
            summary = load("trap", "--to", f"udp://127.0.0.1:{port}", "--rate", 200, "--count", 20,
                           "--format", version, *given)
            run = summary["run"].encode()
            wait_for(f"all of {version} are logged", lambda: len(
                {m[2] for m in MARK.finditer(log.read_bytes()) if m[1] == run}) == 20)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)


# ---- Paces ----

def test_bursts_come_beside_the_rate(lab):
    config, path = output(lab)
    profile = lab.dir / "profile.yaml"
    profile.write_text("bursts: {every: 200ms, of: 50}\n")
    daemon = Daemon(lab, listeners=[{"format": "smart"}], **config).start()
    summary = load("syslog", "--to", url(daemon), "--rate", 100, "--duration", "500ms",
                   "--profile", profile)
    assert summary["sent"] == 50 + 2 * 50
    daemon.settled(150)
    expect_once(text_marks(path), summary)


def test_templates_have_their_turns_of_the_rate(lab):
    config, _ = output(lab)
    daemon = Collector(lab, **config).start()
    summary = load("netflow", "--to", url(daemon), "--rate", 200, "--duration", "1s",
                   "--sources", 60)
    assert summary["sent"] == 200 and summary["records"] == 140 * 26


def test_a_duration_without_a_unit_is_of_seconds(lab):
    config, path = output(lab)
    daemon = Daemon(lab, listeners=[{"format": "smart"}], **config).start()
    summary = load("syslog", "--to", url(daemon), "--rate", 200, "--duration", 1)
    assert summary["sent"] == 200
    daemon.settled(200)
    expect_once(text_marks(path), summary)


def test_a_flood_over_connections_ends_between_two_messages(lab):
    config, path = output(lab)
    port = free_port()
    daemon = Daemon(lab, listeners=[
        {"listen": f"tcp://127.0.0.1:{port}", "format": "smart"}], **config).start()
    summary = load("syslog", "--to", f"tcp://127.0.0.1:{port}", "--flood", "--duration", "300ms",
                   "--connections", 4, "--size", "8KiB")
    assert summary["unsent"] == summary["lost"] == 0
    assert daemon.settled(summary["sent"])["deadlettered"] == 0
    expect_once(text_marks(path), summary)


@pytest.mark.parametrize("pace", [["--flood"], ["--rate", 100000]])
def test_a_duration_ends_a_run_whose_receiver_does_not_read(pace):
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        summary = load("syslog", "--to", "tcp://127.0.0.1:%d" % receiver.getsockname()[1],
                       "--duration", "500ms", "--size", 4096, *pace, code=1)
    assert summary["stalled_seconds"] > 0 and summary["lost"] > 0


def test_an_interrupt_ends_a_run_with_its_summary(lab):
    config, path = output(lab)
    daemon = Daemon(lab, listeners=[{"format": "smart"}], **config).start()
    with subprocess.Popen([CLI, "load", "syslog", "--to", url(daemon), "--rate", "1000", "--json"],
                          stdout=subprocess.PIPE, text=True) as process:
        daemon.await_received(100)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=15)
    assert process.returncode == 0
    summary = json.loads(out)
    daemon.settled(summary["sent"])
    expect_once(text_marks(path), summary)


# ---- Verification ----

def test_what_is_stored_is_verified(lab):
    server = lab.server()
    server.client().add_stream()
    daemon = Daemon(lab, server=server, listeners=[{"format": "smart"}]).start()
    summary = load("syslog", "--to", url(daemon), "--rate", 5000, "--count", 2000,
                   "--verify", server.url, "--stream", "events", "--profile", "vendor-mix")
    assert summary["verify"]["expected"] == summary["verify"]["stored"] == 2000
    assert summary["verify"]["missing"] == summary["verify"]["unexpected"] == 0
    assert summary["verify"]["fine"] is True


def test_authorities_that_only_the_server_can_need_are_the_servers(lab):
    authority = lab.authority()
    cert, key = authority.issue("localhost")
    server = lab.server(tls=(cert, key, None))
    server.client().add_stream()
    daemon = Daemon(lab, server=server, listeners=[{"format": "smart"}], nats={
        "url": [server.tls_url], "tls": {"ca_file": str(authority.file)}}).start()
    summary = load("syslog", "--to", url(daemon), "--rate", 1000, "--count", 100, "--verify",
                   server.tls_url, "--ca", authority.file, "--stream", "events")
    assert summary["verify"]["stored"] == 100


def test_an_authority_asks_for_tls_whatever_the_scheme(lab):
    authority = lab.authority()
    secure = lab.server(name="secure", tls=(*authority.issue("localhost"), None))
    plain = lab.server(name="plain")
    for server in (secure, plain):
        server.client().add_stream()
    daemon = Daemon(lab, server=plain, listeners=[{"format": "smart"}]).start()
    given = ["--rate", "1000", "--count", 10, "--stream", "events", "--ca", authority.file]
    # The records are in the other server: that it is read is enough.
    summary = load("syslog", "--to", url(daemon), *given, "--verify",
                   f"nats://localhost:{secure.port}", "--verify-wait", 0, code=1)
    assert summary["verify"]["missing"] == 10
    said = load("syslog", "--to", url(daemon), *given, "--verify", plain.url, code=1)
    assert "ecure" in said["cause"], said


def test_the_collectors_authority_asks_nothing_of_a_plain_server(lab):
    authority, port = lab.authority(), free_port()
    cert, key = authority.issue("localhost")
    server = lab.server()
    server.client().add_stream()
    Daemon(lab, server=server, listeners=[
        {"listen": f"tls://127.0.0.1:{port}", "format": "rfc5424",
         "tls": {"cert_file": str(cert), "key_file": str(key)}}]).start()
    summary = load("syslog", "--to", f"tls://localhost:{port}", "--rate", 1000, "--count", 10,
                   "--ca", authority.file, "--verify", server.url, "--stream", "events")
    assert summary["verify"]["stored"] == 10


def test_what_was_sent_before_an_interrupt_is_verified(lab):
    server = lab.server()
    server.client().add_stream()
    daemon = Daemon(lab, server=server, listeners=[{"format": "smart"}]).start()
    with subprocess.Popen([CLI, "load", "syslog", "--to", url(daemon), "--rate", "500", "--json",
                           "--verify", server.url, "--stream", "events"],
                          stdout=subprocess.PIPE, text=True) as process:
        daemon.await_received(100)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0, out
    summary = json.loads(out)
    assert summary["verify"]["stored"] == summary["records"] >= 100


def test_each_flow_is_verified_by_itself(lab):
    server = lab.server()
    flow_stream(server)
    daemon = Collector(lab, server=server).start()
    summary = load("netflow", "--to", url(daemon), "--rate", 200, "--count", 100,
                   "--verify", server.url, "--stream", "flows", "--subject", FLOWS)
    assert summary["verify"]["expected"] == summary["verify"]["stored"] == summary["records"]
    assert summary["records"] > 2000


@pytest.mark.parametrize("version", ["v1", "v2c", "v3"])
def test_traps_are_verified(lab, version):
    server = lab.server()
    trap_stream(server)
    password = lab.dir / "password"
    password.write_text("authpass12345\n")
    daemon = Trapd(lab, server=server, users=[
        {"name": "load", "auth": "SHA-256", "auth_password": "authpass12345"}]).start()
    summary = load("trap", "--to", url(daemon), "--rate", 2000, "--count", 500, "--format", version,
                   "--sources", 4, "--set", "trap.auth=SHA-256", "--set",
                   f"trap.auth_password_file={password}", "--verify", server.url, "--stream",
                   "events")
    assert (summary["verify"]["stored"], summary["verify"]["fine"]) == (500, True)


def test_what_is_not_stored_is_missing(lab):
    """A listener that takes only what it is not sent."""
    server = lab.server()
    server.client().add_stream()
    daemon = Daemon(lab, server=server, listeners=[{"format": "smart", "allow": "192.0.2.0/24"}])
    daemon.start()
    summary = load("syslog", "--to", url(daemon), "--rate", 1000, "--count", 10, "--verify",
                   server.url, "--stream", "events", "--verify-wait", 1, code=1)
    assert summary["verify"]["missing"] == summary["sent"] == 10
    assert summary["verify"]["fine"] is False


def test_a_run_of_which_nothing_was_sent_says_that_nothing_is_verified(lab):
    server = lab.server()
    server.client().add_stream()
    done = subprocess.run([CLI, "load", "syslog", "--to", "udp://127.0.0.1:9", "--flood",
                           "--duration", "1ns", "--verify", server.url, "--stream", "events",
                           "--json"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "nothing could be verified" in done.stderr, done
    assert json.loads(done.stdout)["verify"]["fine"] is False


# ---- Wrong usage ----

@pytest.mark.parametrize("args, said", [
    ([], "say what to send"),
    (["syslg"], "did you mean syslog?"),
    (["syslog", "trap"], "one kind of messages at a time"),
    (["syslog"], "--to "),
    (["syslog", "--to", "udp://127.0.0.1:9"], "or --flood"),
    (["syslog", "--to", "udp://127.0.0.1:9", "--rate", "0", "--rate", "5"], "exclude each other"),
    (["syslog", "--to", "udp://127.0.0.1:9", "--rate", "5", "--size", "40"], "give 82 or more"),
    (["syslog", "--to", "udp://127.0.0.1:9", "--rate", "5", "--size", "65536"], "over tcp://"),
    (["syslog", "--to", "udp://127.0.0.1:9", "--rate", "5", "--size", "70000"], "1 to 65536"),
    (["syslog", "--to", "udp://127.0.0.1:9", "--rate", "5", "--format", "v9"], "rfc5424, rfc3164"),
    (["syslog", "--to", "udp://127.0.0.1:9", "--rate", "5", "--duration", "5x"], "30s, 5m"),
    (["syslog", "--to", "udp://127.0.0.1:9", "--rate", "5", "--duration", "400d"], "30s, 5m"),
    (["syslog", "--to", "udp://127.0.0.1:9", "--rate", "5", "--duration", "99999999999"], "30s"),
    (["syslog", "--to", "udp://127.0.0.1:9", "--flood", "--profile", "storm"], "give --rate"),
    (["syslog", "--to", "udp://127.0.0.1:9", "--flood", "--set", "syslog.hots=3"], "`hosts`"),
    (["syslog", "--to", "udp://192.0.2.1:9", "--rate", "5"], "--i-know-what-i-am-doing"),
    (["trap", "--to", "tcp://127.0.0.1:9", "--rate", "5"], "udp://"),
    (["trap", "--to", "udp://127.0.0.1:9", "--rate", "5", "--size", "60"], "fewer varbinds"),
    (["trap", "--to", "udp://127.0.0.1:9", "--rate", "5", "--format", "v3", "--set",
      "trap.auth=SHA"], "auth_password_file"),
    (["trap", "--to", "udp://127.0.0.1:9", "--rate", "5", "--format", "v3", "--set",
      "trap.priv=DES"], "trap.auth"),
    (["netflow", "--to", "tcp://127.0.0.1:9", "--rate", "5", "--format", "v5"], "--format ipfix"),
    (["netflow", "--to", "udp://127.0.0.1:9", "--rate", "5", "--size", "50"], "give 80 or more"),
    (["netflow", "--to", "udp://127.0.0.1:9", "--rate", "5", "--count", "60000000", "--verify",
      "nats://127.0.0.1:9", "--stream", "s"], "give --count 2581110 or less"),
])
def test_wrong_usage_is_told_with_a_remedy(args, said):
    assert said in refused(*args)


def test_a_password_that_is_no_password_is_told_with_its_path(lab):
    path = lab.dir / "password"
    path.write_text("x" * 5000)
    said = refused("trap", "--to", "udp://127.0.0.1:9", "--rate", 1, "--format", "v3", "--set",
                   "trap.auth=SHA", "--set", f"trap.auth_password_file={path}")
    assert f"cannot read {path}: " in said and "on its first line" in said, said


def test_a_key_of_a_profile_that_there_is_not_is_told_with_its_line(lab):
    profile = lab.dir / "profile.yaml"
    profile.write_text("syslog:\n  mix:\n    - {format: cef, wait: 3}\n")
    said = refused("syslog", "--to", "udp://127.0.0.1:9", "--rate", 1, "--profile", profile)
    assert f"{profile}:3: " in said and "`syslog.mix[0].wait`" in said


@pytest.mark.parametrize("name", ["vendor-mix", "storm", "sizes"])
def test_a_printed_profile_is_one(lab, name):
    printed = subprocess.run([CLI, "load", "--profile", name, "--print-profile"],
                             capture_output=True, check=True).stdout
    profile = lab.dir / "profile.yaml"
    profile.write_bytes(printed)
    again = subprocess.run([CLI, "load", "--profile", profile, "--print-profile"],
                           capture_output=True, check=True).stdout
    assert again == printed


# ---- The documentation ----

def keys_of(text):
    """The dotted keys of a profile that was printed."""
    path, found = [], set()
    for line in text.splitlines():
        name = re.match(r"^( *)(?:# )?([a-z_]+):", line)
        if name:
            depth = len(name[1]) // 2
            path[depth:] = [name[2]]
            found.add(".".join(p for p in path if p))
    return found


def test_every_key_of_a_profile_is_documented():
    printed = subprocess.run([CLI, "load", "--print-profile"], capture_output=True, text=True,
                             check=True).stdout
    told = (ROOT / "docs" / "load.md").read_text()
    keys = keys_of(printed)
    assert {"bursts.of", "syslog.hosts", "trap.auth_password_file"} <= keys
    for key in keys - {"bursts", "syslog", "trap", "netflow"}:
        assert f"`{key}`" in told or f"`{key.split('.')[-1]}`" in told, key


def test_the_profile_of_the_documentation_is_one(lab):
    told = (ROOT / "docs" / "load.md").read_text()
    profile = lab.dir / "profile.yaml"
    profile.write_text(re.search(r"```yaml\n(.*?)```", told, re.S)[1])
    subprocess.run([CLI, "load", "--profile", profile, "--print-profile"], check=True,
                   capture_output=True)
