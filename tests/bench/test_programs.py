# SPDX-License-Identifier: Apache-2.0
"""What the measurements say when they cannot measure: the reason and what to do, and no traceback."""

import importlib.machinery
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ.get("SR_BIN", os.path.join(HERE, "..", "..", "build", "bin"))
PROGRAMS = ["capacity", "compare", "profile", "reliability", "run", "soak", "syslog_bars"]
ONE = {"run": ["idle"], "reliability": ["modes"]}  # of its parts, which it does not do without


def module(name):
    """A program without a suffix."""
    sys.path.insert(0, HERE)
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(HERE, name))
    found = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(found)
    return found


def run(name, *words, **variables):
    """Ends it as a user would when it goes on: then it stops what it started."""
    ran = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, name), *words],
                           env=dict(os.environ, **variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True)
    try:
        out, errors = ran.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        ran.terminate()
        out, errors = ran.communicate(timeout=60)
    return subprocess.CompletedProcess(ran.args, ran.returncode, out, errors)


def refused(ran, text):
    assert ran.returncode == 2 and text in ran.stderr and "Traceback" not in ran.stderr, ran.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_folder_that_is_none_is_named(name):
    refused(run(name, *ONE.get(name, []), "--dir", "/no such folder"), "there is no folder /no such folder")


@pytest.mark.parametrize("name,option", [
    ("capacity", "--rounds"), ("compare", "--rounds"), ("profile", "--rate"), ("profile", "--seconds"),
    ("reliability", "--rounds"), ("run", "--rounds"), ("soak", "--minutes"), ("soak", "--rate"),
    ("syslog_bars", "--rounds"), ("syslog_bars", "--messages")])
@pytest.mark.parametrize("value", ["0", "-5", "nan", "many"])
def test_what_must_be_positive_is_refused_when_it_is_not(name, option, value):
    refused(run(name, *ONE.get(name, []), "%s=%s" % (option, value)), "argument %s: %s is not a number above 0" % (option, value))


def test_half_a_run_is_refused():
    refused(run("compare", "--rounds", "2.5"), "argument --rounds: 2.5 is not a whole number")


@pytest.mark.skipif(not os.path.exists(os.path.join(BIN, "serviceradar-trapd")) or not shutil.which("nats-server"),
                    reason="the daemons are not built, or there is no nats-server")
def test_a_soak_that_is_told_to_end_leaves_nothing_behind(tmp_path):
    soak = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "soak"), "--bounded", "--dir", tmp_path],
                            env=dict(os.environ, SR_BIN=BIN), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)
    try:
        assert "kill-server" in soak.stdout.readline()
        soak.terminate()
        said = soak.stdout.read()
        assert soak.wait(60) == 143 and "Traceback" not in said, said
    finally:
        soak.kill()
        soak.wait()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("absent", ["unshare", "ip", None])
def test_without_the_tools_for_a_namespace_there_is_none(absent, monkeypatch):
    sys.path.insert(0, HERE)
    import measure
    entered = []
    monkeypatch.setattr(measure.os, "geteuid", lambda: 0)
    monkeypatch.setattr(measure.os, "execvp", lambda *words: entered.append(words))
    monkeypatch.setattr(measure.shutil, "which", lambda name: None if name == absent else "/bin/" + name)
    monkeypatch.setattr(measure.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0))
    monkeypatch.setenv("SR_BENCH_NAMESPACE", "")
    monkeypatch.delenv("SR_BENCH_NAMESPACE")
    measure.enter_namespace()
    assert len(entered) == (absent is None)


def test_half_of_a_profile_is_none(tmp_path, monkeypatch):
    # Where the kernel may not be looked at, perf takes all else, and half of the time is nobody's.
    profile = module("profile")
    perf = tmp_path / "perf"
    perf.write_text("#!/bin/sh\ncase \"$*\" in *cpu-clock:k*) echo 'No permission' >&2; exit 255;; esac\n")
    perf.chmod(0o755)
    monkeypatch.setenv("PATH", "%s:%s" % (tmp_path, os.environ["PATH"]))
    assert profile.why_no_perf() == "perf may not sample the kernel here: No permission"


def test_peers_that_cannot_be_unpacked_are_missing(tmp_path, monkeypatch):
    import peers
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(peers, "FOLDER", str(tmp_path / "file"))
    why = peers.unpack_all(["nfcapd"])["nfcapd"]
    assert why.startswith("cannot be unpacked into %s/file/nfcapd (" % tmp_path) and why.endswith("SR_PEERS names another folder")


def test_the_guide_tells_when_a_soak_was_and_how_to_repeat_it(monkeypatch):
    soak, written = module("soak"), []
    monkeypatch.setattr(soak, "put", lambda _path, _name, text: written.append(text))
    result = {"program": "syslog", "minutes": 60.0, "datagrams_per_second": 2000, "records": 7200000,
              "stored_once": 7200000, "outages": 11, "lives": 2, "reloads": 12, "rss_kib": [1024, 2048],
              "rss_peak_kib": 4096, "rss_slope_kib_per_hour": 3.2, "descriptors": [20, 20], "threads": [9, 9]}
    soak.write([dict(result, command="tests/bench/soak --minutes 60", date="2026-11-23")])
    assert written[0].startswith("| program |") and written[0].endswith(
        "|\n\n`tests/bench/soak --minutes 60`, 2026-11-23.\n")
    assert soak.command(["--json", "x", "--minutes", "60", "--dir=/x", "--write"]) == "tests/bench/soak --minutes 60"
    soak.write([result])  # of a file that was written before
    assert written[1].rstrip().endswith("|")


@pytest.mark.parametrize("is_ok", [True, False])
def test_the_guide_tells_only_of_a_soak_that_holds(is_ok, tmp_path, monkeypatch, capsys):
    soak = module("soak")
    written = []
    monkeypatch.setattr(soak, "write", written.append)
    monkeypatch.setattr(soak, "report", lambda results: None)
    monkeypatch.setattr(soak, "end_when_told", lambda: None)
    (tmp_path / "soak.json").write_text(json.dumps([{"ok": True, "datagrams": 1}, {"ok": is_ok, "datagrams": 1}]))
    monkeypatch.setattr(sys, "argv", ["soak", "--show", str(tmp_path / "soak.json"), "--write"])
    assert soak.main() == (0 if is_ok else 1)
    assert len(written) == is_ok and ("keeps its table" in capsys.readouterr().out) != is_ok


@pytest.mark.parametrize("name,words", [
    ("capacity", []), ("compare", []), ("reliability", ["modes"]), ("syslog_bars", []), ("run", ["tail"]),
    ("run", ["netflow"]), ("run", ["trapd"]), ("run", ["idle"]), ("profile", []), ("instructions", [])])
def test_what_is_not_built_is_named_with_its_target(name, words, tmp_path):
    ran = run(name, *words, SR_BUILD=str(tmp_path))
    assert ran.returncode == 1 and "Traceback" not in ran.stderr, ran.stderr
    if "valgrind is not installed" not in ran.stderr:
        assert "not built" in ran.stderr and "--build --preset release --target " in ran.stderr


def test_a_soak_of_programs_that_are_not_built_says_so_at_once(tmp_path):
    ran = run("soak", "--bounded", "--dir", str(tmp_path), SR_BIN=str(tmp_path))
    assert ran.returncode == 1 and "Traceback" not in ran.stderr and "not built" in ran.stderr
    assert "SR_BIN" in ran.stderr and os.listdir(tmp_path) == []
