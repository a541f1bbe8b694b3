# SPDX-License-Identifier: Apache-2.0
"""The man pages and example configurations that a build makes, against what the programs take."""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from test_completion import commands

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("SR_BIN", ROOT / "build-dev" / "bin"))
MANUAL = BIN.parent / "docs" / "man"
COLLECTORS = ["trapd", "syslog", "netflow"]
TOOLS = {"serviceradar-cli": 1, "serviceradar-provision": 8}

pytestmark = pytest.mark.skipif(not MANUAL.is_dir(), reason="this build makes no man pages")


def run(*args, **options):
    return subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False, **options)


def collector(name, *args):
    done = run(BIN / f"serviceradar-{name}", *args)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def offered(program):
    """The words of each command to its options, as the commands themselves tell the shells."""
    script = run(BIN / program, "completion", "bash").stdout
    cases = re.findall(r"^ *'/([^']+)'\) names='([^']*)' options='([^']*)'", script, re.M)
    paths = {tuple(path.split("/")): set(options.split()) for path, _, options in cases}
    groups = {path[:-1] for path in paths}
    return {path: options for path, options in paths.items() if path not in groups}


@functools.cache
def helped(program):
    """The words of each command to its help."""
    done = run(BIN / program, "help", "--all")
    assert done.returncode == 0 and done.stderr == ""
    parts = re.split(r"^==== (.*?): .*\n", done.stdout, flags=re.M)
    return {tuple(title.split()[1:]): text for title, text in zip(parts[1::2], parts[2::2])}


def pages():
    return sorted(MANUAL.glob("**/serviceradar-*.[1-8]"))


def page(name):
    found = [p for p in pages() if p.name == name]
    assert len(found) == 1, f"{name}: {found}"
    return found[0].read_text()


def words_of(text):
    """Without what is markup of roff."""
    text = re.sub(r"\\f[BIR]|\\&|\\:", "", text)
    return " ".join(text.replace(r"\-", "-").replace(r"\e", "\\").split())


def words_of_lines(block):
    """The commands of an example, continued lines in one."""
    return [words_of(line) for line in re.sub(r"\\e\n", " ", block).splitlines()]


def sections_of(text):
    """Title to text of a page's .SH and .SS."""
    parts = re.split(r'^\.S[HS] "?(.*?)"?$', text, flags=re.M)
    return {words_of(title): body for title, body in zip(parts[1::2], parts[2::2])}


def tagged(text):
    """The tags of a page or section: options, words, keys."""
    return [words_of(tag) for tag in re.findall(r"^\.TP\n(.*)$", text, re.M)]


# ---- The configuration ----

def described(name):
    """Path, kind and help of each key of the schema."""
    lines = collector(name, "--describe-config").splitlines()
    return list(zip(lines[0::3], (x.strip() for x in lines[1::3]), (x.strip() for x in lines[2::3])))


def uncommented(text):
    return re.sub(r"^( *)#(?=[a-z])", r"\1", text, flags=re.M)


@pytest.mark.parametrize("name", COLLECTORS)
def test_the_page_of_a_configuration_has_every_key_of_the_schema(name):
    body = sections_of(page(f"serviceradar-{name}.yaml.5"))["KEYS"]
    told = {}
    for entry in body.split(".TP\n")[1:]:
        tag, text = entry.split("\n", 1)
        remark, _, kind = text.partition(".br\n")
        told[words_of(tag)] = (words_of(kind) or "section", words_of(remark))
    expected = {path: (kind, remark.replace("`", "")) for path, kind, remark in described(name)}
    assert told == expected and len(told) > 40


@pytest.mark.parametrize("name", COLLECTORS)
def test_every_key_of_the_sources_is_in_the_page(name):
    keys = {tag.split(".")[-1].removesuffix("[]")
            for tag in tagged(page(f"serviceradar-{name}.yaml.5"))}
    own = (ROOT / "collectors" / name / "conf.c").read_text()
    common = (ROOT / "common/include/sr/conf_common.h").read_text()
    for macro, text in re.findall(r"#define (SR_CONF_\w+_KEYS)\b(.*?[^\\]\n)\n", common, re.S):
        if macro not in ("SR_CONF_COMMON_KEYS", "SR_CONF_LISTENER_KEYS") and macro not in own:
            common = common.replace(text, "")  # what only others serve
    wanted = set(re.findall(r'\.name = "(\w+)"', common))
    tls = [ROOT / "common/shell/conf_tls.c"] if "SR_CONF_STREAM_KEYS" in own else []
    for file in [ROOT / "common/shell/conf_common.c", *tls, *(ROOT / "collectors" / name).glob("*.c")]:
        for table in re.findall(r"struct sr_conf_key \w+\[\] = \{.*?^\};", file.read_text(),
                                re.S | re.M):
            wanted |= set(re.findall(r'\.name = "(\w+)"', table))
    assert len(wanted) > 30
    assert wanted <= keys


@pytest.mark.parametrize("name", COLLECTORS)
@pytest.mark.parametrize("change", [lambda text: text, uncommented],
                         ids=["as_it_is", "with_every_line_uncommented"])
def test_the_example_is_valid_and_means_the_defaults(name, change, tmp_path):
    file = tmp_path / "example.yaml"
    file.write_text(change((MANUAL / f"{name}.yaml").read_text()))
    collector(name, "--config", file, "--check-config")
    assert collector(name, "--config", file, "--print-config") == collector(name, "--print-config")


@pytest.mark.parametrize("name", COLLECTORS)
def test_the_example_names_every_key_with_its_help_and_values(name):
    text = (MANUAL / f"{name}.yaml").read_text()
    flat = " ".join(re.sub(r"^[ #-]+", "", line) for line in text.splitlines())
    assert len(re.findall(r"^ *#[a-z_]+: ", text, re.M)) > 30
    assert max(map(len, text.splitlines())) <= 100
    for path, kind, remark in described(name):
        key = path.split(".")[-1].removesuffix("[]")
        kind = re.sub(r"; (default [^;]*|no default)", "", kind)
        kind = "" if kind == "section" else f"({kind}) "
        assert f"{remark} {kind}{key}:" in flat, path


@pytest.mark.parametrize("title, prefix", [("key of a listener", "listeners[]."),
                                           ("key at the top", "")])
def test_the_tables_of_docs_trapd_are_those_of_the_schema(title, prefix):
    """Its own keys: they exist, none is left out, those with * are reloaded."""
    schema = {path.removeprefix(prefix): kind for path, kind, _ in described("trapd")
              if path.startswith(prefix)}
    shared = {path.removeprefix(prefix) for path, _, _ in described("syslog")}
    text = (ROOT / "docs/trapd.md").read_text()
    table = text.split(f"| {title} | default | |\n")[1].split("\n\n")[0]
    named = set()
    for keys, default in re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", table, re.M):
        for key, star in re.findall(r"`([\w.]+)`(\*?)", keys):
            named.add(key.split(".")[0])
            kind = schema[key]
            assert kind == "section" or kind.endswith("; reload") == bool(star), key
            literal = re.fullmatch(r"`([^`]*)`", default)
            assert literal is None or f"; default {literal[1]};" in kind, key
    assert {key for key in schema if "." not in key} - shared <= named


# ---- Commands ----

@pytest.mark.parametrize("program", TOOLS)
def test_each_command_has_a_page_with_its_options(program):
    section = TOOLS[program]
    top = page(f"{program}.{section}")
    assert set(commands(program)) <= set(tagged(sections_of(top)["COMMANDS"]))
    assert {p.name for p in pages() if p.name.startswith(f"{program}-")} == {
        f"{program}-{name}.{section}" for name in commands(program)}
    assert len(offered(program)) >= 10
    for path, told in offered(program).items():
        text = page(f"{program}-{path[0]}.{section}")
        if len(path) > 1:
            text = sections_of(text)[" ".join([program, *path])]
        options = {o for tag in tagged(text) for o in re.findall(r"--[a-z][\w-]*", tag)}
        mentioned = set(re.findall(r"--[a-z][\w-]*", words_of(text)))
        explained = re.findall(r"^ {2,}(?:-\w, )?(--[a-z][\w-]*)", helped(program)[path], re.M)
        assert told - {"--help"} <= mentioned, path
        assert set(explained) <= options, path


@pytest.mark.parametrize("program", TOOLS)
def test_help_all_is_the_help_of_every_command(program):
    assert set(offered(program)) <= set(helped(program))
    for path, text in helped(program).items():
        assert text == run(BIN / program, *path, "--help").stdout


@pytest.mark.parametrize("name", COLLECTORS)
def test_the_page_of_a_collector_has_its_options_and_signals(name):
    text = page(f"serviceradar-{name}.8")
    explained = re.findall(r"--[a-z][\w-]*", collector(name, "--help"))
    options = {o for tag in tagged(sections_of(text)["OPTIONS"]) for o in
               re.findall(r"--[a-z][\w-]*", tag)}
    assert set(explained) == options and len(options) >= 10
    assert {"SIGHUP", "SIGTERM, SIGINT"} <= set(tagged(sections_of(text)["SIGNALS"]))
    assert tagged(sections_of(text)["EXIT STATUS"]) == ["0", "1", "2"]
    for name_of_an_instance in ("NAME@INSTANCE", "PROGRAM@NAME"):
        text = text.replace(name_of_an_instance, "")
    assert "@" not in text


@pytest.mark.parametrize("program", TOOLS)
def test_examples_have_commands_and_options_that_there_are(program):
    count = 0
    for file in pages():
        for block in re.findall(r"^\.nf\n(.*?)^\.fi", file.read_text(), re.S | re.M):
            for line in words_of_lines(block):
                if not line.startswith(f"{program} ") or line == f"{program} help --all":
                    continue
                words = line.split()[1:]
                told = offered(program).get(tuple(words[:2]), offered(program).get((words[0],)))
                assert told is not None, line
                assert {word for word in words if word.startswith("--")} <= told, line
                count += 1
    assert count > 15


# ---- All pages ----

def test_each_text_of_a_page_is_named_in_the_build():
    """One that is not would be used, but a change of it would not make the page anew."""
    build = (ROOT / "docs/man/CMakeLists.txt").read_text()
    texts = [f.name for f in (ROOT / "docs/man").glob("*.[1-8]")]
    assert len(texts) > 20 and all(name in build for name in texts)
    assert {name for name in texts if not name.startswith("collector.")} <= {
        p.name for p in pages()}


def test_pages_refer_to_pages_that_there_are():
    names = {p.name for p in pages()}
    for file in pages():
        for name, section in re.findall(r"(serviceradar-[\w.-]+)\((\d)\)",
                                        words_of(file.read_text())):
            assert f"{name}.{section}" in names, f"{file.name} refers to {name}({section})"


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="needs mandoc")
def test_mandoc_has_nothing_to_say_of_the_pages():
    done = run("mandoc", "-T", "lint", *pages())
    assert done.stdout == "" and done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
@pytest.mark.parametrize("device", ["utf8", "ascii"])
def test_groff_has_nothing_to_say_of_the_pages(device):
    assert len(pages()) > 30
    for file in pages():
        done = run("groff", "-ww", "-man", "-T", device, "-P", "-c", file)
        assert done.stderr == "" and done.returncode == 0, file.name
        assert words_of(file.read_text().split(".SH NAME\n")[1].split(" ")[0]) in done.stdout


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake")
def test_an_installation_has_pages_examples_and_completions_in_their_places(tmp_path):
    done = run("cmake", "--install", BIN.parent, "--prefix", tmp_path)
    assert done.returncode == 0, done.stderr
    man = tmp_path / "share" / "man"
    assert {f.name for f in man.glob("man*/*")} == {p.name for p in pages()}
    assert all(f.name.endswith(f".{f.parent.name[3:]}") for f in man.glob("man*/*"))
    for name in COLLECTORS:
        example = tmp_path / "share" / "serviceradar" / f"{name}.yaml"
        assert example.read_text() == collector(name, "--example-config")
    for program in TOOLS:
        for shell, place in [("bash", f"bash-completion/completions/{program}"),
                             ("zsh", f"zsh/vendor-completions/_{program}"),
                             ("fish", f"fish/vendor_completions.d/{program}.fish")]:
            told = run(BIN / program, "completion", shell).stdout
            assert (tmp_path / "share" / place).read_text() == told
