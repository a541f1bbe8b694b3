# SPDX-License-Identifier: Apache-2.0
"""The scripts of `completion`, run by the shells themselves, and `version`."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("SR_BIN", ROOT / "build-dev" / "bin"))
PROGRAMS = ["serviceradar-cli", "serviceradar-provision"]
SHELLS = ["bash", "zsh", "fish"]


def run(*args, **options):
    return subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL, check=False, **options)


def script(program, shell="bash"):
    done = run(BIN / program, "completion", shell)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


def complete(program, *words):
    """What bash offers for the last of the words."""
    line = [program, *words]
    text = script(program) + f"""
COMP_WORDS=({" ".join(f"'{w}'" for w in line)})
COMP_CWORD={len(words)}
_{program.replace("-", "_")}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = run("bash", "--norc", "-c", text)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.split()


def commands(program, *path):
    """The commands that --help lists."""
    done = run(BIN / program, *path, "--help")
    assert done.returncode == 0, done.stderr
    return re.findall(r"^  (\w[\w-]*) +\S", done.stdout, re.M) if "COMMAND" in done.stdout else []


def leaves(program, *path):
    """The words of all commands that are no groups."""
    for name in commands(program, *path):
        below = list(leaves(program, *path, name))
        yield from below or [(*path, name)]


@pytest.mark.parametrize("program", PROGRAMS)
def test_bash_offers_every_command(program):
    assert sorted(complete(program, "")) == sorted(commands(program))
    for name in commands(program):
        assert name in complete(program, name[:2])
        below = commands(program, name)
        if below:
            assert sorted(complete(program, name, "")) == sorted(below)


@pytest.mark.parametrize("program", PROGRAMS)
def test_bash_offers_the_options_that_each_commands_help_explains(program):
    for path in leaves(program):
        done = run(BIN / program, *path, "--help")
        assert done.returncode == 0 and done.stdout, path
        explained = set(re.findall(r"^ {2,}(?:-\w, )?--([a-z][\w-]*)", done.stdout, re.M))
        offered = {o[2:] for o in complete(program, *path, "--")}
        assert "help" in offered, f"{path} does not call command_option()"
        assert explained <= offered, path
        assert offered - {"help"} <= set(re.findall(r"--([a-z][\w-]*)", done.stdout)), path


def test_every_option_of_the_sources_is_offered_by_one_of_the_programs():
    """The tables that commands give to getopt_long(), read from their text."""
    offered = set()
    for program in PROGRAMS:
        offered |= set(re.findall(r"--([a-z][\w-]*)", script(program)))
    for file in sorted((ROOT / "cli").rglob("*.c")):
        text = file.read_text()
        known = re.findall(r'\{ "([a-z][\w-]*)", (?:required|no|optional)_argument', text)
        assert set(known) <= offered, file.name
        assert file.name == "command.c" or "getopt_long(argc" not in text, (
            f"{file.name}: command_option() reads options and tells them too")


def test_options_with_values_and_words_of_commands():
    cli = "serviceradar-cli"
    assert complete(cli, "tail", "") == ["netflow", "syslog", "trapd"]
    assert complete(cli, "tail", "tr") == ["trapd"]
    assert complete(cli, "tail", "trapd", "--cou") == ["--count"]
    assert complete(cli, "tail", "--creds", "") == []  # readline has the names of files
    assert complete(cli, "mib", "c") == ["compile"]
    assert complete(cli, "completion", "") == SHELLS
    assert complete(cli, "no-such", "--he") == ["--help"]
    assert complete(cli, "--v") == ["--version"]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_reads_its_script(program, shell):
    text = script(program, shell)
    for path in leaves(program):
        assert path[-1] in text
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    done = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True, timeout=30,
                          check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_what_is_no_shell_is_refused():
    done = run(BIN / PROGRAMS[0], "completion", "fisch")
    assert done.returncode == 2 and '"fish"' in done.stderr
    assert run(BIN / PROGRAMS[0], "completion").returncode == 2
    assert run(BIN / PROGRAMS[0], "completion", "bash", "more").returncode == 2


@pytest.mark.parametrize("program", PROGRAMS)
def test_version_tells_program_libraries_and_collectors(program):
    one = run(BIN / program, "--version").stdout.split()[1]
    done = run(BIN / program, "version", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["program"], told["version"]) == (program, one)
    assert {"jansson", "nats", "openssl"} <= set(told["libraries"])
    assert all(re.search(r"\d+\.\d+", v) for v in told["libraries"].values())
    assert told["collectors"] == {f"serviceradar-{n}": one for n in ("trapd", "syslog", "netflow")}
    text = run(BIN / program, "version").stdout
    assert text.startswith(f"{program} {one}\n") and told["libraries"]["nats"] in text
    assert run(BIN / program, "version", "x").returncode == 2


def test_version_says_when_a_collector_is_not_there_or_another(tmp_path):
    shutil.copy(BIN / PROGRAMS[0], tmp_path)
    other = tmp_path / "serviceradar-trapd"
    other.write_text("#!/bin/sh\necho serviceradar-trapd 0.9\n")
    other.chmod(0o755)
    program = tmp_path / PROGRAMS[0]
    assert json.loads(run(program, "version", "--json").stdout)["collectors"] == {
        "serviceradar-trapd": "0.9"}
    text = run(program, "version").stdout
    assert "0.9  (another version)" in text and text.count("not installed") == 2
