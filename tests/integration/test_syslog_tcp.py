# SPDX-License-Identifier: Apache-2.0
"""Syslog over TCP: what a sender completes is stored, whatever else it or another one does."""

import json
import socket
import struct
import time

import pytest

from lab import SUBJECT, Daemon, free_port, wait_for


class Sender:
    """A connection to a listener, from an address of its own if need be."""

    def __init__(self, daemon, listener=0, source=None):
        self.socket = socket.create_connection(
            daemon.tcp[listener], 10, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        daemon.lab.sockets.append(self.socket)

    def send(self, data):
        self.socket.sendall(data)

    def reset(self):
        """Ends it as a process does that dies, not as one that closes."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def is_closed(self):
        """Waits for the other side to end it."""
        self.socket.settimeout(15)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def receiver(lab, *listeners, **config):
    """A daemon with these listeners on tcp://; `tcp` is where they are."""
    ports = [free_port() for _ in listeners]
    daemon = Daemon(lab, listeners=[{"listen": f"tcp://127.0.0.1:{port}", "timezone": "UTC", **l}
                                    for port, l in zip(ports, listeners)], **config)
    daemon.tcp = [("127.0.0.1", port) for port in ports]
    return daemon.start()


def line(text, host="h"):
    return f"<13>1 2026-11-23T00:00:00Z {host} app - - - {text}".encode()


def counted(message):
    return b"%d %s" % (len(message), message)


def stored(client):
    """The texts of the records, and the bodies of dead letters."""
    messages = client.messages()
    records = [json.loads(m.body) for m in messages if m.subject == SUBJECT]
    dead = [m.body for m in messages if m.subject == SUBJECT + ".deadletter"]
    return [r["short_message"] for r in records], dead


@pytest.fixture
def server(lab):
    s = lab.server()
    s.client().add_stream()
    return s


def test_every_framing_is_read_on_one_connection(lab, server):
    client = server.client()
    daemon = receiver(lab, {}, server=server)
    s = Sender(daemon)
    s.send(line("one") + b"\n" + counted(line("two")) + line("three") + b"\r\n\n"
           + line("four") + b"\0" + counted(line("five\nand more")) + b"\n" + counted(line("six")))
    ledger = daemon.settled(6)
    assert ledger["decoded"] == ledger["stored"] == 6
    texts, dead = stored(client)
    assert texts == ["one", "two", "three", "four", "five\nand more", "six"] and dead == []
    record = json.loads(client.messages()[0].body)
    assert record["_remote_addr"] == "default:127.0.0.1"
    daemon.stop()


def test_a_message_may_come_byte_by_byte(lab, server):
    daemon = receiver(lab, {}, server=server)
    s = Sender(daemon)
    for byte in counted(line("slow")) + line("slower") + b"\n":
        s.send(bytes([byte]))
    assert daemon.settled(2)["stored"] == 2
    assert stored(server.client())[0] == ["slow", "slower"]


@pytest.mark.parametrize("ending", ["closed", "half closed", "reset"])
def test_nothing_complete_is_lost_when_a_sender_goes(lab, server, ending):
    daemon = receiver(lab, {}, {"incomplete": "deadletter"}, server=server)
    whole = b"".join(counted(line(f"m{i}")) for i in range(500))
    for listener in (0, 1):
        s = Sender(daemon, listener)
        s.send(whole + b"90 " + line("cut off"))
        if ending == "reset":
            daemon.await_received(500, listener)  # else TCP may throw it away on either side
            s.reset()
        elif ending == "closed":
            s.socket.close()
        else:
            s.socket.shutdown(socket.SHUT_WR)
            assert s.is_closed()
    assert daemon.settled(501, 0)["decoded"] == 501
    assert daemon.settled(501, 1)["deadlettered"] == 1
    assert daemon.metric("undecodable_total", reason="truncated") == 1
    assert daemon.metric("syslog_frames_incomplete_total") == 1
    texts, dead = stored(server.client())
    assert sorted(texts) == sorted([f"m{i}" for i in range(500)] * 2 + ["cut off"])
    assert len(dead) == 1 and b"cut off" in dead[0]


def test_a_count_of_two_to_the_31_is_no_count(lab, server):
    daemon = receiver(lab, {}, {"framing": "octet"}, server=server)
    s = Sender(daemon)
    s.send(b"2147483648 " + line("text") + b"\n" + counted(line("next")))
    assert daemon.settled(2, 0)["decoded"] == 1
    s = Sender(daemon, 1)
    s.send(counted(line("first")) + b"2147483648 " + line("never"))
    assert s.is_closed()
    assert daemon.settled(2, 1)["deadlettered"] == 1
    assert daemon.metric("undecodable_total", reason="octet_count") == 1
    assert sorted(stored(server.client())[0]) == ["first", "next"]
    assert daemon.resident_kib() < 200 * 1024


def test_a_message_without_an_end_is_split_or_cut_and_holds_no_more_memory(lab, server):
    daemon = receiver(lab, {"message_max": "64KiB"},
                      {"message_max": "64KiB", "oversize": "truncate"}, server=server)
    endless = line("x" * (4 << 20), host="endless")
    before = daemon.resident_kib()
    for listener in (0, 1):
        s = Sender(daemon, listener)
        s.send(endless + b"\n" + line("next") + b"\n")
    pieces = -(-len(endless) // 65536)
    assert daemon.settled(pieces + 1, 0)["decoded"] == 2  # only the first piece has a header
    ledger = daemon.settled(2, 1)
    assert ledger["decoded"] == 2
    wait_for("what the framers did is counted",
             lambda: daemon.metric("syslog_frames_truncated_total") == 1
             and daemon.metric("syslog_frames_split_total") == pieces - 1)
    assert daemon.metric("syslog_frames_truncated_bytes_total") == len(endless) - 65536
    assert daemon.resident_kib() - before < 64 * 1024
    texts, _ = stored(server.client())
    assert sorted(len(t) for t in texts) == sorted(2 * [4, 65536 - len(line("", "endless"))])


def test_who_sends_a_byte_now_and_then_is_idle(lab, server):
    daemon = receiver(lab, {"idle_timeout": "1s"}, server=server)
    slow, good = Sender(daemon), Sender(daemon)
    good.send(line("good") + b"\n")
    deadline = time.monotonic() + 30
    closed = False
    while not closed and time.monotonic() < deadline:
        try:
            slow.send(b"x")
            slow.socket.settimeout(0.05)  # the pace of the load
            closed = slow.socket.recv(1) == b""
        except TimeoutError:
            pass
        except OSError:
            closed = True
    assert closed
    ledger = daemon.settled(2)  # what it had sent is a message of its own
    assert ledger["decoded"] == 1 and ledger["deadlettered"] == 1


def test_half_messages_of_many_keep_nobody_out_and_take_no_more_than_their_memory(lab, server):
    limit = 1 << 20
    daemon = receiver(lab, {"connections_per_source": 0, "incomplete": "deadletter"},
                      {"connections_per_source": 0}, server=server, stream_buffers="1MiB",
                      publish={"dead_letter": False})
    half = b"100000 " + line("x" * 12000)  # and never more of it
    loris = [Sender(daemon) for _ in range(200)]
    for s in loris:
        s.send(half)
        assert daemon.metric("stream_buffers_bytes") <= limit
    good = [Sender(daemon), Sender(daemon, 1)]
    for s in good:
        for i in range(100):
            s.send(counted(line(f"m{i}")))
    wait_for("the good ones are served", lambda: daemon.ledger(0)["decoded"] == 100
             and daemon.ledger(1)["decoded"] == 100)
    assert daemon.metric("stream_buffers_bytes") <= limit
    assert daemon.metric("stream_buffers_limit_bytes") == limit
    ended = daemon.metric("connections_cut_off_total")
    assert 200 * 16384 - limit <= ended * 16384 < 200 * 16384
    assert daemon.metric("undecodable_total", reason="buffers_full") == ended
    assert loris[0].is_closed()  # the oldest piece first
    assert len(daemon.lines("stream_buffers is used up")) == 1  # a minute
    assert sorted(stored(server.client())[0]) == sorted(2 * [f"m{i}" for i in range(100)])


def test_a_listener_whose_own_hold_nothing_gets_memory_of_another(lab, server):
    daemon = receiver(lab, {}, {}, server=server, stream_buffers="1MiB")
    for _ in range(15):  # 64 KiB each: no room for a read is left
        Sender(daemon).send(b"100000 " + line("x" * 60000))
    wait_for("they hold it", lambda: daemon.metric("stream_buffers_bytes") >= 14 * 65536)
    good = Sender(daemon, 1)
    good.send(counted(line("good")))
    wait_for("it is served", lambda: daemon.ledger(1)["decoded"] == 1)
    good.send(counted(line("again")))
    wait_for("it is served again", lambda: daemon.ledger(1)["decoded"] == 2)
    assert daemon.metric("connections_cut_off_total", listener=daemon.listeners[1]["listen"]) == 0
    assert daemon.metric("connections_cut_off_total") < 15


def test_without_open_files_those_that_are_open_go_on_and_others_wait(lab, server):
    daemon = receiver(lab, {"connections_per_source": 0}, server=server,
                      prefix=("prlimit", "--nofile=120"))  # half are not for connections
    senders = [Sender(daemon) for _ in range(60)]
    for i, s in enumerate(senders):
        s.send(counted(line(f"m{i}")))
    wait_for("some must wait", lambda: daemon.metric("accepts_put_off_total") > 2)
    first = int(daemon.settled(daemon.ledger()["received"])["received"])
    assert 0 < first < 60 and first == daemon.metric("connections")
    senders[0].send(counted(line("open")))
    wait_for("those that are open go on", lambda: b"open" in b"".join(
        m.body for m in server.client().messages()))
    for s in senders[:first]:
        s.socket.close()
    wait_for("more are accepted", lambda: daemon.ledger()["received"] > first + 1)
    for s in senders[first:]:
        s.socket.close()
    assert daemon.settled(61, timeout=60)["decoded"] == 61
    assert len(daemon.lines("connections wait to be accepted")) == 1  # a minute
    assert daemon.metric("connections_refused_total") == 0


def test_a_reload_changes_the_framing_of_new_connections_only(lab, server):
    daemon = receiver(lab, {"framing": "nul", "message_max": "480"}, server=server)
    old = Sender(daemon)
    old.send(line("a\nb") + b"\0")
    daemon.settled(1)
    daemon.listeners[0].update(framing="lf", message_max="64KiB")
    daemon.write()
    daemon.hup()
    daemon.await_log("configuration")
    new = Sender(daemon)
    new.send(line("c") + b"\n" + line("d" * 1000) + b"\n")
    daemon.settled(3)
    old.send(line("e\nf") + b"\0" + line("g" * 1000, "split") + b"\0")
    daemon.settled(7)
    texts, _ = stored(server.client())
    assert texts[:2] == ["a\nb", "c"] and texts[2] == "d" * 1000 and texts[3] == "e\nf"
    assert all(len(t) <= 480 for t in texts[3:])


def test_connections_are_limited_in_all_and_for_each_source(lab, server):
    daemon = receiver(lab, {"connections": 5, "connections_per_source": 3}, server=server)
    greedy = [Sender(daemon) for _ in range(10)]
    wait_for("all are accepted or refused", lambda: daemon.metric("connections_total")
             + daemon.metric("connections_refused_total") == 10)
    assert daemon.metric("connections") == 3
    others = [Sender(daemon, source=f"127.0.0.{i}") for i in (2, 3, 4)]
    wait_for("the limit for all holds too",
             lambda: daemon.metric("connections_refused_total") == 8)
    assert daemon.metric("connections") == 5
    others[0].send(line("from another") + b"\n")
    daemon.settled(1)
    assert daemon.lines("connections_per_source") and not daemon.lines("balanced=no")
    for s in greedy:
        s.socket.close()
    wait_for("there is room again", lambda: daemon.metric("connections") == 2)
    Sender(daemon).send(line("again") + b"\n")
    daemon.settled(2)


def test_several_sockets_of_a_listener_share_its_limit(lab, server):
    port, held = 0, []
    for _ in range(2):
        s = socket.socket()
        lab.sockets.append(s)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", port))
        s.listen()
        port = s.getsockname()[1]
        held.append(("syslog", s))
    daemon = Daemon(lab, server=server,
                    listeners=[{"listen": f"tcp://127.0.0.1:{port}", "connections": 5}])
    daemon.held, daemon.tcp = held, [("127.0.0.1", port)]
    daemon.start()
    senders = [Sender(daemon) for _ in range(40)]  # the kernel spreads them over both
    wait_for("all are accepted or refused", lambda: daemon.metric("connections_total")
             + daemon.metric("connections_refused_total") == 40)
    assert daemon.metric("connections") == 5
    for s in senders:
        s.socket.close()
    wait_for("there is room again", lambda: daemon.metric("connections") == 0)
    for i in range(5):
        Sender(daemon).send(line(f"m{i}") + b"\n")
    daemon.settled(5)


def test_a_queue_without_room_stops_reading_and_loses_nothing(lab, server):
    daemon = receiver(lab, {}, server=server, queue={"durability": "memory", "memory": "1MiB"},
                      publish={"dead_letter": False})
    s = Sender(daemon)
    s.send(line("first") + b"\n")
    daemon.settled(1)
    server.end()
    whole = b"".join(counted(line(f"m{i} " + "x" * 900)) for i in range(20000))
    sent = 0
    s.socket.settimeout(1)
    try:
        while sent < len(whole):
            sent += s.socket.send(whole[sent:sent + 65536])
    except TimeoutError:
        pass
    assert sent < len(whole), "nothing pushed back"
    assert daemon.ledger()["dropped"] == 0
    server.start()
    s.socket.settimeout(30)
    s.send(whole[sent:])
    ledger = daemon.settled(20001, timeout=60)
    assert ledger["stored"] == 20001 and ledger["dropped"] == 0
    assert server.client().count() == 20001


def test_tls_on_a_port_without_it_is_dead_letters_and_harms_nobody(lab, server):
    daemon = receiver(lab, {}, {"framing": "octet"}, server=server)
    hello = bytes.fromhex("160301020001000001fc0303") + bytes(range(200))
    good = Sender(daemon)
    for listener in (0, 1):
        s = Sender(daemon, listener)
        s.send(hello)
        s.socket.close()
    good.send(line("good") + b"\n")
    wait_for("all is accounted for", lambda: all(
        daemon.ledger(i)["received"] >= 1 and daemon.ledger(i)["balanced"] for i in (0, 1)))
    wait_for("the good one is stored", lambda: stored(server.client())[0] == ["good"])
    assert daemon.ledger(1)["deadlettered"] == 1


def test_an_upstream_file_with_tcp_gives_upstreams_bytes(lab, server):
    port = free_port()
    daemon = Daemon(lab, server=server)
    daemon.conf = lab.dir / "flowgger.toml"
    daemon.conf.write_text(f'''[input]
type = "tcp"
listen = "127.0.0.1:{port}"
format = "rfc5424"
framing = "line"
[output]
type = "nats"
nats_url = "{server.url}"
nats_subject = "{SUBJECT}"
''')
    daemon.argv = lambda: [
        daemon.program, "--config", daemon.conf, "--set", f"queue.dir={daemon.queue_dir}",
        "--set", f"metrics.listen=127.0.0.1:{daemon.metrics_port}"]
    daemon.tcp = [("127.0.0.1", port)]
    daemon.start()
    Sender(daemon).send(b"<34>1 2003-10-11T22:14:15.003Z host su - - - hello\r\n")
    daemon.settled(1)
    assert server.client().messages()[0].body == (
        b'{"application_name":"su","full_message":"<34>1 2003-10-11T22:14:15.003Z host su - - - '
        b'hello","host":"host","level":2,"process_id":"-","short_message":"hello",'
        b'"timestamp":1065910455.003,"version":"1.1"}')


SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def test_a_balancer_says_who_connects(lab, server):
    daemon = receiver(lab, {"proxy_protocol": "required", "connections_per_source": 2},
                      server=server)
    balanced = [b"PROXY TCP4 192.0.2.7 127.0.0.1 40000 514\r\n",
                b"PROXY TCP6 2001:db8::7 ::1 40000 514\r\n",
                SIGNATURE + b"\x21\x11\0\x0f" + bytes((192, 0, 2, 8, 127, 0, 0, 1, 1, 1, 2, 2))
                + b"\4\0\0",
                SIGNATURE + b"\x20\0\0\0", b"PROXY UNKNOWN\r\n"]
    for i, header in enumerate(balanced):
        s = Sender(daemon)
        if i % 2 == 0:
            s.send(header + line(f"m{i}") + b"\n")  # in one piece, or byte by byte
        else:
            for byte in header + line(f"m{i}") + b"\n":
                s.send(bytes([byte]))
    daemon.settled(5)
    records = [json.loads(m.body) for m in server.client().messages()]
    assert {r["short_message"]: r["_remote_addr"] for r in records} == {
        "m0": "default:192.0.2.7", "m1": "default:2001:db8::7", "m2": "default:192.0.2.8",
        "m3": "default:127.0.0.1", "m4": "default:127.0.0.1"}
    # The limit is that of the address that is named.
    assert daemon.metric("connections_refused_total") == 0
    Sender(daemon).send(balanced[0] + line("second") + b"\n")
    daemon.settled(6)
    s = Sender(daemon)
    s.send(balanced[0] + line("third") + b"\n")
    assert s.is_closed()
    assert daemon.metric("connections_refused_total") == 1
    daemon.settled(6)


def test_who_comes_past_the_balancer_is_refused(lab, server):
    daemon = receiver(lab, {"proxy_protocol": "required"}, server=server)
    for bad in (line("direct") + b"\n", b"PROXY TCP4 x y 1 2\r\n", SIGNATURE + b"\x11",
                b"\r\n\r\n\0\r\nEXIT\n", bytes(5000)):
        s = Sender(daemon)
        s.send(bad)
        assert s.is_closed()
    s = Sender(daemon)
    s.send(b"PROXY TCP4 192")
    s.socket.close()
    Sender(daemon).socket.close()  # a balancer that looks whether we are there
    daemon.settled(6)
    assert daemon.metric("undecodable_total", reason="proxy_header") == 6
    assert stored(server.client())[0] == []
    wait_for("all are closed", lambda: daemon.metric("connections") == 0)
