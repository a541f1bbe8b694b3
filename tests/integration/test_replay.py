# SPDX-License-Identifier: Apache-2.0
"""serviceradar-cli replay against real UDP sockets."""

import base64
import datetime
import io
import ipaddress
import json
import os
import pathlib
import pty
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SR_BIN", ROOT / "build-dev" / "bin"))
CLI = str(BIN / "serviceradar-cli")

sys.path.insert(0, str(ROOT / "tests" / "golden"))
import make_pcap  # noqa: E402


KEYS = ["sent", "bytes", "seconds", "rate", "refused", "too_long", "lost", "unsent", "reconnected",
        "stalled_seconds", "late_ms", "sources", "skipped", "errors"]


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
    assert list(summary) == KEYS
    assert summary["sources"] == 4
    assert summary["sent"] == len(sent)
    assert summary["bytes"] == sum(map(len, sent))
    assert summary["skipped"] == {}
    assert summary["errors"] == 0


# A network of its own, whose packets are those of Ethernet.
SMALL_LINK = ["unshare", "-rn", "sh", "-c", "ip link set lo up mtu 1500 && exec \"$@\"", "sh"]

RECEIVE_2000 = """
import socket, subprocess, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
s.settimeout(5)
subprocess.run([*sys.argv[1:], "--to", "udp://127.0.0.1:%d" % s.getsockname()[1]], check=True)
assert [s.recv(4096) for _ in range(20)] == [bytes([i]) * 2000 for i in range(20)]
"""


# RFC 792: destination unreachable, host unreachable, and the beginning of what did not arrive.
ANSWER_UNREACHABLE = """
import socket, struct, subprocess, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
s.settimeout(5)
port = s.getsockname()[1]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
replay = subprocess.Popen([*sys.argv[1:], "--to", "udp://127.0.0.1:%d" % port],
                          stderr=subprocess.PIPE, text=True)
sender = s.recvfrom(4096)[1][1]
local = socket.inet_aton("127.0.0.1")
ip = struct.pack("!BBHHHBBH", 0x45, 0, 28, 1, 0, 64, 17, 0) + local + local
head = struct.pack("!BBHI", 3, 1, 0, 0)
body = ip + struct.pack("!HHHH", sender, port, 8, 0)
total = sum(struct.unpack("!18H", head + body))
while total >> 16:
    total = (total & 0xffff) + (total >> 16)
raw.sendto(head[:2] + struct.pack("!H", 0xffff - total) + head[4:] + body, ("127.0.0.1", 0))
told = replay.communicate(timeout=20)[1]
assert replay.returncode == 1, told
assert "come back: No route to host; check the address" in told, told
assert "listens" not in told, told
"""


@pytest.mark.skipif(subprocess.run([*SMALL_LINK, "true"], capture_output=True).returncode != 0,
                    reason="this user may make no network")
def test_a_host_that_is_not_reached_is_not_one_where_nothing_listens(tmp_path):
    capture = write_capture(tmp_path / "x.pcap", messages(5), interval=0.1)
    done = subprocess.run([*SMALL_LINK, sys.executable, "-c", ANSWER_UNREACHABLE, CLI, "replay",
                           capture], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(subprocess.run([*SMALL_LINK, "true"], capture_output=True).returncode != 0,
                    reason="this user may make no network")
def test_what_a_kernel_does_not_take_in_one_piece_goes_one_by_one(tmp_path):
    capture = write_capture(tmp_path / "x.pcap", [bytes([i]) * 2000 for i in range(20)])
    done = subprocess.run([*SMALL_LINK, sys.executable, "-c", RECEIVE_2000, CLI, "replay", capture,
                           "--flood"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


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


@pytest.mark.parametrize("speed, due", [([], 0.5), (["--speed", "0.5"], 1), (["--speed", "5"], 0.1)])
def test_without_a_rate_messages_keep_their_time(tmp_path, receiver, speed, due):
    capture = write_capture(tmp_path / "x.pcap", messages(6), interval=0.1, start=1700000000)
    done = run("replay", capture, "--to", to(receiver), "--json", *speed)
    assert json.loads(done.stdout)["seconds"] >= due * 0.98
    assert receiver.take(6) == messages(6)


@pytest.mark.parametrize("pace", [[], ["--rate", "1"]])
def test_a_new_message_has_the_time_that_it_is_sent_at(tmp_path, receiver, pace):
    recorded = [b"<13>1 2020-01-01T00:00:00.000000Z host app - - - %d" % i for i in range(2)]
    capture = write_capture(tmp_path / "x.pcap", recorded, interval=1)
    done = run("replay", capture, "--to", to(receiver), "--rewrite", "syslog", *pace)
    assert done.returncode == 0, done.stderr
    first, second = (datetime.datetime.fromisoformat(message.split()[1].decode())
                     for message in receiver.take(2))
    assert 0.9 < (second - first).total_seconds() < 1.1


def test_passes_are_a_usual_gap_apart(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(2), interval=0.1)
    done = run("replay", capture, "--to", to(receiver), "--loop", "3", "--json")
    assert json.loads(done.stdout)["seconds"] >= 0.49
    assert receiver.take(6) == messages(2) * 3


@pytest.mark.parametrize("way", [["--rate", "0"], ["--flood"]])
def test_a_flood_does_not_wait(tmp_path, receiver, way):
    capture = write_capture(tmp_path / "x.pcap", messages(100), interval=3600)
    done = run("replay", capture, "--to", to(receiver), *way)
    assert done.returncode == 0
    assert receiver.take(100) == messages(100)


def test_a_long_pause_is_told(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(2), interval=3600)
    with subprocess.Popen([CLI, "replay", capture, "--to", to(receiver), "--json"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert receiver.take(1) == messages(1)
        assert "the captures pause for 3600 s" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=5)
    assert json.loads(out)["unsent"] == 1


def test_several_captures_are_one(tmp_path, receiver):
    first = write_capture(tmp_path / "x.pcap", messages(3), link="raw", interval=0)
    second = write_capture(tmp_path / "y.pcap", messages(5)[3:], interval=0)
    done = run("replay", first, second, "--to", to(receiver), "--loop", "2")
    assert done.returncode == 0, done.stderr
    assert receiver.take(10) == messages(5) * 2


def test_a_missing_capture_among_several_fails_before_anything_is_sent(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(3))
    done = run("replay", capture, str(tmp_path / "none.pcap"), "--to", to(receiver))
    assert done.returncode == 1
    assert "none.pcap: No such file" in done.stderr
    assert receiver.is_empty()


def test_what_follows_a_cut_capture_is_sent(tmp_path, receiver):
    first = write_capture(tmp_path / "x.pcap", messages(3))
    second = write_capture(tmp_path / "y.pcap", messages(2))
    data = pathlib.Path(first).read_bytes()
    pathlib.Path(first).write_bytes(data[:-3])
    done = run("replay", first, second, "--to", to(receiver), "--flood")
    assert done.returncode == 1
    assert first in done.stderr and "2 packets read before" in done.stderr
    assert receiver.take(4) == messages(2) * 2


def test_an_empty_capture_is_not_repeated_for_ever(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", [])
    done = run("replay", capture, "--to", to(receiver), "--loop", "0")
    assert done.returncode == 1
    assert "holds no UDP datagrams" in done.stderr


def test_a_link_type_that_is_not_known_is_named(tmp_path, receiver):
    out = io.BytesIO()
    make_pcap.write_pcap(out, messages(2))
    data = bytearray(out.getvalue())
    data[20] = 127  # IEEE 802.11 with radiotap
    (tmp_path / "x.pcap").write_bytes(data)
    done = run("replay", str(tmp_path / "x.pcap"), "--to", to(receiver), "--json")
    assert done.returncode == 1
    assert "packets of link type 127 are not known" in done.stderr
    assert json.loads(done.stdout)["skipped"] == {"link_type": 2}


def block(kind, body):
    """A block of pcapng: its type, its length twice, padding to 32 bits."""
    body += b"\0" * (-len(body) % 4)
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


def pcapng(payloads):
    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    packets = [make_pcap.ip(SENDER, SENDER, 1, make_pcap.udp(SENDER, SENDER, 9, 514, p, True))
               for p in payloads]
    return section + block(1, struct.pack("<HHI", make_pcap.LINKS["raw"], 0, 0)) + b"".join(
        block(6, struct.pack("<IIIII", 0, 0, 0, len(p), len(p)) + p) for p in packets)


SENDER = ipaddress.ip_address("192.0.2.1")


def test_pcapng_is_read_and_a_cut_one_sent_as_far_as_it_goes(tmp_path, receiver):
    capture = tmp_path / "x.pcapng"
    capture.write_bytes(pcapng(messages(4)))
    assert run("replay", str(capture), "--to", to(receiver)).returncode == 0
    assert receiver.take(4) == messages(4)
    capture.write_bytes(pcapng(messages(4))[:-5])
    done = run("replay", str(capture), "--to", to(receiver))
    assert done.returncode == 1 and "3 packets read before" in done.stderr
    assert receiver.take(3) == messages(3)


@pytest.mark.parametrize("data", [b"", b"PCAP", b"\0" * 64, b"\xd4\xc3\xb2\xa1", b"\n\r\r\n" * 9])
def test_what_is_no_capture_is_refused(tmp_path, receiver, data):
    (tmp_path / "x.pcap").write_bytes(data)
    done = run("replay", str(tmp_path / "x.pcap"), "--to", to(receiver))
    assert done.returncode == 1
    assert "cannot read " in done.stderr and "x.pcap" in done.stderr


# ---- Targets ----

@pytest.mark.parametrize("scheme", ["udp", "tcp", "tls"])
def test_other_hosts_are_refused_unless_that_is_wanted(tmp_path, scheme):
    capture = write_capture(tmp_path / "x.pcap", messages(1))
    done = run("replay", capture, "--to", f"{scheme}://192.0.2.1:514")
    assert done.returncode == 2
    assert "--i-know-what-i-am-doing" in done.stderr
    done = run("replay", capture, "--to", "udp://192.0.2.1:514", "--i-know-what-i-am-doing")
    assert "--i-know-what-i-am-doing" not in done.stderr  # routes of this host decide


def test_sources_keep_their_socket_and_passes_take_the_next(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(6), sources=3, interval=0)
    assert run("replay", capture, "--to", to(receiver), "--sources", "2").returncode == 0
    ports = [receiver.socket.recvfrom(100) for _ in range(6)]
    by_message = {m: a[1] for m, a in ports}
    first = [by_message[m] for m in messages(6)]
    assert first[:3] == first[3:] and first[0] == first[2] != first[1]
    done = run("replay", capture, "--to", to(receiver), "--sources", "9", "--loop", "3")
    assert done.returncode == 0
    assert len({receiver.socket.recvfrom(100)[1] for _ in range(18)}) == 9


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_spoofed_senders_have_addresses_of_their_own(tmp_path, receiver, host):
    capture = write_capture(tmp_path / "x.pcap", messages(6), sources=3, interval=0)
    done = run("replay", capture, "--to", f"udp://{host}:{receiver.port}", "--spoof-loopback")
    assert done.returncode == 0, done.stderr
    got = {m: a[0] for m, a in (receiver.socket.recvfrom(100) for _ in range(6))}
    assert [got[m] for m in messages(6)] == ["127.0.2.1", "127.0.2.2", "127.0.2.3"] * 2


def test_spoofed_senders_reach_ipv4_only(tmp_path):
    capture = write_capture(tmp_path / "x.pcap", messages(6))
    done = run("replay", capture, "--to", "udp://[::1]:514", "--spoof-loopback")
    assert done.returncode == 2
    assert "'::1' has no IPv4 address" in done.stderr and "127.0.0.1" in done.stderr


def test_there_may_be_more_sources_than_a_shell_allows_open_files(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(10), sources=1, interval=0)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    done = run("replay", capture, "--to", to(receiver), "--sources", "200", "--loop", "20",
               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard)))
    assert done.returncode == 0, done.stderr
    assert len({receiver.socket.recvfrom(100)[1] for _ in range(200)}) == 20
    done = run("replay", capture, "--to", to(receiver), "--sources", "200",
               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 100)))
    assert done.returncode == 1
    assert "200 sources want 264 open files" in done.stderr and "ulimit -Hn" in done.stderr


@pytest.mark.parametrize("options, words", [
    (["--to", "udp://127.255.255.255:514"], "the address of all"),
    (["--to", "udp://192.0.2.77:514", "--i-know-what-i-am-doing", "--spoof-loopback"],
     "reach this host only"),
])
def test_a_target_that_the_kernel_refuses_is_told_with_its_remedy(tmp_path, options, words):
    capture = write_capture(tmp_path / "x.pcap", messages(4))
    done = run("replay", capture, *options)
    assert done.returncode == 1 and done.stdout == ""
    assert words in done.stderr


def test_sockets_of_mapped_ports_beyond_the_limit_are_told(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(200), sources=200)
    done = run("replay", capture, "--to", to(receiver), "--sources", "150", "--flood", "--json",
               "--port-map", "514:9", preexec_fn=lambda: resource.setrlimit(
                   resource.RLIMIT_NOFILE, (220, 220)))
    assert done.returncode == 1
    assert "Too many open files; raise the limit" in done.stderr
    summary = json.loads(done.stdout)
    assert summary["sent"] + summary["unsent"] <= 200 and summary["unsent"] > 0


def test_a_summary_that_cannot_be_written_is_no_success(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(4))
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([CLI, "replay", capture, "--to", to(receiver), "--flood", "--json"],
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=30,
                              check=False)
    assert done.returncode == 1
    assert "cannot write to standard output: No space left on device" in done.stderr


def test_ports_are_mapped_and_others_go_to_the_urls(tmp_path, receiver):
    other = Receiver()
    first = write_capture(tmp_path / "x.pcap", messages(3), port=2055)
    second = write_capture(tmp_path / "y.pcap", messages(2), port=162)
    done = run("replay", first, second, "--to", to(receiver), "--flood",
               "--port-map", f"1:2,2055:{other.port}")
    assert done.returncode == 0, done.stderr
    assert other.take(3) == messages(3)
    assert receiver.take(2) == messages(2)
    other.socket.close()


# ---- What is shown ----

def on_a_terminal(*args, columns=80):
    """What a command shows on a terminal as its standard error, and its standard output."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    with subprocess.Popen([CLI, *args], stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:
            pass  # the other side is closed
        out, _ = process.communicate(timeout=20)
    os.close(ours)
    return shown.decode(), out.decode()


def test_progress_is_one_line_on_a_terminal_and_goes_at_the_end(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(60))
    shown, out = on_a_terminal("replay", capture, "--to", to(receiver))
    drawn = re.findall(r"\r(\d+) sent  (\d+)/s  (\d+) %  (\d+) s left\x1b\[K", shown)
    assert drawn, shown
    assert shown.endswith("\r\x1b[K") and "\n" not in shown
    assert out.startswith("sent 60 datagrams")
    shown, _ = on_a_terminal("replay", capture, "--to", to(receiver), "--quiet")
    assert shown == ""


@pytest.mark.parametrize("columns", [1, 20])
def test_the_line_of_progress_never_wraps(tmp_path, receiver, columns):
    capture = write_capture(tmp_path / "x.pcap", messages(60))
    shown, _ = on_a_terminal("replay", capture, "--to", to(receiver), columns=columns)
    drawn = re.findall(r"\r([^\r\x1b]*)\x1b\[K", shown)
    assert drawn and max(map(len, drawn)) == columns - 1, shown


def test_no_progress_where_there_is_no_terminal(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(60))
    done = run("replay", capture, "--to", to(receiver))
    assert done.stderr == ""


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


def test_a_refusal_names_the_port_that_was_mapped_to(tmp_path, receiver):
    gone = Receiver()
    gone.socket.close()
    capture = write_capture(tmp_path / "x.pcap", messages(2))
    done = run("replay", capture, "--to", to(receiver), "--port-map", "514:%d" % gone.port)
    assert done.returncode == 1
    assert "nothing listens on " + to(gone) in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]"])
def test_a_single_refused_datagram_is_noticed(tmp_path, receiver, host):
    capture = write_capture(tmp_path / "x.pcap", messages(1))
    receiver.socket.close()
    done = run("replay", capture, "--to", f"udp://{host}:{receiver.port}")
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


def pipe_of(path):
    """What bash makes of `<(cat path)`: a name for a pipe, and its descriptor."""
    ours, theirs = os.pipe()
    with open(theirs, "wb") as out:
        out.write(pathlib.Path(path).read_bytes())  # less than a pipe holds
    return "/dev/fd/%d" % ours, ours


def test_captures_come_from_pipes_that_can_be_read_once(tmp_path, receiver):
    pipes = [pipe_of(write_capture(tmp_path / "x.pcap", text)) for text in ([b"a"], [b"b"])]
    done = run("replay", *[name for name, _ in pipes], "--to", to(receiver), "--loop", "2",
               "--flood", pass_fds=[fd for _, fd in pipes])
    for _, fd in pipes:
        os.close(fd)
    assert done.returncode == 0, done.stderr
    assert receiver.take(4) == [b"a", b"b", b"a", b"b"]


def test_a_cut_capture_is_sent_as_far_as_it_goes_and_fails(tmp_path, receiver):
    capture = write_capture(tmp_path / "x.pcap", messages(5))
    data = pathlib.Path(capture).read_bytes()
    pathlib.Path(capture).write_bytes(data[:-3])
    done = run("replay", capture, "--to", to(receiver))
    assert done.returncode == 1
    assert capture in done.stderr and "4 packets read before" in done.stderr
    assert receiver.take(4) == messages(4)


UDP = ["x.pcap", "--to", "udp://127.0.0.1:1"]


@pytest.mark.parametrize("args, words", [
    ([], "name the capture"),
    (["x.pcap"], "--to udp://HOST:PORT"),
    (["x.pcap", "--to", "http://127.0.0.1:1"], "is not udp://HOST:PORT"),
    (["x.pcap", "--to", "udp://::1:514"], "is not udp://HOST:PORT"),
    (["x.pcap", "--to", "udp://127.0.0.1:0"], "is not udp://HOST:PORT"),
    (["x.pcap", "--to", "udp://127.0.0.1:65536"], "is not udp://HOST:PORT"),
    (["x.pcap", "--to", "udp://127.0.0.1:1", "--rate", "fast"], "--rate wants a number"),
    (["x.pcap", "--to", "udp://127.0.0.1:1", "--count", "-1"], "--count wants a number"),
    (["x.pcap", "--to", "udp://127.0.0.1:1", "--from", "host"], "--from wants an IPv4"),
    ([*UDP, "--speed", "0.01"], "--speed wants a number from 0.1 to 1000"),
    ([*UDP, "--speed", "nan"], "--speed wants a number from 0.1 to 1000"),
    ([*UDP, "--speed", "2x"], "--speed wants a number from 0.1 to 1000"),
    ([*UDP, "--speed", "2", "--rate", "5"], "--speed is of the original time"),
    ([*UDP, "--speed", "2", "--flood"], "--speed is of the original time"),
    ([*UDP, "--rate", "5", "--flood"], "--rate and --flood exclude each other"),
    ([*UDP, "--sources", "0"], "--sources wants a number from 1 to 10000"),
    ([*UDP, "--sources", "10001"], "--sources wants a number from 1 to 10000"),
    ([*UDP, "--sources", "2", "--spoof-loopback"], "exclude each other"),
    ([*UDP, "--port-map", "514"], "--port-map wants FROM:TO"),
    ([*UDP, "--framing", "octets"], "a datagram is a message"),
    ([*UDP, "--ca", "ca.pem"], "are for tls://"),
    (["x.pcap", "--to", "tcp://127.0.0.1:1", "--framing", "lines"], "--framing is newline, octets"),
    (["x.pcap", "--to", "tcp://127.0.0.1:1", "--port-map", "1:2"], "--port-map is for udp://"),
    (["x.pcap", "--to", "tls://127.0.0.1:1", "--key", "k.pem"], "give --cert, too"),
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


def test_a_wrong_option_says_what_to_try():
    run = subprocess.run([CLI, "replay", "x.pcap", "--to", "udp://127.0.0.1:9", "--rate", "-3"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1] == "try: `serviceradar-cli replay --help` lists the options"
