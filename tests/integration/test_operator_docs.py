# SPDX-License-Identifier: Apache-2.0
"""The pages of docs/operators/ do what they say: their `sh` blocks run, one after the other, on a host of
their own. A page that stands on another one says so: `<!-- after: other.md -->`, as does one that another
test runs: `<!-- run by: tests/... -->`.

The last command of an `sh fails` block has to fail. The lines of an `output` block are said by the block
before it.
"""

import pathlib
import re
import shlex
import subprocess

import pytest

import sandbox
from lab import BIN, ROOT

FOLDER = ROOT / "docs" / "operators"
PAGES = sorted(page.name for page in FOLDER.glob("*.md"))
STANDIN = ROOT / "tests" / "integration" / "standin" / "systemctl"
LANGUAGES = {"sh", "sh fails", "output", "text"}

# What the pages take for granted: names that resolve, the packages' user, a broker's unit that may be
# started (scripts/setup masks it), and something that starts services: a stand-in for systemctl, in its
# place, for there is no systemd in the sandbox.
HOST = r"""
printf '127.0.0.1 localhost nats.example.com enrol.example.com leaf.example.com\n' > /etc/hosts
getent passwd serviceradar > /dev/null || useradd --system --no-create-home serviceradar
[ ! -L /etc/systemd/system/nats-server.service ] || rm /etc/systemd/system/nats-server.service
mkdir -p /run/systemd/system /run/standin
chmod 0755 /run/standin
printf '%s\n' "$PATH" > /run/standin/path
mount --bind "$STANDIN" /usr/bin/systemctl
"""


def blocks(name):
    """(line, language, text) of each fenced block of a page."""
    found, start, language, text = [], 0, "", []
    for number, line in enumerate((FOLDER / name).read_text().splitlines(), 1):
        if line.startswith("```"):
            if start:
                found.append((start, language, "\n".join(text)))
                start, text = 0, []
            else:
                start, language = number, line[3:].strip()
        elif start:
            text.append(line)
    assert not start, f"{name}: the block of line {start} has no end"
    return found


def session(name, seen=()):
    """The script of a page, with what it stands on before it."""
    assert name not in seen, f"{name} stands on itself"
    before = re.findall(r"<!-- after: (\S+) -->", (FOLDER / name).read_text())
    script = "".join(session(page, (*seen, name)) for page in before)
    for line, language, text in blocks(name):
        if language == "sh":
            script += f"echo '>>> {name}:{line}'\n{text}\n"
        elif language == "sh fails":
            script += f"echo '>>> {name}:{line}'\nif {{\n{text}\n}}; then exit 99; fi\n"
    return script


def missing(name, said):
    """Lines that the page shows and that were not said."""
    parts = dict(part.split("\n", 1) for part in said.split(">>> ")[1:] if "\n" in part)
    found, before = [], ""
    for line, language, text in blocks(name):
        if language.startswith("sh"):
            before = " ".join(parts.get(f"{name}:{line}", "").split())
        elif language == "output":
            found += [row for row in text.splitlines() if " ".join(row.split()) not in before]
    return found


@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_the_page_runs(name, tmp_path):
    elsewhere = re.search(r"<!-- run by: (\S+) -->", (FOLDER / name).read_text())
    if elsewhere:
        assert (ROOT / elsewhere[1]).exists()
        return
    script = session(name)
    if ">>>" not in script:
        pytest.skip("the page has no commands")
    if not pathlib.Path("/usr/bin/systemctl").exists():
        pytest.skip("there is no systemctl to stand in for")
    host = f"STANDIN={shlex.quote(str(STANDIN))}\n{HOST}"
    done = sandbox.run(host + "exec 2>&1\nset -o pipefail\ncd /root\n" + script, tmp_path, [BIN])
    place = re.findall(r">>> (\S+)", done.stdout)
    assert done.returncode == 0, f"{place[-1:]}: exit {done.returncode}\n{done.stdout[-5000:]}"
    assert not missing(name, done.stdout), done.stdout[-5000:]


@pytest.mark.parametrize("name", PAGES)
def test_no_block_of_the_page_is_of_an_unknown_kind(name):
    assert {language for _, language, _ in blocks(name)} <= LANGUAGES


@pytest.mark.parametrize("name", PAGES)
def test_every_command_that_the_page_names_exists(name):
    named = set(re.findall(r"(serviceradar-(?:cli|provision)) ([a-z][a-z-]*)",
                           (FOLDER / name).read_text()))
    for program, command in sorted(named):
        done = subprocess.run([BIN / program, command, "--help"], capture_output=True, timeout=20,
                              check=False)
        assert done.returncode == 0, f"{program} {command}"
