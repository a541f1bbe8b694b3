# SPDX-License-Identifier: Apache-2.0
"""The output to a file through rotations and errors."""

import signal

from lab import Load, wait_for


def test_a_file_that_could_not_be_opened_again_is_when_its_path_is_mended(lab):
    folder, aside = lab.dir / "out", lab.dir / "aside"
    folder.mkdir()
    daemon = lab.daemon(output="file", file={"path": str(folder / "records")})
    load = Load()
    daemon.send(load.lines(10))
    daemon.settled(10)
    folder.rename(aside)
    daemon.send_signal(signal.SIGHUP)
    daemon.await_log("cannot write")
    daemon.send(load.lines(10))
    daemon.await_received(20)
    folder.mkdir()
    daemon.settled(20)
    assert len((folder / "records").read_bytes().splitlines()) == 10


def test_a_rotation_while_nothing_can_be_written_reaches_both_files(lab):
    path, dead = lab.dir / "records", lab.dir / "records.deadletter"
    path.symlink_to("/dev/full")
    daemon = lab.daemon(output="file", file={"path": str(path)})
    load = Load()
    daemon.send(load.lines(10))
    daemon.await_log("No space left")
    path.unlink()
    dead.rename(lab.dir / "dead.1")
    daemon.send_signal(signal.SIGHUP)
    daemon.settled(10)
    daemon.send([b""])
    daemon.settled(11)
    wait_for("the dead letter is in the new file", lambda: dead.exists() and dead.read_bytes())
    assert (lab.dir / "dead.1").read_bytes() == b""
