# SPDX-License-Identifier: Apache-2.0
"""--config given many times: the first file that exists is read."""

import json

import pytest

from lab import Daemon, Load, wait_for


def options(files):
    return [word for file in files for word in ("--config", file)]


@pytest.fixture
def files(lab):
    """Names of which none exists, in a folder of their own."""
    folder = lab.dir / "etc"
    folder.mkdir()
    return [folder / name for name in ("a.yaml", "b.json", "c.conf")]


def write(file, **config):
    file.write_text(json.dumps({"output": "discard", **config}))


@pytest.mark.parametrize("there,read,unread", [
    ([0], 0, []), ([2], 2, []), ([0, 1, 2], 0, [1, 2]), ([1, 2], 1, [2])])
def test_the_first_that_exists_is_read_and_the_others_are_named(lab, files, there, read, unread):
    for n in there:
        write(files[n], partition=f"p{n}")
    done = lab.run(*options(files), "--print-config")
    assert done.returncode == 0, done.stderr
    assert f"partition: p{read}\n" in done.stdout
    names = ", ".join(str(files[n]) for n in unread)
    assert done.stderr == (f"warning: {files[read]} is read, and these are not: {names}; "
                           "remove what is not meant\n" if unread else "")


@pytest.mark.parametrize("command", [["--check-config"], ["--print-config"], []])
def test_without_any_one_line_names_all_and_what_to_do(lab, files, command):
    done = lab.run(*options(files), *command)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"there is no configuration: none of these exists: {files[0]}, {files[1]}, {files[2]}; "
        "enrol the host with `serviceradar-cli enroll`, or write one of them: "
        "/usr/share/serviceradar/syslog.yaml has every key"]


def test_decode_chooses_alike(lab, files):
    empty = lab.dir / "empty.pcap"
    empty.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
    done = lab.run("decode", *options(files), empty)
    assert done.returncode == 2 and "there is no configuration" in done.stderr
    write(files[1], partition="a")
    write(files[2], nonsense=1)
    assert lab.run("decode", *options(files), empty).returncode == 0
    write(files[0], nonsense=1)
    done = lab.run("decode", *options(files), empty)
    assert done.returncode == 2 and f"{files[0]}:" in done.stderr


def test_what_is_wrong_with_the_first_is_not_passed_over(lab, files):
    files[0].mkdir()
    write(files[1])
    done = lab.run(*options(files), "--check-config")
    assert done.returncode == 2
    assert f"{files[0]}: cannot be read: Is a directory" in done.stderr


class Choosing(Daemon):
    """A daemon that is given many names."""

    choices = ()

    def argv(self):
        return [self.program, *options(self.choices)]


def test_a_reload_chooses_again_as_a_start_would(lab, files):
    out = lab.dir / "out"
    daemon = Choosing(lab, output="file", file={"path": str(out)})
    daemon.choices = [files[0], daemon.conf, files[1]]
    daemon.start()
    files[1].write_text("{}")
    daemon.hup()
    daemon.await_log("the configuration is reloaded")
    assert len(daemon.lines("another configuration goes before these",
                            f'file={daemon.conf} unread="{files[1]}"')) == 1
    files[0].write_text(json.dumps({**daemon.config, "partition": "other"}))
    daemon.hup()
    wait_for("the second reload", lambda: len(
        daemon.lines("the configuration is reloaded")) == 2)
    daemon.send(Load().lines(1))
    daemon.settled(1)
    assert json.loads(out.read_text())["_remote_addr"] == "other:127.0.0.1"
    for file in (files[0], daemon.conf, files[1]):
        file.unlink()
    daemon.hup()
    daemon.await_log("the configuration is not reloaded")
    assert daemon.lines("error", "there is no configuration: none of these exists")


# ---- Instances ----

def settings(lab, *words):
    done = lab.run(*words, "--print-config")
    assert done.returncode == 0, done.stderr
    lines = [line.strip().replace('"', "") for line in done.stdout.splitlines()]
    ports = [x for x in lines if x.startswith("listen: 127.0.0.1:")]
    return [x for x in lines if x.startswith("dir: ")], ports


def test_an_instance_has_a_queue_and_a_port_of_its_own(lab, files):
    folder = files[0].parent
    plain = settings(lab, "--set", "output=discard")
    seen = [plain]
    for name in ("a", "b-2"):
        file = folder / f"syslog@{name}.json"
        file.write_text("{}")
        found = settings(lab, *options([folder / f"syslog@{name}.yaml", file]))
        assert found[0] == [f"dir: /var/lib/serviceradar/syslog@{name}"]
        assert found == settings(lab, "--instance", name)
        seen.append(found)
    assert len({str(ports) for _, ports in seen}) == 3
    file.write_text('{"queue": {"dir": "/q"}, "metrics": {"listen": "127.0.0.1:7"}}')
    assert settings(lab, "--config", file) == (["dir: /q"], ["listen: 127.0.0.1:7"])
    other = folder / "trapd@a.json"
    other.write_text("{}")
    assert settings(lab, "--config", other) == plain


@pytest.mark.parametrize("name", ["", "-a", "a/b", "a.b", "a@b", "x" * 33])
def test_a_name_that_no_unit_can_have_is_refused(lab, name):
    done = lab.run("--instance", name, "--print-config")
    assert done.returncode == 2 and "--instance" in done.stderr


@pytest.mark.parametrize("name", ["a.b", "x" * 33, "", "-a", "a b"])
def test_a_file_whose_name_no_instance_can_have_is_refused(lab, files, name):
    file = files[0].parent / f"syslog@{name}.yaml"
    file.write_text("output: discard\n")
    done = lab.run("--config", file, "--check-config")
    assert done.returncode == 2 and f"{file}: no instance can be called so" in done.stderr
    done = lab.run("--config", file, "--instance", "a", "--check-config")
    assert done.returncode == 0, done.stderr
