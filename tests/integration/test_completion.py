# SPDX-License-Identifier: Apache-2.0
"""The scripts of `completion`, run by the shells themselves, and `version`."""

import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import threading
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


# What is offered goes to $OUT, a line each; END comes after the last.
ZSH = r"""
PS1= fpath=("$FOLDER" $fpath)
autoload -U compinit
compinit -u -D
compadd() {
    local -a hits
    if [[ ${@[1,(i)(-|--)]} != *-[OAD]* ]]; then
        builtin compadd -O hits "$@"
        print -rl -- $hits >>$OUT
    fi
    builtin compadd "$@"
}
offer() {
    zle complete-word
    BUFFER=
    print -r END >>$OUT
}
zle -N offer
bindkey '^G' offer
print -r END >>$OUT
"""


def drain(terminal):
    """The shell waits when nobody reads what it draws."""
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:  # the other end is closed
        pass


def zsh_offers(folder, program, lines):
    """What zsh offers at the end of each line: typed into an interactive one, on a terminal."""
    (folder / f"_{program}").write_text(script(program, "zsh"))
    (folder / "setup").write_text(ZSH)
    out = folder / "out"
    os.mkfifo(out)
    terminal, end = pty.openpty()
    environment = {**os.environ, "FOLDER": str(folder), "OUT": str(out), "TERM": "dumb"}
    with open(os.open(out, os.O_RDWR), encoding="utf-8") as answers, subprocess.Popen(
            ["zsh", "-f", "-i"], stdin=end, stdout=end, stderr=end, env=environment, cwd=folder,
            start_new_session=True) as shell:
        os.close(end)
        reader = threading.Thread(target=drain, args=[terminal])
        reader.start()
        try:
            os.write(terminal, f"source {shlex.quote(str(folder))}/setup\n".encode())
            assert answers.readline() == "END\n"
            for line in lines:
                os.write(terminal, line.encode() + b"\a")
                yield [word for word in map(str.strip, iter(answers.readline, "END\n")) if word]
        finally:
            shell.kill()
            reader.join()
            os.close(terminal)


def fish_offers(folder, program, lines):
    """What fish offers at the end of each line."""
    (folder / "script.fish").write_text(script(program, "fish"))
    done = run("fish", "--no-config", "-c",
               "source script.fish; for line in $argv; complete -C $line; echo END; end", *lines,
               cwd=folder, env={**os.environ, "HOME": str(folder)})
    assert done.returncode == 0 and done.stderr == "", done.stderr
    for answer in done.stdout.split("END\n")[:-1]:
        yield [line.split("\t")[0] for line in answer.splitlines()]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_offer_what_bash_offers(program, shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    paths = list(leaves(program))
    groups = sorted({path[:i] for path in paths for i in range(len(path))})
    words = [(*g, "") for g in groups] + [(*p, "--") for p in paths]
    words += [(*g, n[:2]) for g in groups for n in commands(program, *g)]
    offers = zsh_offers if shell == "zsh" else fish_offers
    answers = list(offers(tmp_path, program, [" ".join([program, *w]) for w in words]))
    for line, offered in zip(words, answers, strict=True):
        assert sorted(set(offered)) == sorted(complete(program, *line)), line


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_offer_files_as_values(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    (tmp_path / "reader.creds").touch()
    offers = zsh_offers if shell == "zsh" else fish_offers
    lines = [f"serviceradar-cli {words}" for words in ("tail --creds read", "tail trapd --cou",
                                                       "bundle apply read")]
    value, option, word = offers(tmp_path, "serviceradar-cli", lines)
    assert (value, option, word) == (["reader.creds"], ["--count"], ["reader.creds"])


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
