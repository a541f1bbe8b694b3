# SPDX-License-Identifier: Apache-2.0
"""Bundles of a world that `serviceradar-provision dev` made, and a root to enrol in."""

import io
import json
import os
import socket
import subprocess
import tarfile
from pathlib import Path

from lab import free_port

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("SR_BIN", ROOT / "build-dev" / "bin"))
CLI = str(BIN / "serviceradar-cli")
STATE = "var/lib/serviceradar/enroll"

CREDS = "/etc/serviceradar/creds/nats.creds"
CERTS = "/etc/serviceradar/certs/"


def udp_port():
    return free_port(socket.SOCK_DGRAM)


def trapd_json(port, **keys):
    """As the platform generates it."""
    return json.dumps({
        "listen_addr": "127.0.0.1:11162", "nats_url": f"tls://localhost:{port}",
        "nats_domain": "edge", "stream_name": "events", "subject": "logs.snmp",
        "partition": "default", "nats_creds_file": CREDS,
        "nats_security": {"mode": "mtls", "cert_file": CERTS + "collector.pem",
                          "key_file": CERTS + "collector-key.pem",
                          "ca_file": CERTS + "ca-chain.pem"},
        "grpc_listen_addr": "0.0.0.0:50043", **keys})


def flowgger_toml(port, listen=None, more=""):
    """As the platform generates it."""
    return f"""[input]
type = "udp"
listen = "{listen or f'127.0.0.1:{udp_port()}'}"
format = "rfc3164"
rfc3164_timezone = "local"

[output]
type = "nats"
format = "gelf"
framing = "noop"
partition = "site-7"
nats_url = "tls://localhost:{port}"
nats_subject = "logs.syslog"
nats_stream = "events"
nats_tls_ca_file = "{CERTS}ca-chain.pem"
nats_tls_cert = "{CERTS}collector.pem"
nats_tls_key = "{CERTS}collector-key.pem"
nats_creds_file = "{CREDS}"
{more}
[grpc]
listen_addr = "127.0.0.1:50044"
mode = "mtls"
cert_dir = "/etc/serviceradar/certs"
cert_file = "{CERTS}collector.pem"
key_file = "{CERTS}collector-key.pem"
ca_file = "{CERTS}ca-chain.pem"
"""


def native(protocol, subject, port, **keys):
    return json.dumps({
        "listeners": [{"protocol": protocol, "listen": f"udp://127.0.0.1:{udp_port()}", "subject": subject}],
        "nats": {"url": [f"tls://localhost:{port}"], "creds_file": CREDS,
                 "tls": {"ca_file": CERTS + "ca-chain.pem", "cert_file": CERTS + "collector.pem",
                         "key_file": CERTS + "collector-key.pem"}}, **keys})


def files_of(world, role, config, name=None, user=None):
    """The files of a bundle for the first tenant, by their paths in it."""
    tenant = world.dir / "acme"
    return {
        "creds/nats.creds": (tenant / "creds" / f"{user or role}.creds").read_bytes(),
        "certs/collector.pem": (tenant / "tls" / "collector.pem").read_bytes(),
        "certs/collector-key.pem": (tenant / "tls" / "collector-key.pem").read_bytes(),
        "certs/ca-chain.pem": (world.dir / "tls" / "ca.pem").read_bytes(),
        f"config/{name or role + '.json'}": config.encode(),
    }


def write_bundle(path, files):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo("collector-package-0a1b2c3d/" + name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def cli(*args, **options):
    return subprocess.run([CLI, *map(str, args)], capture_output=True, timeout=60, check=False,
                          text=not isinstance(options.get("input"), bytes), **options)


def picture(root):
    """Everything beneath a root but the generations: modes, owners, contents."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if not name.startswith(STATE):
            st = path.stat()
            content = path.read_bytes() if path.is_file() else None
            found[name] = (st.st_mode, st.st_uid, st.st_gid, content)
    return found
