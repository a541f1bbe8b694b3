# SPDX-License-Identifier: Apache-2.0
"""Whoever builds the same commit on the same system gets the same bytes."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from lab import ROOT

# Both say when and where a build was, which is what they are for.
OF_THE_BUILD = (".buildinfo", ".changes")


def published(folder):
    return {str(path.relative_to(folder)): path for room in ("source", "deb", "rpm", "sbom")
            for path in sorted((folder / room).rglob("*"))
            if path.is_file() and path.suffix not in OF_THE_BUILD}


@pytest.fixture(scope="module")
def elsewhere():
    """A clone at another path and another temporary folder, where there is a choice on another file
    system: one whose folders list files in another order."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="another-build-", dir=place) as folder:
        folder = Path(folder)
        for name in ("temporary", "home"):
            (folder / name).mkdir()
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, folder / "sources"], check=True,
                       timeout=60)
        yield folder


@pytest.fixture(scope="module")
def again(elsewhere):
    """A second build, in which everything is different that must not matter."""
    env = {
        "PATH": os.environ["PATH"], "HOME": str(elsewhere / "home"), "TMPDIR": str(elsewhere / "temporary"),
        "TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "LANG": "de_DE.UTF-8", "USER": "somebody",
        # What nproc and rpm take for the number of processors.
        "OMP_NUM_THREADS": "3", "RPM_BUILD_NCPUS": "3",
    }
    build = 'umask 077; exec packaging/build "$1"'
    command = ["bash", "-c", build, "bash", elsewhere / "out"]
    if os.geteuid() == 0 and shutil.which("unshare"):
        command[2] = "hostname another-host; " + build
        command = ["unshare", "--uts", *command]
    done = subprocess.run(command, cwd=elsewhere / "sources", env=env, timeout=840, text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-5000:]
    return elsewhere / "out"


def test_a_second_build_of_the_commit_makes_the_same_bytes(packages, again):
    first, second = published(packages), published(again)
    assert len([name for name in first if name.endswith((".deb", ".rpm"))]) >= 12
    assert sorted(first) == sorted(second)
    different = [name for name in first if first[name].read_bytes() != second[name].read_bytes()]
    for name in different[:2]:
        subprocess.run(["diffoscope", "--max-report-size", "20000", "--text", "-", first[name], second[name]],
                       timeout=120, check=False)
    assert different == []
