# SPDX-License-Identifier: Apache-2.0
"""Packages laid out as ServiceRadar's own before 1.3, with the same faults: programs in /usr/local/bin, a
configuration in /etc that is a conffile, and both given to the service's user."""

import subprocess

VERSION = "1.2.27"

CONTROL = """Package: {name}
Version: {version}
Architecture: all
Maintainer: ServiceRadar <support@example.com>
Depends: systemd | systemd-standalone-sysusers{depends}
Description: stand-in for a package of ServiceRadar
"""

# It takes its port, as the real one does; nothing else of what it receives matters here.
PROGRAM = """#!/usr/bin/python3
import signal, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", {port}))
signal.pause()
"""

UNIT = """[Unit]
Description={name}
After=network-online.target

[Service]
Type=simple
User=serviceradar
Group=serviceradar
ExecStart=/usr/local/bin/{name} --config /etc/serviceradar/{config}
Restart=always
RestartSec=10
LimitNOFILE=800000
AmbientCapabilities=CAP_NET_BIND_SERVICE
ExecStop=/bin/kill -SIGINT $MAINPID

[Install]
WantedBy=multi-user.target
"""

POSTINST = """#!/bin/bash
set -e
if ! id -u serviceradar >/dev/null 2>&1; then
    useradd --system --no-create-home --shell /usr/sbin/nologin serviceradar
fi
mkdir -p /var/log/serviceradar
chown serviceradar:serviceradar /var/log/serviceradar /etc/serviceradar
chown serviceradar:serviceradar /usr/local/bin/{name} /etc/serviceradar/{config}
chmod 755 /usr/local/bin/{name}
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable {name}
    systemctl start {name}
fi
"""

PRERM = """#!/bin/bash
set -e
if [ -d /run/systemd/system ]; then
    systemctl stop {name} || true
    systemctl disable {name} || true
fi
"""


def build(folder, name, config, text, port, depends=""):
    """Makes the package `name` in the folder and returns its file. Its configuration is `text`."""
    tree = folder / name
    names = {"name": name, "config": config, "version": VERSION, "port": port,
             "depends": f", {depends}" if depends else ""}
    files = {
        "DEBIAN/control": (CONTROL, 0o644),
        "DEBIAN/conffiles": ("/etc/serviceradar/{config}\n", 0o644),
        "DEBIAN/postinst": (POSTINST, 0o755),
        "DEBIAN/prerm": (PRERM, 0o755),
        f"usr/local/bin/{name}": (PROGRAM, 0o755),
        f"lib/systemd/system/{name}.service": (UNIT, 0o644),
    }
    for path, (form, mode) in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(form.format(**names))
        (tree / path).chmod(mode)
    (tree / "etc/serviceradar").mkdir(parents=True)
    (tree / "etc/serviceradar" / config).write_text(text)
    file = folder / f"{name}_{VERSION}_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, file], check=True,
                   capture_output=True, timeout=60)
    return file
