# SPDX-License-Identifier: Apache-2.0
"""The verdict of the gate on instruction counts, and how callgrind's file is read."""

import importlib.machinery
import importlib.util
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True


def load(name):
    """A program without a suffix as a module."""
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(HERE, name))
    spec = importlib.util.spec_from_loader(name, loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


import callgrind  # noqa: E402
import profile_stages  # noqa: E402

gate = load("instructions")


def test_more_than_the_margin_fails_and_less_does_not():
    rows = gate.judge({"a": 1029.0, "b": 1031.0, "c": 500.0}, {"a": 1000.0, "b": 1000.0, "c": 1000.0})
    assert [row[4] for row in rows] == ["ok", "MORE", "less: record it"]
    assert gate.fails(rows) == ["b"]


def test_without_a_baseline_nothing_fails():
    rows = gate.judge({"a": 1000.0}, None)
    assert rows == [("a", 1000.0, None, None, "")]
    assert gate.fails(rows) == []


def test_a_case_that_the_baseline_lacks_fails():
    assert gate.fails(gate.judge({"a": 1.0, "new": 1.0}, {"a": 1.0})) == ["new"]


def test_a_recorded_case_that_is_gone_fails():
    rows = gate.judge({"a": 1.0}, {"a": 1.0, "renamed": 1.0}, all_cases=True)
    assert gate.fails(rows) == ["renamed"]
    assert gate.fails(gate.judge({"a": 1.0}, {"a": 1.0, "not asked for": 1.0})) == []


def test_what_all_cases_record_is_all_that_is_recorded(tmp_path, monkeypatch):
    path, key = str(tmp_path / "x.json"), {"compiler": "gcc-12"}
    monkeypatch.setattr(gate, "BASELINES", str(tmp_path))
    gate.record(path, key, {"a": 1.0, "renamed": 1.0}, True)
    gate.record(path, key, {"a": 2.0}, False)
    assert gate.find(gate.read_baselines(path), key) == {"a": 2.0, "renamed": 1.0}
    gate.record(path, key, {"a": 3.0}, True)
    assert gate.find(gate.read_baselines(path), key) == {"a": 3.0}


GCC = "GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"


@pytest.mark.parametrize("comments,name", [
    ([GCC], "gcc-12.2.0"), ([GCC, "Debian clang version 14.0.6"], "clang-14.0.6"),
    (["GCC: (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0"], "gcc-11.4.0"),
    (["GCC: (GNU) 14.2.1 20240912 (Red Hat 14.2.1-3)"], "gcc-14.2.1"), (["who knows"], "unknown")])
def test_libc_s_own_compiler_is_not_taken_for_that_of_the_program(comments, name):
    dump = "\nString dump of section '.comment':\n" + "".join(
        "  [%6x]  %s\n" % (i * 27, text) for i, text in enumerate(comments))
    assert gate.compiler_of(dump) == name


def test_a_case_that_is_none_is_named_whatever_stands_beside_it():
    known = {"syslog": ["a", "b"], "trap": ["v3"]}
    assert gate.choose(known, []) == [("syslog", "a"), ("syslog", "b"), ("trap", "v3")]
    assert gate.choose(known, ["trap", "syslog/b"]) == [("syslog", "b"), ("trap", "v3")]
    with pytest.raises(SystemExit, match="no case trap/v4; there are syslog/a, "):
        gate.choose(known, ["syslog", "trap/v4"])


def test_a_baseline_is_found_by_all_of_its_key():
    baselines = [{"key": {"compiler": "gcc-12", "libc": "glibc-2.36"}, "instructions": {"a": 1.0}}]
    assert gate.find(baselines, {"compiler": "gcc-12", "libc": "glibc-2.36"}) == {"a": 1.0}
    assert gate.find(baselines, {"compiler": "gcc-12", "libc": "glibc-2.37"}) is None


# A function with a line of a header in it, which calls one of its own file and two of a library.
TEXT = """\
events: Ir

ob=(1) /bin/program
fl=(1) /src/a.c
fn=(1) outer
10 100
fi=(2) /src/b.h
3 20
fe=(1)
cfn=(2) inner
calls=5 30
11 50
cob=(2) /lib/libc.so
cfi=(3) memmove.S
cfn=(3) memmove
calls=2 0
12 40
+1 7

fn=(2)
30 50

ob=(2)
fl=(3)
fn=(3)
0 40

totals: 217
"""


def test_what_callgrind_wrote_is_read_with_files_and_calls(tmp_path):
    path = tmp_path / "out"
    path.write_text(TEXT)
    assert callgrind.total(str(path)) == 217
    own = [c for c in callgrind.read_costs(str(path)) if c.callee is None]
    assert sum(c.instructions for c in own) == 217
    assert [(c.function, c.file, c.instructions) for c in own] == [
        ("outer", "/src/a.c", 100), ("outer", "/src/b.h", 20), ("outer", "/src/a.c", 7),
        ("inner", "/src/a.c", 50), ("memmove", "memmove.S", 40)]
    calls = [c for c in callgrind.read_costs(str(path)) if c.callee is not None]
    assert [(c.callee, c.callee_object, c.instructions) for c in calls] == [
        ("inner", "/bin/program", 50), ("memmove", "/lib/libc.so", 40)]


# What a stage calls that belongs to none, and calls another stage: the harness of a stream does.
NESTED = """\
events: Ir
ob=(1) /bin/program
fl=(1) frame/framer.c
fn=(1) walk
1 10
cfi=(2) stages.c
cfn=(2) message
calls=1 5
2 100

fl=(2)
fn=(2)
5 20
cfi=(3) decode/gelf.c
cfn=(3) encode
calls=1 9
6 80

fl=(3)
fn=(3)
9 80
totals: 110
"""


def test_what_a_stage_calls_is_its_own_but_for_other_stages(tmp_path):
    path = tmp_path / "out"
    path.write_text(NESTED)
    costs = list(callgrind.attribute(callgrind.read_costs(str(path)), profile_stages.of_file))
    assert round(sum(n for s, n in costs if s == "frame")) == 30
    assert round(sum(n for s, n in costs if s == "encode")) == 80


def test_a_sample_belongs_to_the_innermost_stage():
    stack = [("memcpy", []), ("sr_buf_add", ["/common/include/sr/buf.h", "/x/syslog/decode/gelf.c"]),
             ("sr_syslog_datagram", ["/x/syslog/decode/datagram.c"]), ("deliver", ["/x/shell/udp.c"])]
    assert profile_stages.of_stack(stack) == "encode"
    assert profile_stages.of_stack(stack[2:]) == "decode"
    assert profile_stages.of_stack(stack[3:]) == "recv"
    assert profile_stages.of_stack([("do_nanosleep", [])] + stack[3:]) == "wait"
    assert profile_stages.of_thread("publish") == "publish"
