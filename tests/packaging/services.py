# SPDX-License-Identifier: Apache-2.0
"""A machine with the suite installed, a NATS server in it, and collectors that publish there."""

import contextlib
import json
import re
import socket
import threading

import container
from lab import Client, wait_for

PORTS = {"trapd": 162, "syslog": 514, "netflow": 2055}
METRICS = {"trapd": 9620, "syslog": 9621, "netflow": 9622}
WORLD = "/srv/world"


ISSUER = "serviceradar-provision.service"
NO_CAPABILITY, NET_BIND_SERVICE = "0000000000000000", "0000000000000400"


class Host:
    """A machine for the suite, which is not configured; `box` is the container."""

    def __init__(self, box):
        self.box = box

    def start_broker(self):
        """A NATS server with the tenant `acme`, whose streams take what collectors publish."""
        self.box.run("serviceradar-provision", "dev", "--dir", WORLD, "--tenant", "acme")
        # Services may not see /root and /srv belongs to root alone: they get copies of their files.
        self.box.sh(f"""
            install -d -g serviceradar -m 0750 /etc/serviceradar/creds /etc/serviceradar/certs
            cd {WORLD}
            install -g serviceradar -m 0640 acme/creds/*.creds /etc/serviceradar/creds
            install -g serviceradar -m 0640 tls/ca.pem acme/tls/collector*.pem /etc/serviceradar/certs
        """)
        self.start_nats(f"{WORLD}/nats-server.conf")

    def start_nats(self, config):
        """Starts the NATS server of the machine's Debian, as the unit `nats`."""
        self.box.write("/run/systemd/system/nats.service",
                       f"[Service]\nExecStart=/usr/sbin/nats-server -c {config}\n")
        self.box.run("systemctl", "daemon-reload")
        self.box.run("systemctl", "start", "nats")
        self.await_port(4222)

    def start_issuer(self):
        """An operator that root made, and the service that answers."""
        self.box.run("serviceradar-provision", "operator", "init", "--name", "test", "--server",
                     "tls://localhost:4222", "--api", "https://localhost:8443")
        self.start(ISSUER)

    def start_issued_broker(self):
        """A NATS server as the issuer set it up, with the tenant `acme`, whose keys are trusted here."""
        self.box.run("serviceradar-provision", "nats-config", "--out", "/etc/nats", "--store-dir",
                     "/var/lib/nats")
        self.start_nats("/etc/nats/nats-server.conf")
        self.box.sh("""
            serviceradar-provision account create acme
            serviceradar-provision stream ensure acme
            serviceradar-provision token key > /etc/serviceradar/trust.d/issuer.pub""")

    def enroll(self, name, **overrides):
        """Enrolls a collector of `acme` by a token; its identifier is in /root/NAME."""
        self.box.write("/root/overrides", json.dumps(overrides))
        made = json.loads(self.box.sh(f"""
            serviceradar-provision collector create --account acme --type {name} --hostname edge \
                --overrides /root/overrides > /root/{name}
            serviceradar-provision token create "$(cat /root/{name})" --json"""))
        self.box.write("/root/token", made["token"], 0o600)
        self.box.run("serviceradar-cli", "enroll", "--token-file", "/root/token")

    def await_port(self, port):
        def answers():
            with self.box.network(), socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        wait_for(f"somebody listens on port {port}", answers)

    def client(self):
        """A NATS client that may read the streams; `with` closes it."""
        folder = self.box.path(WORLD)
        tls = folder / "acme" / "tls"
        with self.box.network():
            return Client(4222, folder / "acme/creds/platform.creds", folder / "tls/ca.pem",
                          tls / "platform.pem", tls / "platform-key.pem")

    def stored(self, stream="events"):
        with self.client() as client:
            return client.messages(stream)

    def configure(self, name, listen, creds=None, file=None, **more):
        """Writes the configuration of a collector, as an administrator without `enroll` does."""
        nats = {"url": ["tls://localhost:4222"],
                "creds_file": creds or f"/etc/serviceradar/creds/{name}.creds",
                "tls": {"ca_file": "/etc/serviceradar/certs/ca.pem",
                        "cert_file": "/etc/serviceradar/certs/collector.pem",
                        "key_file": "/etc/serviceradar/certs/collector-key.pem"}}
        config = {"listeners": [{"listen": one} for one in listen], "nats": nats, **more}
        self.box.write(file or f"/etc/serviceradar/{name}.yaml", json.dumps(config) + "\n", 0o640,
                       "root:serviceradar")

    def start(self, unit):
        self.box.run("systemctl", "start", unit, check=False)
        assert self.state(unit) == "active", self.box.journal(unit)
        return self.pid(unit)

    def state(self, unit):
        return self.box.show(unit, "ActiveState")

    def pid(self, unit):
        return int(self.box.show(unit, "MainPID"))

    def check_rights(self, unit, capabilities):
        """The service runs as its user with these capabilities and no way to others."""
        status = self.status(unit)
        uid, gid = (self.box.sh(f"id -{what} serviceradar").strip() for what in "ug")
        assert set(status["Uid"].split()) == {uid} and set(status["Gid"].split()) == {gid}
        assert status["Groups"].split() in ([], [gid])
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert status[kind] == capabilities, kind
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"

    def status(self, unit):
        """/proc/PID/status of a service as a dictionary."""
        text = self.box.run("cat", f"/proc/{self.pid(unit)}/status").stdout
        return dict(row.split(":\t", 1) for row in text.splitlines() if ":\t" in row)

    def ledger(self, port, listener=0):
        with self.box.network():
            s = socket.create_connection(("127.0.0.1", port), 10)
        with s:
            s.sendall(b"GET /ledger HTTP/1.0\r\n\r\n")
            answer = s.makefile("rb").read().split(b"\r\n\r\n", 1)[1]
        return json.loads(answer)["listeners"][listener]

    def sender(self, family=socket.AF_INET):
        with self.box.network():
            return socket.socket(family, socket.SOCK_DGRAM)

    def send(self, port, *datagrams, to="127.0.0.1"):
        with self.sender(socket.AF_INET6 if ":" in to else socket.AF_INET) as s:
            for datagram in datagrams:
                s.sendto(datagram, (to, port))


    def connect(self, port, *lines):
        """Sends lines by a TCP connection, which is closed then."""
        with self.box.network():
            s = socket.create_connection(("127.0.0.1", port), 10)
        with s:
            s.sendall(b"".join(one + b"\n" for one in lines))


class Stream:
    """Sends numbered datagrams, lines unless `make` makes others, one each millisecond, until stop()."""

    def __init__(self, host, port, make=None):
        self.sent, self.ending = 0, threading.Event()
        self.socket, self.port, self.make = host.sender(), port, make or line
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.ending.wait(0.001):
            self.socket.sendto(self.make(self.sent), ("127.0.0.1", self.port))
            self.sent += 1

    def stop(self):
        self.ending.set()
        self.thread.join()
        self.socket.close()
        return self.sent


def line(number, tag="n"):
    return f"<13>Nov 23 01:02:03 edge app: {tag}={number}.".encode()


def numbers(messages, tag="n"):
    """What numbers of line() the messages hold, in order."""
    found = (re.search(rf"\b{tag}=(\d+)\.".encode(), m.body) for m in messages)
    return [int(one[1]) for one in found if one]


def base():
    """The root of a machine that runs the suite beside a NATS server."""
    return container.root(*container.LIBRARIES, "nats-server", "python3")


@contextlib.contextmanager
def host(place, installed):
    """A machine where the suite is installed without packages."""
    with container.boot(place, base()) as box:
        box.copy(installed, "/")
        box.run("systemd-sysusers")
        box.run("systemd-tmpfiles", "--create")
        box.run("systemctl", "daemon-reload")
        box.sh("cd /usr/lib/systemd/system; systemctl preset serviceradar-*")
        yield Host(box)
