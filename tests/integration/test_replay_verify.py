# SPDX-License-Identifier: Apache-2.0
"""serviceradar-cli replay --rewrite and --verify: real collectors and a real server."""

import json
import re
import subprocess
import sys
import threading

import pytest

import flows
import traps
from lab import BIN, ROOT, SUBJECT, parse_headers, wait_for

sys.path.insert(0, str(ROOT / "tests" / "golden"))
import make_pcap  # noqa: E402

CLI = str(BIN / "serviceradar-cli")
RATE = "2000"


def write_capture(lab, payloads, **options):
    path = lab.dir / "x.pcap"
    with open(path, "wb") as out:
        make_pcap.write_pcap(out, payloads, **options)
    return path


def lines(count):
    return [b"<13>Jan  2 03:04:05 host app: message %d" % i for i in range(count)]


def arguments(capture, daemon, server, *options, stream="events"):
    host, port = daemon.address()
    return [CLI, "replay", capture, "--to", f"udp://{host}:{port}", "--json", "--rate", RATE,
            "--verify", server.url, "--stream", stream, *options]


def run(argv, **options):
    return subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=60,
                          check=False, **options)


def verify(*args, code=0, **options):
    done = run(arguments(*args, **options))
    assert done.returncode == code, done
    return json.loads(done.stdout)


def start(argv):
    return subprocess.Popen(list(map(str, argv)), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)


def end(process, code=0):
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, (out, err)
    return json.loads(out)


@pytest.fixture
def server(lab):
    one = lab.server()
    with one.client() as c:
        c.add_stream()
    return one


def stored(server, stream="events"):
    with server.client() as c:
        return c.messages(stream)


def check_fine(summary, records):
    found = summary["verify"]
    assert (found["expected"], found["stored"], found["missing"]) == (records, records, 0), found
    assert (found["doubled"], found["unexpected"], found["missing_ranges"]) == (0, 0, []), found
    assert found["fine"] is True
    latency = [found["latency_ns"][k] for k in ("median", "p90", "p99", "p99.9", "largest")]
    assert latency == sorted(latency) and latency[-1] > 0
    return found


# ---- Everything is stored ----

def test_messages_of_syslog_are_stored_once_with_the_date_of_now(lab, server):
    daemon = lab.daemon(server=server)
    summary = verify(write_capture(lab, lines(500)), daemon, server, "--loop", "2")
    check_fine(summary, 1000)
    assert (summary["sent"], summary["rewritten"], summary["unmarked"]) == (1000, 1000, 0)
    daemon.stop()
    records = [json.loads(m.body) for m in stored(server)]
    ages = {abs(r["timestamp"] - records[0]["timestamp"]) for r in records}
    assert max(ages) < 60
    assert all(re.search(r"message \d+ sr-load=[0-9a-f]{6}/\d{13}$", r["short_message"])
               for r in records)


def test_records_of_batches_are_verified_one_by_one(lab, server):
    daemon = lab.daemon(server=server, publish={"batch": {"records": 100}})
    check_fine(verify(write_capture(lab, lines(500)), daemon, server), 500)
    daemon.stop()
    assert len(stored(server)) < 500


def test_rewriting_needs_no_server(lab, server):
    daemon = lab.daemon(server=server)
    host, port = daemon.address()
    done = run([CLI, "replay", write_capture(lab, lines(10)), "--to", f"udp://{host}:{port}",
                "--flood", "--json", "--rewrite", "syslog"])
    assert done.returncode == 0, done
    summary = json.loads(done.stdout)
    assert summary["rewritten"] == 10 and "verify" not in summary
    daemon.settled(10)
    daemon.stop()
    assert not any(b"sr-load" in m.body or b"Jan" in m.body for m in stored(server))


def trap_captures():
    return [traps.v2c(), traps.v1(), traps.v3(), traps.v2c(("1.3.6.1.2.1.1.5.0", traps.octets(b"x")))]


def test_traps_of_all_versions_are_stored_once(lab):
    server = lab.server()
    traps.trap_stream(server)
    daemon = traps.Trapd(lab, server=server, users=[{"name": "joe"}]).start()
    payloads = [*trap_captures() * 50, traps.v3(user=b"ann", password=b"sesame-open")]
    summary = verify(write_capture(lab, payloads, port=162), daemon, server, "--verify-wait", "2")
    check_fine(summary, 200)
    assert (summary["as_it_was"], summary["unmarked"]) == (1, 1)
    daemon.stop()


def flow_payloads(rounds):
    """v5 and v9 of one exporter; the first data set comes before its template."""
    out, v5, v9 = [], 0, 0
    for i in range(rounds):
        out.append(flows.v5(0xC0000200, 20, v5))
        v5 += 20
        sets = [flows.data(256, *(flows.record(n) for n in range(10)))]
        if i == 1:
            sets.insert(0, flows.template(256))
        head = b"\0\x09" + len(sets).to_bytes(2, "big") + bytes(4) + bytes(4)
        out.append(head + v9.to_bytes(4, "big") + (7).to_bytes(4, "big") + b"".join(sets))
        v9 += 1
    return out


def test_flows_are_stored_once_and_their_numbers_have_no_gap(lab):
    server = lab.server()
    flows.flow_stream(server)
    daemon = flows.Collector(lab, server=server).start()
    capture = write_capture(lab, flow_payloads(20), port=2055, sources=1)
    summary = verify(capture, daemon, server, "--loop", "3", stream="flows")
    # The first datagram of v9 had no template yet: the collector keeps it, and it is not verified.
    found = check_fine(summary, 3 * 20 * 20 + (3 * 20 - 1) * 10)
    assert summary["unmarked"] == 1 and found["others"] == 10
    assert daemon.count("records_total") == 3 * 20 * 30
    for name in ("missing", "duplicates", "restarts", "reordered"):
        assert f"netflow_{name}_total" in daemon.get("/metrics")
        assert daemon.count(f"{name}_total") == 0, name
    daemon.stop()


def test_each_exporter_of_a_capture_has_numbers_of_its_own(lab):
    server = lab.server()
    flows.flow_stream(server)
    daemon = flows.Collector(lab, server=server).start()
    payloads = [flows.v5(0xC0000200, 5, 5 * (i // 4)) for i in range(80)]
    summary = verify(write_capture(lab, payloads, port=2055, sources=4), daemon, server,
                     "--spoof-loopback", "--loop", "2", stream="flows")
    check_fine(summary, 2 * 80 * 5)
    daemon.stop()


# ---- What goes wrong is found ----

def test_what_a_collector_loses_is_missing_by_its_numbers(lab, server):
    daemon = lab.daemon(server=server, listeners=[{"deny": ["127.0.2.3/32"]}])
    # The third of four senders: messages 2, 6, 10, ...
    summary = verify(write_capture(lab, lines(400)), daemon, server, "--spoof-loopback",
                     "--verify-wait", "2", code=1)
    found = summary["verify"]
    assert (found["expected"], found["stored"], found["missing"]) == (400, 300, 100), found
    assert found["missing_ranges"][:3] == [[2, 2], [6, 6], [10, 10]]
    assert found["missing_ranges_cut"] is True and found["fine"] is False
    daemon.stop()


def test_dead_letters_are_counted_and_their_messages_missing(lab, server):
    daemon = lab.daemon(server=server, publish={"dead_letter": True})
    payloads = [*lines(50), b"<13>no date here", *lines(49)]
    found = verify(write_capture(lab, payloads), daemon, server, "--rewrite", "syslog",
                   "--verify-wait", "2", code=1)["verify"]
    assert (found["missing"], found["dead_letters"], found["others"]) == (1, 1, 0), found
    assert found["missing_ranges"] == [[50, 50]]
    daemon.stop()


def copy_first(server, stop):
    """Publishes the first record that comes once more, without its id; sets `stop` then."""
    with server.client() as c:
        c.subscribe(SUBJECT, "9")
        c.flush()
        stop["ready"].set()
        while True:
            event = c.read()
            if event[0] == "MSG" and "Nats-Msg-Id" in parse_headers(event[2]):
                c.publish(SUBJECT, event[3], None)
                c.flush()
                stop["done"].set()
                return


def test_a_record_that_is_stored_twice_is_doubled(lab, server):
    daemon = lab.daemon(server=server)
    events = {"ready": threading.Event(), "done": threading.Event()}
    copier = threading.Thread(target=copy_first, args=(server, events), daemon=True)
    copier.start()
    assert events["ready"].wait(10)
    found = verify(write_capture(lab, lines(2000)), daemon, server, code=1)["verify"]
    assert events["done"].wait(10)
    copier.join(10)
    assert (found["stored"], found["missing"], found["doubled"]) == (2000, 0, 1), found
    daemon.stop()


def test_a_stream_that_holds_other_data_is_read_from_its_end(lab, server):
    daemon = lab.daemon(server=server)
    with server.client() as c:
        for i in range(300):
            c.publish(SUBJECT, b"old %d" % i, None)
        c.flush()
    wait_for("the old messages are stored", lambda: len(stored(server)) == 300)
    process = start(arguments(write_capture(lab, lines(4000)), daemon, server))
    with server.client() as c:
        wait_for("records come", lambda: c.count() > 300)
        for i in range(100):
            c.publish(SUBJECT, b"new %d" % i, None)
        c.flush()
    found = check_fine(end(process), 4000)
    assert 0 < found["others"] <= 100
    daemon.stop()


def test_a_server_that_restarts_is_read_on(lab, server):
    daemon = lab.daemon(server=server)
    process = start(arguments(write_capture(lab, lines(6000)), daemon, server))
    with server.client() as c:
        wait_for("records come", lambda: c.count() > 500)
    server.end()
    server.start()
    check_fine(end(process), 6000)
    daemon.stop()


def test_a_consumer_that_is_deleted_is_made_again(lab, server):
    daemon = lab.daemon(server=server)
    process = start(arguments(write_capture(lab, lines(4000)), daemon, server, "--verify-wait",
                              "4"))
    with server.client() as c:
        wait_for("records come", lambda: c.count() > 500)
        [name] = c.api("CONSUMER.NAMES.events")["consumers"]
        c.api(f"CONSUMER.DELETE.events.{name}")
    check_fine(end(process), 4000)
    daemon.stop()


def test_a_server_that_stays_away_is_told_of(lab, server):
    daemon = lab.daemon(server=server)
    process = start(arguments(write_capture(lab, lines(3000)), daemon, server, "--verify-wait",
                              "1"))
    with server.client() as c:
        wait_for("records come", lambda: c.count() > 100)
    server.end()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "cannot connect to the server" in err and "whether the server runs" in err
    found = json.loads(out)["verify"]
    assert found["fine"] is False and found["missing"] > 0
    daemon.end()


# ---- What cannot be read ----

def reader(allow):
    return f"""authorization {{ users: [
      {{ user: all, password: x }}
      {{ user: some, password: secret, permissions: {{ publish: {allow}, subscribe: ">" }} }} ] }}"""


@pytest.mark.parametrize("allow", [
    '["logs.>"]',  # as a collector's
    '["logs.>", "$JS.API.STREAM.INFO.events"]',
])
def test_a_stream_whose_reading_is_refused_ends_before_anything_is_sent(lab, allow):
    server = lab.server(text=reader(allow))
    with server.client(user="all", password="x") as c:
        c.add_stream()
    url = f"nats://some:secret@127.0.0.1:{server.port}"
    done = run([CLI, "replay", write_capture(lab, lines(1)), "--to", "udp://127.0.0.1:9",
                "--verify", url, "--stream", "events"])
    assert done.returncode == 1 and done.stdout == "", done
    assert "use the credentials of a reader" in done.stderr
    assert "secret" not in done.stderr


def test_a_reader_needs_no_more_than_the_manual_says(lab):
    server = lab.server(text=reader('["$JS.API.STREAM.INFO.events", "$JS.API.CONSUMER.>",'
                                    ' "$JS.FC.>"]') + "\nno_auth_user: all")
    with server.client(user="all", password="x") as c:
        c.add_stream()
    daemon = lab.daemon(server=server)
    argv = arguments(write_capture(lab, [line + b" " * 1000 for line in lines(4000)]), daemon,
                     server)
    argv[argv.index("--verify") + 1] = f"nats://some:secret@127.0.0.1:{server.port}"
    check_fine(end(start([*argv, "--rate", "10000"])), 4000)
    assert "Violation" not in server.text()
    daemon.stop()


def test_what_is_not_there_is_named(lab, server):
    capture = write_capture(lab, lines(1))
    argv = [CLI, "replay", capture, "--to", "udp://127.0.0.1:9", "--verify"]
    done = run([*argv, server.url, "--stream", "nowhere"])
    assert done.returncode == 1 and "the stream does not exist" in done.stderr, done
    done = run([*argv, server.url, "--stream", "events", "--creds", "/nonexistent"])
    assert done.returncode == 1 and "/nonexistent" in done.stderr, done
    server.end()
    done = run([*argv, server.url, "--stream", "events"])
    assert done.returncode == 1 and "cannot connect to the server" in done.stderr, done


@pytest.mark.parametrize("options, complaint", [
    (["--verify", "http://x"], "--verify wants nats://HOST:PORT or tls://HOST:PORT"),
    (["--verify", "nats://x:1"], "--verify wants --stream NAME"),
    (["--stream", "events"], "--verify nats://HOST:PORT says where"),
    (["--verify", "tls://x:1", "--stream", "e", "--verify-cert", "f"],
     "--verify-cert and --verify-key go together"),
    (["--verify", "nats://x:1", "--stream", "e", "--count", "100000000"], "give a lower --count"),
    (["--verify-wait", "soon"], "--verify-wait wants a number"),
    (["--verify-window", "-1"], "--verify-window wants a number"),
    (["--rewrite", "smtp"], "--rewrite is syslog, trap, netflow or auto"),
])
def test_wrong_options_are_refused(lab, options, complaint):
    done = run([CLI, "replay", write_capture(lab, lines(1)), "--to", "udp://127.0.0.1:9", *options])
    assert done.returncode == 2, done
    assert complaint in done.stderr


def test_what_cannot_be_marked_is_not_fine(lab, server):
    daemon = lab.daemon(server=server)
    done = run(arguments(write_capture(lab, lines(5)), daemon, server, "--rewrite", "trap"))
    assert done.returncode == 1
    assert "nothing could be verified" in done.stderr
    summary = json.loads(done.stdout)
    assert (summary["as_it_was"], summary["unmarked"]) == (5, 5)
    assert summary["verify"]["expected"] == 0 and summary["verify"]["fine"] is False
    daemon.stop()


@pytest.mark.parametrize("prefix", ["--verify-", "--"])
def test_a_tls_server_is_read_with_a_readers_credentials(lab, prefix):
    world = lab.world()
    daemon = lab.daemon(nats=world.nats())
    folder = world.dir / "acme"
    host, port = daemon.address()
    done = run([CLI, "replay", write_capture(lab, lines(100)), "--to", f"udp://{host}:{port}",
                "--json", "--rate", RATE, "--verify", world.tls_url, "--stream", "events",
                "--creds", folder / "creds" / "platform.creds",
                prefix + "ca", world.dir / "tls" / "ca.pem",
                prefix + "cert", folder / "tls" / "platform.pem",
                prefix + "key", folder / "tls" / "platform-key.pem"])
    assert done.returncode == 0, done
    check_fine(json.loads(done.stdout), 100)
    daemon.stop()
