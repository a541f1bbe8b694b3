# SPDX-License-Identifier: Apache-2.0
"""Packages laid out as those of ServiceRadar before 1.3: the same places and the same kind of
scriptlets.

Scriptlets of its rpms are those of its debs: they enable and start always, and stop and disable
whenever a version leaves, also for the next one.
"""

import subprocess

SPEC = """
Name: {name}
Version: 1.2.27
Release: 1
Summary: Stand-in for a package of ServiceRadar
License: Proprietary
BuildArch: noarch
%description
It stands in for one.
%install
cd %{{buildroot}}
mkdir -p usr/local/bin etc/serviceradar lib/systemd/system
echo program >usr/local/bin/{name}
echo packaged >etc/serviceradar/{config}
echo '[Service]' >lib/systemd/system/{name}.service
%pre
getent passwd serviceradar >/dev/null ||
    useradd --system --no-create-home --shell /usr/sbin/nologin serviceradar
%post
systemctl daemon-reload
systemctl enable {name}
systemctl start {name}
%preun
systemctl stop {name}
systemctl disable {name}
%files
%attr(0755,serviceradar,serviceradar) /usr/local/bin/{name}
%config(noreplace) %attr(0644,serviceradar,serviceradar) /etc/serviceradar/{config}
/lib/systemd/system/{name}.service
"""


def build(folder, name, config):
    """Makes serviceradar-NAME 1.2.27 in the folder and returns its path."""
    spec = folder / f"{name}.spec"
    spec.write_text(SPEC.format(name=name, config=config))
    subprocess.run(["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {folder}", spec],
                   check=True, capture_output=True, timeout=60)
    return folder / "RPMS" / "noarch" / f"{name}-1.2.27-1.noarch.rpm"
