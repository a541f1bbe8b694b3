# SPDX-License-Identifier: Apache-2.0
"""Built packages of Debian: what is in them, and the same as a later version."""

import io
import shutil
import subprocess
import tarfile

import pytest

NAMES = ("serviceradar-cli", "serviceradar-collector-common", "serviceradar-netflow",
         "serviceradar-provision", "serviceradar-syslog", "serviceradar-trapd")
COLLECTORS = ("trapd", "syslog", "netflow")
LATER = "1.3.0-99"


def find(packages, name):
    """The one file of the package in the folder of the build."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("needs dpkg-deb")
    found = list((packages / "deb").glob(f"{name}_*.deb"))
    assert len(found) == 1, found
    return found[0]


def field(file, name):
    return subprocess.run(["dpkg-deb", "-f", file, name], check=True, capture_output=True, text=True,
                          timeout=30).stdout.strip()


def members(file):
    """What is in a package, folders left out: {path: TarInfo}."""
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", file], check=True, capture_output=True,
                         timeout=30).stdout
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return {one.name[1:]: one for one in opened if not one.isdir()}


def unpack(file, folder):
    subprocess.run(["dpkg-deb", "-x", file, folder], check=True, timeout=30)
    return folder


def control(file, folder):
    """The folder with the package's scripts."""
    subprocess.run(["dpkg-deb", "-e", file, folder], check=True, timeout=30)
    return folder


def later(file, folder):
    """The same package as version LATER, for upgrades."""
    tree = folder / file.stem
    subprocess.run(["dpkg-deb", "-R", file, tree], check=True, timeout=30)
    about = tree / "DEBIAN" / "control"
    version = field(file, "Version")
    about.write_text(about.read_text().replace(f"Version: {version}\n", f"Version: {LATER}\n"))
    new = folder / f"{file.name.split('_')[0]}_{LATER}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, new], check=True,
                   capture_output=True, timeout=60)
    shutil.rmtree(tree)
    return new
