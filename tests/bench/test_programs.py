# SPDX-License-Identifier: Apache-2.0
"""What the measurements say when they cannot measure: the reason and what to do, and no traceback."""

import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = ["capacity", "compare", "profile", "reliability", "run", "soak", "syslog_bars"]
NEEDED = {"run": ["idle"], "reliability": ["modes"]}


def run(name, *words, **variables):
    """Ends it as a user would when it goes on: then it stops what it started."""
    ran = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, name), *NEEDED.get(name, []), *words],
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
    refused(run(name, "--dir", "/no such folder"), "there is no folder /no such folder")


@pytest.mark.parametrize("name,option", [
    ("capacity", "--rounds"), ("compare", "--rounds"), ("profile", "--rate"), ("profile", "--seconds"),
    ("reliability", "--rounds"), ("run", "--rounds"), ("soak", "--minutes"), ("soak", "--rate"),
    ("syslog_bars", "--rounds"), ("syslog_bars", "--messages")])
@pytest.mark.parametrize("value", ["0", "-5", "nan", "many"])
def test_what_must_be_positive_is_refused_when_it_is_not(name, option, value):
    refused(run(name, "%s=%s" % (option, value)), "argument %s: %s is not a number above 0" % (option, value))


def test_half_a_run_is_refused():
    refused(run("compare", "--rounds", "2.5"), "argument --rounds: 2.5 is not a whole number")


@pytest.mark.parametrize("name", ["capacity", "compare", "reliability", "run", "syslog_bars"])
def test_what_is_not_built_is_named_with_its_target(name, tmp_path):
    ran = run(name, SR_BUILD=str(tmp_path))
    assert ran.returncode == 1 and "not built" in ran.stderr and "--target bench" in ran.stderr
    assert "Traceback" not in ran.stderr
