# SPDX-License-Identifier: Apache-2.0
"""serviceradar-cli replay against real UDP sockets."""

import base64
import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SR_BIN", ROOT / "build-dev" / "bin"))
CLI = str(BIN / "serviceradar-cli")

sys.path.insert(0, str(ROOT / "tests" / "golden"))
import make_pcap  # noqa: E402


class Receiver:
    """A UDP socket that remembers what it got."""

    def __init__(self, family=socket.AF_INET, host="127.0.0.1"):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((host, 0))
        self.socket.settimeout(5)
        self.port = self.socket.getsockname()[1]

    def take(self, count):
        return [self.socket.recv(65536) for _ in range(count)]

    def is_empty(self):
        self.socket.settimeout(0.05)
        try:
            self.socket.recv(65536)
        except socket.timeout:
            return True
        return False


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.socket.close()


def write_capture(path, payloads, **options):
    with open(path, "wb") as out:
        make_pcap.write_pcap(out, payloads, **options)
    return str(path)


def run(*args, **options):
    return subprocess.run([CLI, *args], capture_output=True, text=True, timeout=30, check=False,
                          **options)


def to(receiver):
    return "udp://127.0.0.1:%d" % receiver.port


def messages(count):
    return [b"<13>message %d" % i for i in range(count)]


@pytest.mark.parametrize("link", sorted(make_pcap.LINKS))
@pytest.mark.parametrize("ipv6", [False, True])
def test_payloads_arrive_whole_and_in_order(tmp_path, receiver, link, ipv6):
    sent = messages(100) + [b"", b"\0\xff" * 700]
    capture = write_capture(tmp_path / "x.pcap", sent, link=link, ipv6=ipv6)
    done = run("replay", capture, "--to", to(receiver), "--rate", "20000", "--json")
    assert done.returncode == 0, done.stderr
    assert receiver.take(len(sent)) == sent
    assert receiver.is_empty()
    summary = json.loads(done.stdout)
    assert list(summary) == ["sent", "skipped", "bytes", "seconds", "rate", "errors"]
    assert summary["sent"] == len(sent)
    assert summary["bytes"] == sum(map(len, sent))
    assert summary["skipped"] == {}
    assert summary["errors"] == 0


@pytest.mark.parametrize("rate, count", [(100, 250), (5000, 12500)])
def test_the_rate_is_kept_on_average(tmp_path, receiver, rate, count):
    capture = write_capture(tmp_path / "x.pcap", messages(50))
    start = time.monotonic()
    with subprocess.Popen([CLI, "replay", capture, "--to", to(receiver), "--rate", str(rate),
                           "--loop", "0", "--count", str(count), "--json"],
                          stdout=subprocess.PIPE, text=True) as process:
        # None is early: the last one is due one interval before the end.
        assert receiver.take(count) == messages(50) * (count // 50)
        took = time.monotonic() - start
        out, _ = process.communicate(timeout=5)
    due = count / rate
    assert took >= due * 0.98
    assert due <= json.loads(out)["seconds"] < due + 2  # less than at half the rate


def test_count_stops_within_a_batch_and_across_loops(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(10))
    done = run("replay", capture, "--to", to(receiver), "--count", "25", "--loop", "0")
    assert done.returncode == 0
    assert done.stdout.startswith("sent 25 datagrams, ")
    assert receiver.take(25) == (messages(10) * 3)[:25]
    assert receiver.is_empty()


def test_from_picks_one_source(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(8), sources=4)
    done = run("replay", capture, "--to", to(receiver), "--from", "192.0.2.2", "--json")
    assert receiver.take(2) == [messages(8)[1], messages(8)[5]]
    assert json.loads(done.stdout)["skipped"] == {"other_source": 6}
    done = run("replay", capture, "--to", to(receiver), "--from", "192.0.2.77")
    assert done.returncode == 1
    assert "holds no UDP datagrams from that address" in done.stderr


def test_ipv6_and_names_are_targets(tmp_path):
    capture = write_capture(tmp_path / "x.pcap", messages(3))
    receiver = Receiver(socket.AF_INET6, "::1")
    done = run("replay", capture, "--to", "udp://[::1]:%d" % receiver.port)
    assert done.returncode == 0, done.stderr
    assert receiver.take(3) == messages(3)
    receiver.socket.close()
    done = run("replay", capture, "--to", "udp://name.invalid:514")
    assert done.returncode == 1
    assert "cannot resolve 'name.invalid'" in done.stderr


def test_what_is_no_datagram_is_skipped_by_reason(tmp_path, receiver):
    out = io.BytesIO()
    make_pcap.write_pcap(out, messages(3), link="raw")
    data = bytearray(out.getvalue())
    first = 24 + 16
    data[first + 9] = 6  # the first packet's protocol: TCP
    second = first + 20 + 8 + len(messages(1)[0]) + 16
    data[second + 6] = 0x20  # the second one: more fragments follow
    (tmp_path / "x.pcap").write_bytes(data)
    done = run("replay", str(tmp_path / "x.pcap"), "--to", to(receiver), "--loop", "2", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["skipped"] == {"tcp": 1, "fragment": 1}
    assert receiver.take(2) == [messages(3)[2]] * 2


def test_refusals_are_told_in_words_and_fail(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(20))
    target = to(receiver)
    receiver.socket.close()
    done = run("replay", capture, "--to", target, "--json")
    assert done.returncode == 1
    assert done.stderr.count("nothing listens on " + target) == 1
    summary = json.loads(done.stdout)
    assert summary["sent"] == 20
    assert summary["errors"] == 20


def test_a_single_refused_datagram_is_noticed(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(1))
    target = to(receiver)
    receiver.socket.close()
    done = run("replay", capture, "--to", target)
    assert done.returncode == 1
    assert "nothing listens" in done.stderr


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_the_summary(tmp_path, receiver, signum):
    capture = write_capture(tmp_path / "x.pcap", messages(10))
    with subprocess.Popen([CLI, "replay", capture, "--to", to(receiver), "--rate", "10",
                           "--loop", "0", "--json"], stdout=subprocess.PIPE, text=True) as process:
        receiver.take(2)
        process.send_signal(signum)
        out, _ = process.communicate(timeout=5)
    assert process.returncode == 0
    assert 2 <= json.loads(out)["sent"] < 30


def test_a_capture_comes_from_standard_input_and_is_repeated(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(5))
    with open(capture, "rb") as stream:
        done = run("replay", "-", "--to", to(receiver), "--loop", "2", stdin=stream)
    assert done.returncode == 0, done.stderr
    assert receiver.take(10) == messages(5) * 2


def test_a_cut_capture_is_sent_as_far_as_it_goes_and_fails(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(5))
    data = pathlib.Path(capture).read_bytes()
    pathlib.Path(capture).write_bytes(data[:-3])
    done = run("replay", capture, "--to", to(receiver))
    assert done.returncode == 1
    assert capture in done.stderr and "4 packets read before" in done.stderr
    assert receiver.take(4) == messages(4)


@pytest.mark.parametrize("args, words", [
    ([], "name the capture"),
    (["x.pcap"], "--to udp://HOST:PORT"),
    (["x.pcap", "y.pcap", "--to", "udp://127.0.0.1:1"], "one capture at a time"),
    (["x.pcap", "--to", "tcp://127.0.0.1:1"], "is not udp://HOST:PORT"),
    (["x.pcap", "--to", "udp://::1:514"], "is not udp://HOST:PORT"),
    (["x.pcap", "--to", "udp://127.0.0.1:0"], "is not udp://HOST:PORT"),
    (["x.pcap", "--to", "udp://127.0.0.1:65536"], "is not udp://HOST:PORT"),
    (["x.pcap", "--to", "udp://127.0.0.1:1", "--rate", "fast"], "--rate wants a number"),
    (["x.pcap", "--to", "udp://127.0.0.1:1", "--count", "-1"], "--count wants a number"),
    (["x.pcap", "--to", "udp://127.0.0.1:1", "--from", "host"], "--from wants an IPv4"),
    (["x.pcap", "--speed", "9"], "--speed"),
])
def test_wrong_usage_is_told(args, words):
    done = run("replay", *args)
    assert done.returncode == 2
    assert words in done.stderr
    assert "--help" in done.stderr or "for example udp://" in done.stderr


def test_a_missing_capture_fails_with_its_name():
    done = run("replay", "/nonexistent.pcap", "--to", "udp://127.0.0.1:1")
    assert done.returncode == 1
    assert "cannot read /nonexistent.pcap: No such file or directory" in done.stderr


def test_commands_are_listed_and_slips_corrected():
    done = run("--help")
    assert done.returncode == 0 and "  replay  " in done.stdout
    assert run("--version").stdout.startswith("serviceradar-cli ")
    done = run("relpay")
    assert done.returncode == 2 and 'did you mean "replay"?' in done.stderr
    done = run("xyzzy")
    assert done.returncode == 2 and "did you mean" not in done.stderr
    assert run("help", "replay").stdout == run("replay", "--help").stdout
    assert run().returncode == 2


def test_make_pcap_reads_cases_and_lines(tmp_path, receiver):
    cases = tmp_path / "cases.jsonl"
    cases.write_text("\n".join([
        json.dumps({"id": "a", "in": "text\n"}),
        json.dumps({"id": "b", "in_b64": base64.b64encode(b"\xff\0").decode()}),
        json.dumps({"id": "c", "messages": ["one", "two"]}),
    ]))
    lines = tmp_path / "lines.log"
    lines.write_bytes(b"first\n\nsecond\n")
    capture = str(tmp_path / "x.pcap")
    subprocess.run([sys.executable, str(ROOT / "tests" / "golden" / "make_pcap.py"), "-o", capture,
                    str(cases), str(lines)], check=True, stderr=subprocess.DEVNULL)
    assert run("replay", capture, "--to", to(receiver)).returncode == 0
    assert receiver.take(6) == [b"text\n", b"\xff\0", b"one", b"two", b"first", b"second"]


def test_the_demo_capture_holds_datagrams_only(receiver):
    capture = ROOT / "tests" / "golden" / "syslog" / "demo.pcap"
    assert capture.stat().st_size <= 200 * 1024
    done = run("replay", str(capture), "--to", to(receiver), "--rate", "5000", "--json")
    summary = json.loads(done.stdout)
    assert summary["skipped"] == {} and summary["sent"] >= 300
    assert all(receiver.take(summary["sent"]))
