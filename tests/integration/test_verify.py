# SPDX-License-Identifier: Apache-2.0
"""--verify: the stream is what the test makes of it, which takes what was sent and stores it."""

import json
import signal
import socket
import subprocess
import time

import pytest

from lab import BIN, SUBJECT, wait_for

CLI = str(BIN / "serviceradar-cli")
COUNT = 10
FOREIGN = b"y" * 1000


@pytest.fixture
def server(lab):
    one = lab.server()
    with one.client() as c:
        c.add_stream()
    return one


@pytest.fixture
def sink(lab):
    """Where messages go instead of a collector."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    lab.sockets.append(s)
    s.bind(("127.0.0.1", 0))
    s.settimeout(15)
    return s


def argv(sink, server, *options):
    return [CLI, "load", "syslog", "--to", "udp://127.0.0.1:%d" % sink.getsockname()[1], "--rate",
            "1000", "--count", str(COUNT), "--verify", server.url, "--stream", "events", "--json",
            *map(str, options)]


def start(*args):
    return subprocess.Popen(argv(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def take(sink):
    return [sink.recv(65536) for _ in range(COUNT)]


def store(server, bodies, flushed=1000):
    """Publishes, and returns when all are in the stream."""
    with server.client() as c:
        before = c.api("STREAM.INFO.events")["state"]["last_seq"]
        for i, body in enumerate(bodies):
            c.publish(SUBJECT, body, None)
            if i % flushed == 0:
                c.flush()
        c.flush()
        wait_for("all are stored", lambda: c.api("STREAM.INFO.events")["state"]["last_seq"]
                 >= before + len(bodies))


def end(process, code):
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, (out, err)
    return json.loads(out)["verify"], err


# ---- What was not read is not said to be missing ----

def test_a_server_that_stands_still_is_told_of(sink, server):
    process = start(sink, server, "--verify-wait", 1)
    store(server, take(sink)[:4])
    server.send_signal(signal.SIGSTOP)
    try:
        found, err = end(process, 1)
    finally:
        server.send_signal(signal.SIGCONT)
    assert found["missing"] == 6
    assert "the server" in err and "try: " in err


def test_a_stream_that_is_made_anew_is_told_of(sink, server):
    process = start(sink, server, "--verify-wait", 1)
    messages = take(sink)
    with server.client() as c:
        c.api("STREAM.DELETE.events")
        c.add_stream()
    store(server, messages)
    _, err = end(process, 1)
    assert "stream events was made anew" in err


def test_a_stream_that_is_emptied_before_it_is_read_is_told_of(sink, server):
    process = start(sink, server, "--verify-wait", 1)
    messages = take(sink)
    process.send_signal(signal.SIGSTOP)
    store(server, [FOREIGN] * 20000 + messages)
    with server.client() as c:
        c.api("STREAM.PURGE.events")
    process.send_signal(signal.SIGCONT)
    found, err = end(process, 1)
    assert found["missing"] == COUNT
    assert "removed before they were read" in err


def test_removed_messages_of_other_subjects_are_told_of(lab, sink):
    server = lab.server()
    with server.client() as c:
        c.add_stream(max_msgs=50, discard="old")
    process = start(sink, server, "--verify-wait", 1, "--subject", SUBJECT)
    messages = take(sink)
    process.send_signal(signal.SIGSTOP)
    store(server, [FOREIGN] * 20000 + messages + [FOREIGN] * 100)
    process.send_signal(signal.SIGCONT)
    found, err = end(process, 1)
    assert found["missing"] == COUNT
    assert "removed" in err and "give the stream room" in err


def test_a_reader_that_is_behind_goes_on_to_the_end_of_the_stream(sink, server):
    process = start(sink, server, "--verify-wait", 1)
    messages = take(sink)
    process.send_signal(signal.SIGSTOP)
    waited = time.monotonic() + 1
    store(server, [FOREIGN] * 20000 + messages)
    wait_for("its time is over", lambda: time.monotonic() > waited)
    process.send_signal(signal.SIGCONT)
    found, _ = end(process, 0)
    assert (found["stored"], found["others"]) == (COUNT, 20000)


def test_a_second_interrupt_leaves_nothing_unsaid(sink, server):
    process = start(sink, server, "--count", 0, "--verify-wait", 600)
    take(sink)
    process.send_signal(signal.SIGINT)
    sink.settimeout(1)
    with pytest.raises(TimeoutError):
        while sink.recv(65536):
            pass
    process.send_signal(signal.SIGINT)
    _, err = end(process, 1)
    assert "interrupted before all was read" in err


# ---- Whatever else the stream holds ----

def publish_with(c, headers, body):
    head = ("NATS/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n").encode()
    c.send(f"HPUB {SUBJECT} {len(head)} {len(head) + len(body)}\r\n".encode() + head + body + b"\r\n")


def test_records_that_are_none_are_those_of_others(sink, server):
    process = start(sink, server)
    messages = take(sink)
    marks = [b"sr-load=", b"sr-load=/", b"sr-load=000000/9999999999999", b"=" * 900000,
             b"sr-load=zzzzzz/0000000000000", b"x" * 900000 + b"sr-load=", b"\0", b"\n" * 1000]
    lines = {"Sr-Records": "3", "Content-Type": "application/x-ndjson"}
    delimited = {"Sr-Records": "99999999999999999999", "Content-Type": "application/x-protobuf"}
    with server.client() as c:
        c.publish(SUBJECT, b"", None)
        for body in marks:
            c.publish(SUBJECT, body, None)
            publish_with(c, lines, body)
            publish_with(c, delimited, b"\xff\xff\xff\xff\x0f" + body)
            publish_with(c, delimited, bytes(100) + body)
            publish_with(c, {"Sr-Records": "x"}, body)
            c.flush()
    # Three of ours are a batch.
    with server.client() as c:
        publish_with(c, lines, b"\n".join(messages[:3]))
        for message in messages[3:]:
            c.publish(SUBJECT, message, None)
        c.flush()
    found, _ = end(process, 0)
    assert (found["stored"], found["doubled"], found["unexpected"]) == (COUNT, 0, 0)
    assert found["others"] > 100 * len(marks)


# ---- Order ----

def test_records_of_others_between_two_of_ours_are_no_disorder(sink, server):
    process = start(sink, server, "--verify-window", 2)
    messages = take(sink)
    store(server, [messages[1], *[b"other"] * 500, messages[0], *messages[2:]])
    found, _ = end(process, 0)
    assert (found["disorder"], found["others"]) == (1, 500)


def test_disorder_beyond_the_window_is_not_fine(sink, server):
    process = start(sink, server, "--verify-window", 8)
    messages = take(sink)
    store(server, [*messages[1:], messages[0]])
    found, _ = end(process, 1)
    assert (found["disorder"], found["missing"]) == (9, 0)


# ---- What is wrong has a remedy ----

@pytest.mark.parametrize("options, said", [
    (["--stream", "a b"], "--stream"),
    (["--stream", "a.b"], "--stream"),
    (["--stream", "a*"], "--stream"),
    (["--stream", ""], "--stream"),
    (["--subject", ""], "--subject"),
    (["--subject", "a b"], "--subject"),
])
def test_names_that_no_stream_or_subject_has_are_wrong_usage(sink, server, options, said):
    done = subprocess.run(argv(sink, server, *options), capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 2 and said in done.stderr, done


def refused(sink, server, *options):
    done = subprocess.run(argv(sink, server, *options), capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 1, done
    return json.loads(done.stdout)


def test_a_subject_that_the_stream_has_not_is_named_as_the_fault(sink, server):
    assert "--subject" in refused(sink, server, "--subject", "nothing.here")["remedy"]


def test_a_stream_that_only_one_may_read_is_named_as_the_fault(lab, sink):
    server = lab.server()
    with server.client() as c:
        c.add_stream(retention="workqueue")
    assert "workqueue" in refused(sink, server)["remedy"]


def test_a_server_without_jetstream_is_named_as_the_fault(lab, sink):
    server = lab.server()
    server.end()
    lines = server.conf.read_text().splitlines()
    server.conf.write_text("\n".join(x for x in lines if not x.startswith("jetstream")))
    server.start()
    assert "JetStream" in refused(sink, server)["remedy"]


def test_a_file_that_cannot_be_read_is_named(sink, server):
    told = refused(sink, server, "--verify", "tls://localhost:1", "--verify-ca", "/nonexistent")
    assert told["cause"].startswith("cannot read /nonexistent: No such file")
