# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

import services  # noqa: E402  (needs the path)
from lab import BIN  # noqa: E402


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A folder with what `cmake --install` makes of this build, as packages have it."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(["cmake", "--install", BIN.parent], check=True, timeout=60, capture_output=True,
                   env={**os.environ, "DESTDIR": str(folder)})
    return folder


@pytest.fixture(scope="module")
def host(installed, tmp_path_factory):
    """A machine where the suite is installed and nothing is configured."""
    with services.host(tmp_path_factory.mktemp("host"), installed) as one:
        yield one
