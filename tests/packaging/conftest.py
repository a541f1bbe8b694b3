# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from lab import ROOT  # noqa: E402  (needs the path)
import services  # noqa: E402
import signing  # noqa: E402


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """The folder that packaging/build made: deb/, rpm/, sbom/. One build serves all tests of a run."""
    if os.environ.get("SR_PACKAGES"):
        return Path(os.environ["SR_PACKAGES"])
    folder = tmp_path_factory.mktemp("packages")
    subprocess.run([ROOT / "packaging/build", folder], check=True, timeout=900)
    return folder


@pytest.fixture(scope="session")
def installed(packages, tmp_path_factory):
    """A folder with what the Debian packages hold."""
    folder = tmp_path_factory.mktemp("installed")
    for package in (packages / "deb").glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True, timeout=60)
    # One folder on a host, where /usr is merged.
    shutil.copytree(folder / "lib", folder / "usr/lib", symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(folder / "lib")
    return folder


@pytest.fixture(scope="module")
def host(installed, tmp_path_factory):
    """A machine where the suite is installed and nothing is configured."""
    with services.host(tmp_path_factory.mktemp("host"), installed) as one:
        yield one


@pytest.fixture(scope="session")
def key(tmp_path_factory):
    """A key to sign repositories with."""
    return signing.Key(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="session")
def repository(packages, key, tmp_path_factory):
    """A repository of all packages, to be served or used as file://: suite `stable`, component `main`."""
    folder = tmp_path_factory.mktemp("repository")
    signing.build(folder, key, "--debs", packages / "deb", "--rpms", packages / "rpm")
    return folder
