# SPDX-License-Identifier: Apache-2.0
"""Every wrong configuration is refused at once, by name, with the exit code of the contract."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from lab import SYSLOG, Authority, Daemon, Server, free_port

AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
             "--bounding-set=-all"]


def can_be_nobody():
    return os.geteuid() == 0 and shutil.which("setpriv") is not None and subprocess.run(
        [*AS_NOBODY, SYSLOG, "--version"], capture_output=True, check=False).returncode == 0


nobody = pytest.mark.skipif(not can_be_nobody(), reason="needs root and setpriv")


def check(lab, text, *args, code=2):
    """What --check-config says of a file; its lines without the file's name."""
    file = lab.dir / "c.yaml"
    file.write_text(text)
    done = lab.run("--config", file, "--check-config", *args)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    return done.stderr.replace(f"{file}:", "").splitlines()


def start(lab, *args, prefix=()):
    """A daemon that must end by itself: exit code and the lines it wrote."""
    done = lab.run("--set", "output=discard", *args, prefix=prefix, timeout=10)
    return done.returncode, done.stderr.splitlines()


def listen(port):
    return ["--set", f"listeners.0.listen=udp://127.0.0.1:{port}"]


NO_METRICS = ["--set", "metrics.listen=off"]


@pytest.mark.parametrize("text", [
    "queue: {durability: memory, memory: 64MiB, disk: 1MiB}\n",
    "output: stdout\nqueue: {durability: always, memory: 64MiB, disk: 1MiB}\n",
    "queue: {memory: 1MiB, disk: 1MiB}\nlisteners: [{workers: 4}]\n",
    "queue: {memory: 20MiB}\nlisteners: [{workers: 5}]\n",
    "queue: {memory: 1MiB}\nlisteners: [{workers: 30}]\npublish: {dead_letter: false}\n",
])
def test_a_queue_that_fits_is_checked_in_silence(lab, text):
    assert check(lab, text, code=0) == []


@pytest.mark.parametrize("durability", ["memory", "spill", "always"])
@pytest.mark.parametrize("memory,workers,dead", [
    ("1MiB", 4, True), ("20MiB", 5, True), ("1MiB", 30, False)])
def test_a_queue_that_is_checked_to_fit_fits(lab, memory, workers, dead, durability):
    daemon = lab.daemon(
        nats={"url": ["nats://127.0.0.1:1"]}, listeners=[{"workers": workers}],
        publish={"dead_letter": dead},
        queue={"memory": memory, "disk": memory, "durability": durability})
    daemon.stop()


def test_a_good_configuration_is_checked_in_silence(lab):
    assert check(lab, "listeners:\n - format: rfc5424\n", code=0) == []


def test_what_is_printed_is_a_configuration_that_prints_the_same(lab):
    daemon = Daemon(lab, server=Server(lab), listeners=[{"format": "rfc5424"}, {"workers": 3}])
    first = lab.run("--config", daemon.conf, "--print-config")
    assert first.returncode == 0 and first.stderr == ""
    (lab.dir / "printed.yaml").write_text(first.stdout)
    second = lab.run("--config", "printed.yaml", "--print-config")
    assert (second.returncode, second.stderr, second.stdout) == (0, "", first.stdout)


def test_a_configuration_is_printed_though_its_files_are_not_there_yet(lab):
    text = ("nats:\n  creds_file: /nowhere/nats.creds\n"
            "  tls: {ca_file: /nowhere/ca.pem, cert_file: /nowhere/c.pem, key_file: /nowhere/k}\n")
    assert len(check(lab, text)) == 4
    (lab.dir / "later.yaml").write_text(text)
    printed = lab.run("--config", "later.yaml", "--print-config")
    assert printed.returncode == 0 and "creds_file: /nowhere/nats.creds" in printed.stdout


def test_all_problems_are_printed_each_with_its_line(lab):
    lines = check(lab, "partition: [1]\n"
                       "lisetners: []\n"
                       "log:\n"
                       "  level: loud\n"
                       "shutdown_timeout: soon\n"
                       "queue: {memory: 1KiB, sice: 1}\n"
                       "nats:\n"
                       "  url: [http://x]\n"
                       "  creds_file: /nowhere/nats.creds\n"
                       "  tls: {ca_file: /nowhere/ca.pem}\n")
    for expected in ("1: partition", "2: unknown key `lisetners`; did you mean `listeners`?",
                     "4: log.level", "5: shutdown_timeout", "6: queue.memory",
                     "6: unknown key `queue.sice`", "8: nats.url", "9: nats.creds_file",
                     "10: nats.tls.ca_file"):
        assert len([line for line in lines if line.startswith(expected)]) == 1, (expected, lines)
    assert len(lines) == 9


@pytest.mark.parametrize("text,said", [
    ("queue:\n  dir: spool/syslog\n", "2: queue.dir: write an absolute path"),
    ("queue:\n  dir: ''\n", "2: queue.dir: write an absolute path"),
    ("queue:\n  disk: 4KiB\n", "2: queue.disk"),
    ("queue:\n  memory: 64MiB\n  disk: 32MiB\n",
     "3: queue.disk: 32MiB is less than queue.memory (64MiB)"),
    ("queue:\n  disk: 32MiB\n", "2: queue.disk: 32MiB is less than queue.memory (64MiB)"),
    ("queue:\n  memory: 4GiB\n", "queue.disk: 2GiB is less than queue.memory (4GiB)"),
    ("queue:\n  durability: sometimes\n", "2: queue.durability"),
    ("queue:\n  memory: 16MiB\nlisteners:\n  - workers: 5\n",
     "2: queue.memory: 16MiB is too little for 5 receiving threads (workers of all listeners); "
     "set 20MiB or more"),
    ("listeners:\n - listn: udp://127.0.0.1:1\n", "did you mean `listen`?"),
    ("listeners:\n - listen: tls://127.0.0.1:1\n", "2: listeners[0].tls.cert_file: is missing"),
    ("listeners:\n - listen: udp://127.0.0.1\n", "has no port"),
    ("listeners:\n - listen: udp://127.0.0.1:70000\n", "ports are 1 to 65535"),
    ("listeners:\n - listen: udp://::1:514\n", "in brackets"),
    ("listeners:\n - {}\n - {}\n", "give each its own address"),
    ("listeners: []\n", "1: listeners"),
    ("listeners:\n - subject: logs.>\n", "not a subject to publish on"),
    ("listeners:\n - subject: $JS.API.x\n", "not a subject to publish on"),
    ("listeners:\n - format: rfc9999\n", "must be one of auto, rfc3164, rfc5424, smart"),
    ("listeners:\n - timezone: Mars/Olympus\n", "2: listeners[0].timezone: `Mars/Olympus`"),
    ("listeners:\n - workers: 65\n", "2: listeners[0].workers"),
    ("output: file\n", "set file.path"),
    ("output: [\n", "2:"),
    ("a: 1\na: 2\n", "2:"),
    ("\tlog: 1\n", "1:"),
    ("nats: {tls: {cert_file: /etc/hostname}}\n", "nats.tls.key_file"),
])
def test_a_wrong_file_is_refused_and_says_what_to_write(lab, text, said):
    lines = check(lab, text)
    assert [line for line in lines if said in line], lines


@pytest.mark.parametrize("given,said", [
    ("loglevel=debug", "unknown key `loglevel`"), ("log.level=loud", "must be one of error"),
    ("log.level", "KEY=VALUE"), ("listeners.7.listen=udp://127.0.0.1:1", "listeners"),
    ("=x", "--set"), ("listeners.x.listen=1", "--set")])
def test_a_wrong_override_is_refused_by_its_name(lab, given, said):
    done = lab.run("--check-config", "--set", given)
    assert done.returncode == 2
    assert "--set" in done.stderr and said in done.stderr


@pytest.mark.parametrize("args", [["--nonsense"], ["--config"], ["extra"], ["decode"],
                                  ["--config", "/nowhere/c.yaml"]])
def test_wrong_usage_exits_2(lab, args):
    done = lab.run(*args)
    assert done.returncode == 2 and done.stderr != "" and done.stdout == ""


def test_a_daemon_does_not_start_with_what_a_check_refuses(lab):
    for text in ("partition: [1]\n", "nats: {creds_file: /nowhere/nats.creds}\n",
                 "listeners:\n - timezone: Mars/Olympus\n"):
        file = lab.dir / "c.yaml"
        file.write_text(text)
        done = lab.run("--config", file, *listen(free_port(socket.SOCK_DGRAM)), *NO_METRICS,
                       timeout=10)
        assert done.returncode == 2, text
        assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_key_of_another_certificate_is_named(lab):
    authority = Authority(lab.dir)
    (cert, key), (_, other) = authority.issue("one"), authority.issue("two")
    text = 'nats: {{tls: {{ca_file: "{}", cert_file: "{}", key_file: "{}"}}}}\n'
    assert check(lab, text.format(authority.file, cert, key), code=0) == []
    lines = check(lab, text.format(authority.file, cert, other))
    assert len(lines) == 1
    assert "nats.tls.key_file" in lines[0] and "is not the key of nats.tls.cert_file" in lines[0]
    for n, place in enumerate(("ca_file", "cert_file", "key_file")):
        files = [authority.file, cert, key]
        files[n] = SYSLOG
        lines = check(lab, text.format(*files))
        assert len(lines) == 1 and f"nats.tls.{place}" in lines[0], lines


@nobody
def test_files_that_may_not_be_read_are_named(lab):
    with tempfile.TemporaryDirectory() as name:  # a test's own folder is its owner's alone
        folder = Path(name)
        folder.chmod(0o755)
        authority = Authority(folder)
        cert, key = authority.issue("edge")
        creds = folder / "nats.creds"
        creds.write_text("secret")
        for file in (key, creds):
            file.chmod(0o600)
        (folder / "c.yaml").write_text(
            f'nats:\n  creds_file: "{creds}"\n  tls:\n    cert_file: "{cert}"\n'
            f'    key_file: "{key}"\n')
        done = lab.run("--config", folder / "c.yaml", "--check-config", prefix=AS_NOBODY)
    lines = done.stderr.splitlines()
    assert done.returncode == 2
    assert len(lines) == 2, lines
    assert "c.yaml:2: nats.creds_file" in lines[0] and "Permission denied" in lines[0]
    assert "c.yaml:5: nats.tls.key_file" in lines[1] and "Permission denied" in lines[1]


def test_a_port_in_use_is_named(lab):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        code, lines = start(lab, *listen(port), *NO_METRICS)
    assert code == 1
    assert len(lines) == 1
    assert f"127.0.0.1 port {port}" in lines[0] and "another program listens there" in lines[0]


def test_an_address_of_another_host_is_named(lab):
    code, lines = start(lab, "--set", "listeners.0.listen=udp://192.0.2.1:5514", *NO_METRICS)
    assert code == 1
    assert len(lines) == 1 and "this host does not have that address" in lines[0]


def stop_once_it_catches(process, number, seconds):
    """Lets the process stand still for a while from when it catches the signal."""
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        caught = re.search(r"SigCgt:\s+(\w+)", status.read_text())
        if caught and int(caught[1], 16) >> (number - 1) & 1:
            process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            process.send_signal(signal.SIGCONT)
            return


def test_a_start_that_fails_after_a_long_time_fails_in_the_same_way(lab):
    process = subprocess.Popen(
        [SYSLOG, "--set", "output=discard", "--set", "listeners.0.listen=udp://192.0.2.1:5514",
         *NO_METRICS], stderr=subprocess.PIPE, text=True)
    stop_once_it_catches(process, signal.SIGTERM, 0.7)  # longer than between two looks at health
    _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    lines = said.splitlines()
    assert len(lines) == 1 and "this host does not have that address" in lines[0], said


@nobody
def test_a_low_port_without_the_right_is_named(lab):
    first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if first < 2:
        pytest.skip("every port is free for all here")
    code, lines = start(lab, *listen(first - 1), *NO_METRICS, prefix=AS_NOBODY)
    assert code == 1
    assert len(lines) == 1 and "CAP_NET_BIND_SERVICE" in lines[0]


def test_a_metrics_port_in_use_is_named(lab):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        code, lines = start(lab, *listen(free_port(socket.SOCK_DGRAM)),
                            "--set", f"metrics.listen=127.0.0.1:{port}")
    assert code == 1
    named = [line for line in lines if "metrics.listen" in line and "another port" in line]
    assert len(named) == 1 and f"127.0.0.1:{port}" in named[0] and "in use" in named[0], lines


def test_a_file_that_cannot_be_written_is_named(lab):
    done = lab.run("--set", "output=file", "--set", "file.path=/nowhere/out",
                   *listen(free_port(socket.SOCK_DGRAM)), *NO_METRICS, timeout=10)
    assert done.returncode == 1
    assert "file.path: cannot open /nowhere/out" in done.stderr


def test_overrides_count_more_than_the_file(lab):
    (lab.dir / "c.yaml").write_text("log: {level: error}\npartition: mine\n")
    done = lab.run("--config", "c.yaml", "--set", "log.level=debug", "--output", "stdout",
                   "--print-config")
    assert done.returncode == 0
    assert "level: debug" in done.stdout and "output: stdout" in done.stdout
    assert "partition: mine" in done.stdout
