# SPDX-License-Identifier: Apache-2.0
"""The units as they are installed: systemd takes them, and what they expose stays below a bound."""

import re
import shutil
import subprocess

import pytest

from lab import BIN, ROOT

COLLECTORS = ("trapd", "syslog", "netflow")
# systemd-analyze's scale, times ten; docs/operators/services.md says what the figures are.
BOUNDS = {**{f"serviceradar-{name}.service": 12 for name in COLLECTORS},
          **{f"serviceradar-{name}@site.service": 16 for name in COLLECTORS},
          "serviceradar-provision.service": 12, "serviceradar-renew.service": 22}


@pytest.fixture(scope="module")
def units(installed, tmp_path_factory):
    """Copies of the units that name the programs where this build has them."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    folder = tmp_path_factory.mktemp("units")
    for unit in (installed / "usr/lib/systemd/system").iterdir():
        text = re.sub(r"/usr/s?bin/(?=serviceradar-)", f"{BIN}/", unit.read_text())
        # The instance of a socket is its port.
        instance = "@6514." if "-stream@" in unit.name else "@site."
        (folder / unit.name.replace("@.", instance)).write_text(text)
    return folder


def values(unit, key):
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.M)


def test_systemd_has_nothing_to_say_about_any_unit(units):
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *sorted(units.iterdir())],
                          capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("unit", BOUNDS)
def test_a_service_exposes_no_more_than_its_bound(units, unit):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           f"--threshold={BOUNDS[unit]}", units / unit],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_every_service_has_a_bound(units):
    assert {unit.name for unit in units.glob("*.service")} == set(BOUNDS)


@pytest.mark.parametrize("name", COLLECTORS)
def test_a_service_and_its_socket_wait_for_the_files_that_are_read(units, name):
    service, socket = (units / f"serviceradar-{name}.{kind}" for kind in ("service", "socket"))
    read = re.findall(r"--config (\S+)", service.read_text())
    conditions = ["|" + file for file in read]
    assert read
    assert values(service, "ConditionPathExists") == conditions
    assert values(socket, "ConditionPathExists") == conditions


def test_the_preset_decides_about_every_unit_that_can_be_enabled(installed):
    # Of the rpms; on Debian the helper decides, see test_deb_install.py.
    presets = ROOT / "packaging/common/presets/90-serviceradar.preset"
    decided = re.findall(r"^(?:enable|disable) (\S+)$", presets.read_text(), re.M)
    folder = installed / "usr/lib/systemd/system"
    assert sorted(decided) == sorted(
        unit.name for unit in folder.iterdir() if "[Install]" in unit.read_text())
