# SPDX-License-Identifier: Apache-2.0
"""`compare`: its arithmetic, its table of receivers, and short runs of ours without a network."""

import contextlib
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import types
import xml.etree.ElementTree

import pytest

sys.path.insert(0, os.path.dirname(__file__))
import compare_runs  # noqa: E402
import document  # noqa: E402
import jetstream  # noqa: E402
import measure  # noqa: E402
import peers  # noqa: E402
import receivers  # noqa: E402
import report  # noqa: E402
import senders  # noqa: E402

COMPARE = os.path.join(os.path.dirname(__file__), "compare")


# ---- The search ----

def limited(limit, tried=None, failures=()):
    """Rates up to a limit pass, but for the runs with these numbers."""
    def passes(rate, _confirms):
        tried.append(rate)
        return rate <= limit and len(tried) not in failures, "run %d" % len(tried)
    tried = [] if tried is None else tried
    return passes


@pytest.mark.parametrize("first", [3e4, 1e5, 2e5])
@pytest.mark.parametrize("limit", [2e4, 99999, 1e6])
def test_the_search_ends_within_a_step_below_the_limit(first, limit):
    rate, runs = compare_runs.highest(limited(limit), first, 3, probes=40)
    assert limit / compare_runs.STEP <= rate <= limit
    assert len(runs) == 3


def test_the_search_takes_few_runs_when_the_guess_is_good():
    tried = []
    compare_runs.highest(limited(130000, tried), 100000, 3)
    assert len(tried) <= 9


def test_a_rate_that_is_not_confirmed_is_not_the_highest():
    calm, tried = [], []
    rate, _ = compare_runs.highest(limited(1e5, calm), 1e5, 3)
    lower, runs = compare_runs.highest(limited(1e5, tried, {len(calm) - 1}), 1e5, 3)
    assert lower == pytest.approx(rate / compare_runs.STEP)
    assert len(runs) == 3


def test_rates_that_never_confirm_end_the_search():
    calm, tried = [], []
    compare_runs.highest(limited(1e5, calm), 1e5, 3)
    never = limited(1e5, tried, range(len(calm) - 1, 99))
    assert compare_runs.highest(never, 1e5, 3) == (0, [])
    assert len(tried) < len(calm) + 10


def test_no_rate_is_the_highest_when_none_passes():
    assert compare_runs.highest(limited(-1), 1000, 3) == (0, [])


def result(**values):
    return compare_runs.Result(**dict({"us": 1, "rate": 1000, "sent": 3000, "lost": 0, "behind": 0,
                                       "seconds": 3}, **values))


def test_a_rate_that_leaves_a_heap_of_work_is_not_sustained():
    assert compare_runs.is_sustained(result(behind=0.3))
    assert not compare_runs.is_sustained(result(behind=0.31))


@pytest.mark.parametrize("lost", [1, -1])
def test_a_rate_that_loses_or_doubles_a_record_is_not_sustained(lost):
    assert not compare_runs.is_sustained(result(lost=lost))


@pytest.mark.parametrize("values,confirms,doubtful", [
    ({"rate": 1000}, True, False), ({"rate": 900}, True, True), ({"lost": 29}, False, True),
    ({"lost": 29}, True, False), ({"lost": 30}, False, False), ({"behind": 1}, False, False)])
def test_a_run_is_repeated_when_the_machine_may_be_to_blame(values, confirms, doubtful):
    assert compare_runs.is_doubtful(result(**values), 1000, confirms) == doubtful


def test_what_is_stored_tells_of_losses_before_the_kernel_does():
    load = senders.Load("netflow", "v9")
    assert compare_runs.lost_records(load, {"records": 240}, 2, 240) == 0
    assert compare_runs.lost_records(load, {"records": 240}, 0, 200) == 40
    assert compare_runs.lost_records(load, {"records": 240}, 0, 264) == -1
    assert compare_runs.lost_records(load, {"records": 240}, 2, None) == 48


def test_what_it_costs_to_be_asked_is_not_the_cost_of_a_record(monkeypatch):
    class Asked:
        cpu, records = 5.0, 0

        def must_live(self):
            pass

        forget_peak = must_live

        def tree_cpu_seconds(self):
            return self.cpu

        def memory_kib(self):
            return (1024, 1024)

        def counted(self):
            self.cpu += 1  # a request to the collector
            return self.records

    def send(_load, _folder):
        run.cpu, run.records = run.cpu + 0.5, run.records + 1000
        return {"records": 1000, "seconds": 1.0}

    run = Asked()
    monkeypatch.setattr(compare_runs, "send", send)
    monkeypatch.setattr(compare_runs, "wait_until_idle", lambda run: None)
    found, _, _ = compare_runs.one_load(run, senders.Load("trap", transport="tcp"), "folder")
    assert (found.us, found.lost) == (pytest.approx(500), 0)


def test_what_only_the_end_tells_is_missing_once():
    runs = [result(lost=24), result(lost=0)]
    compare_runs.settle(runs, 30)
    assert [run.lost for run in runs] == [24, 6]
    compare_runs.settle(runs, 30)
    assert [run.lost for run in runs] == [24, 6]
    compare_runs.settle(runs, -1)
    assert runs[1].lost == -1


@pytest.mark.parametrize("protocol", ["netflow", "trap"])
def test_rates_are_of_records_and_sent_as_datagrams(protocol):
    load = senders.Load(protocol, "v9" if protocol == "netflow" else "v3", rate=240, seconds=2)
    words = senders._words(load, "folder")
    assert float(words[words.index("-r") + 1]) == (10 if protocol == "netflow" else 240)


def test_a_percentile_is_a_value_that_was_measured():
    values = list(range(1, 201))
    assert compare_runs.percentile(values, 0.5) == 100
    assert compare_runs.percentile(values, 0.99) == 198
    assert compare_runs.percentile([7], 0.5) == compare_runs.percentile([7], 0.99) == 7


# ---- Tables and the page ----

def runs_of(*costs):
    """None: the run of that turn failed."""
    return [types.SimpleNamespace(us=cost, turn=turn) for turn, cost in enumerate(costs) if cost]


def test_a_ratio_is_the_median_of_those_of_neighbours():
    # Of the medians it would be 4 / 10.
    assert report.ratio(runs_of(1, 4, 5), runs_of(10, 8, 20)) == 0.25


def test_neighbours_are_of_the_same_turn_when_a_run_failed():
    # One after the other, whatever their turns, they would be 2 / 10 and 9 / 30.
    assert report.ratio(runs_of(None, 2, 9), runs_of(10, 20, 30)) == 0.2
    assert report.ratio(runs_of(None, 2, 9), runs_of(10, 20, None)) == 0.1
    assert report.ratio(runs_of(1, None), runs_of(None, 2)) is None


@pytest.mark.parametrize("sign,measured,verdict", [
    ("<=", 0.6, "met"), ("<=", 0.61, "**missed**"), (">=", 0.6, "met"), (">=", 0.59, "**missed**"),
    (">=", None, "not measured")])
def test_a_bar_is_met_missed_or_not_measured(sign, measured, verdict):
    assert measure.bar("what", sign, 0.6, measured)[3] == verdict


def test_numbers_have_commas_before_the_point_only():
    assert measure.number(1234567) == "1,234,567"
    assert measure.number(1234.5678, "%.4f") == "1,234.5678"
    assert measure.number(-1) == "-1"
    assert report.thousands(123456) == "123,000"


PAGE = "a\n<!-- table: x -->\nold\n<!-- end -->\n<!-- table: y -->\nold\n<!-- end -->\nb\n"


def test_only_what_stands_between_the_markers_is_replaced():
    assert document.replaced(PAGE, "x", "new\n\n") == PAGE.replace("old", "new", 1)


@pytest.mark.parametrize("text", ["", PAGE + PAGE, "<!-- table: x -->\n" + PAGE, PAGE.replace("<!-- end -->", ""),
                                  "<!-- end -->\n<!-- table: x -->\n"])
def test_a_page_without_a_pair_of_markers_is_left_alone(text, tmp_path):
    with pytest.raises(ValueError, match="needs the lines"):
        document.replaced(text, "x", "new")
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ValueError, match="needs the lines"):
        document.put(page, "x", "new")
    assert page.read_text() == text


def test_what_cannot_be_written_leaves_the_page_as_it_was(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    with pytest.raises(UnicodeEncodeError):
        document.put(page, "x", "half \udc80")
    assert page.read_text() == PAGE
    page.chmod(0o640)
    document.put(page, "x", "new")
    assert page.read_text() == PAGE.replace("old", "new", 1)
    assert os.listdir(tmp_path) == ["page.md"] and page.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("part", ["syslog", "netflow", "trap", "jetstream"])
def test_the_page_has_markers_for_every_part(part):
    assert document.replaced(report.PAGE.read_text(), part, "new")


def test_a_chart_has_a_bar_for_each_receiver_and_a_word_for_what_was_not_measured(tmp_path):
    panel = report.panel('of "quotes"', [("ours, `a`", 2.0, "2", True), ("b", None, "not measured", False)])
    if not report.chart("x", "title", [panel] * 4, 2, str(tmp_path)):
        pytest.skip("there is no gnuplot")
    text = (tmp_path / "x.svg").read_text()
    xml.etree.ElementTree.fromstring(text)
    assert text.count(">ours, a<") == text.count(">not measured<") == 4
    assert "#1b6ca8" in text.lower() or "27, 108, 168" in text


# ---- The table of receivers ----

@pytest.fixture
def unpacked(monkeypatch):
    """Every program is there, with its modules."""
    monkeypatch.setattr(peers, "folder_of", lambda program, pattern: "/modules")


@pytest.mark.parametrize("which,transport", [
    (which, transport) for which in receivers.RECEIVERS for transport in which.transports],
    ids=lambda value: getattr(value, "name", value))
def test_every_word_of_a_command_and_its_configuration_is_known(which, transport, unpacked):
    words = receivers.words_of(which, transport, "/folder", 1, [], {"CERTIFICATES": "/c"})
    said = " ".join(receivers.command_of(which, words))
    if which.config:
        with open(os.path.join(measure.HERE, "peers", which.config)) as text:
            said += receivers.expand(text.read(), words)
    assert str(receivers.PORTS[which.protocol]) in said


@pytest.mark.parametrize("which", receivers.RECEIVERS, ids=lambda which: which.name)
def test_a_folder_with_spaces_is_a_part_of_one_argument(which, unpacked, monkeypatch):
    monkeypatch.setattr(peers, "folder_of", lambda program, pattern: "/a tree/modules")
    words = receivers.words_of(which, "udp", "/a folder", 1, ["x=/a file"], {"CERTIFICATES": "/a c"})
    said = receivers.command_of(which, words)
    assert len(said) == len(which.command.split()) + ("@OURS@" in which.command) * 3
    assert not which.is_ours() or said[-1] == "x=/a file"


def test_a_word_that_nobody_knows_is_named():
    with pytest.raises(peers.Missing, match="@UNKNOWN@"):
        receivers.expand("a @UNKNOWN@ b", {})


def test_a_message_that_was_written_twice_is_no_complete_run(tmp_path):
    out = tmp_path / "out.json"
    out.write_text("".join('{"seq %07d "}\n' % number for number in (1, 2, 3)))
    run = types.SimpleNamespace(out=str(out))
    assert receivers.messages(run) == 3
    out.write_text(out.read_text() + '{"seq 0000002 "}\n')
    assert receivers.messages(run) == -1


# ---- Runs ----

def compare(*words, path=None, **variables):
    environment = dict(os.environ, **variables)
    if path:
        environment["PATH"] = "%s:%s" % (path, environment["PATH"])
    return subprocess.run([sys.executable, "-B", COMPARE, "--quick"] + list(words), env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, text=True)


def row_of(text, name):
    """The cells of the first row of that receiver."""
    found = re.search(r"^\| %s \| (.*) \|$" % re.escape(name), text, re.M)
    assert found, text
    return found.group(1).split(" | ")


needs_senders = pytest.mark.skipif(
    not all(os.path.exists(senders.path(protocol)) for protocol in senders.PROGRAMS),
    reason="the senders are not built: cmake --build --preset dev")


def is_measured(text, name, kinds):
    cells = row_of(text, name)
    assert len(cells) == kinds + 2  # what it writes, and what was lost
    return all(float(re.match(r"[0-9,.]+", cell).group(0).replace(",", "")) > 0 for cell in cells[1:-1])


@needs_senders
def test_the_first_templates_of_many_exporters_take_no_time_from_their_flows():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        for _ in range(5):  # the machine may be busy when the time begins
            run = subprocess.run([senders.path("netflow"), "-p", str(receiver.getsockname()[1]), "-k", "v9", "-n", "2",
                                  "-s", "10000", "-r", "50000", "-d", "0.005"],
                                 check=True, stdout=subprocess.PIPE, timeout=60)
            said = json.loads(run.stdout)
            assert said["templates"] >= 10000
            if said["records"] > 0:
                return
    pytest.fail("templates were sent, but no flows")


@needs_senders
def test_ours_is_measured_without_a_network():
    run = compare("syslog", "--only-ours")
    assert run.returncode == 0, run.stderr
    assert is_measured(run.stdout, "ours, `smart`", 1)
    assert re.search(r"^`tests/bench/compare syslog --quick --only-ours`, 20", run.stdout, re.M)
    assert "Left out" not in run.stdout


@needs_senders
def test_a_peer_that_cannot_be_had_or_does_not_start_is_named_and_left_out(tmp_path):
    for name, text in (("apt-get", "echo 'E: no network' >&2; exit 100"),
                       ("nfcapd", "echo 'no such thing' >&2; exit 1")):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n%s\n" % text)
        program.chmod(0o755)
    run = compare("netflow", path=str(tmp_path), SR_PEERS=str(tmp_path / "peers"))
    assert run.returncode == 0, run.stderr
    why = "cannot be downloaded (apt-get --simulate: E: no network)"
    assert "nfcapd: " + why in run.stderr and "nfacctd: " + why in run.stderr
    assert "Left out: nfcapd (all at one rate, round 1 of 1: it ended at once: no such thing)" in run.stdout
    assert is_measured(run.stdout, "ours, to a file", 3)


@needs_senders
@pytest.mark.skipif(not shutil.which("nats-server") or not os.path.exists(jetstream.PUBLISHER),
                    reason="there is no nats-server, or the target bench is not built")
def test_what_goes_into_jetstream_tells_of_its_own_conditions():
    run = compare("jetstream", "--only-ours")
    assert run.returncode == 0 and "Not measured" not in run.stdout, run.stdout + run.stderr
    assert re.search(r"; nats-server [0-9.]+, rounds: 1; .*buffers of sockets: 65,536 KiB;", run.stdout), run.stdout


@needs_senders
def test_a_receiver_that_does_not_start_takes_no_other_of_its_program_along(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "sys.path.insert(0, %r)\n"
        "import dataclasses, receivers\n"
        "worse = dataclasses.replace(receivers.receiver('ours', 'trap'), name='worse', command="
        "'serviceradar-trapd --no-such-option')\n"
        "receivers.RECEIVERS.insert(0, worse)\n" % measure.HERE)
    run = compare("trap", "--only-ours", PYTHONPATH=str(tmp_path))
    assert "Left out: worse (all at one rate, round 1 of 1: it ended at once: " in run.stdout, run.stderr
    assert is_measured(run.stdout, "ours", 2)


@needs_senders
def test_a_folder_with_spaces_is_no_hindrance(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    run = compare("trap", "--only-ours", "--dir", str(folder))
    assert is_measured(run.stdout, "ours, to a file", 2), run.stdout + run.stderr


def programs_of(folder):
    """The command lines of all processes that name it."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError), open(path, "rb") as words:
            line = words.read().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in line:
                found.append(line)
    return found


@needs_senders
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_what_is_told_to_end_leaves_no_process_and_no_file_behind(tmp_path, number):
    run = subprocess.Popen([sys.executable, "-B", COMPARE, "--quick", "--only-ours", "--dir", tmp_path, "syslog"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                           # Whoever runs the tests in the background may have it ignored.
                           preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    try:
        while "round 1 of 1" not in run.stderr.readline():
            assert run.poll() is None
        run.send_signal(number)
        run.stderr.read()
        assert run.wait(60) == 128 + number
    finally:
        run.kill()
        run.wait()
    assert programs_of(tmp_path) == []
    assert os.listdir(tmp_path) == []


def test_what_is_not_built_is_named_with_the_remedy(tmp_path):
    run = compare("trap", "--only-ours", SR_BUILD=str(tmp_path))
    assert run.returncode != 0
    assert "not built: " in run.stderr and "--target bench" in run.stderr
