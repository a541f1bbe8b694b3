# SPDX-License-Identifier: Apache-2.0
"""A machine with the suite installed, a NATS server in it, and collectors that publish there."""

import contextlib
import json
import re
import shutil
import socket
import threading

import pytest

import container
from lab import Client, wait_for

PORTS = {"trapd": 162, "syslog": 514, "netflow": 2055}
METRICS = {"trapd": 9620, "syslog": 9621, "netflow": 9622}
WORLD = "/srv/world"


class Host:
    """A machine where the suite is installed and not configured; `box` is the container."""

    def __init__(self, box, installed):
        self.box = box
        box.copy(installed, "/")
        box.run("systemd-sysusers")
        box.run("systemd-tmpfiles", "--create")
        box.run("systemctl", "daemon-reload")
        box.sh("cd /usr/lib/systemd/system; systemctl preset serviceradar-*")

    def start_broker(self):
        """A NATS server with the tenant `acme`, whose streams take what collectors publish."""
        broker = shutil.which("nats-server", path="/usr/sbin:/usr/local/bin:/usr/bin")
        if broker is None:
            pytest.skip("needs nats-server")
        self.box.copy(broker, "/usr/sbin")
        self.box.run("serviceradar-provision", "dev", "--dir", WORLD, "--tenant", "acme")
        # Services may not see /root and /srv belongs to root alone: they get copies of their files.
        self.box.sh(f"""
            install -d -g serviceradar -m 0750 /etc/serviceradar/creds /etc/serviceradar/certs
            cd {WORLD}
            install -g serviceradar -m 0640 acme/creds/*.creds /etc/serviceradar/creds
            install -g serviceradar -m 0640 tls/ca.pem acme/tls/collector*.pem /etc/serviceradar/certs
        """)
        self.box.write("/run/systemd/system/nats.service", f"""[Service]
            ExecStart=/usr/sbin/nats-server -c {WORLD}/nats-server.conf
        """.replace("            ", ""))
        self.box.run("systemctl", "daemon-reload")
        self.box.run("systemctl", "start", "nats")
        self.await_port(4222)

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

    def status(self, unit):
        """/proc/PID/status of a service as a dictionary."""
        text = self.box.run("cat", f"/proc/{self.pid(unit)}/status").stdout
        return dict(row.split(":\t", 1) for row in text.splitlines() if ":\t" in row)

    def ledger(self, port):
        with self.box.network():
            s = socket.create_connection(("127.0.0.1", port), 10)
        with s:
            s.sendall(b"GET /ledger HTTP/1.0\r\n\r\n")
            answer = s.makefile("rb").read().split(b"\r\n\r\n", 1)[1]
        return json.loads(answer)["listeners"][0]

    def sender(self, family=socket.AF_INET):
        with self.box.network():
            return socket.socket(family, socket.SOCK_DGRAM)

    def send(self, port, *datagrams, to="127.0.0.1"):
        with self.sender(socket.AF_INET6 if ":" in to else socket.AF_INET) as s:
            for datagram in datagrams:
                s.sendto(datagram, (to, port))


class Stream:
    """Sends numbered syslog lines to a port, one each millisecond, until stop()."""

    def __init__(self, host, port):
        self.sent, self.ending = 0, threading.Event()
        self.socket, self.port = host.sender(), port
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.ending.wait(0.001):
            self.socket.sendto(line(self.sent), ("127.0.0.1", self.port))
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


@contextlib.contextmanager
def host(place, installed):
    base = container.root(*container.LIBRARIES, "python3")
    with container.boot(place, base) as box:
        yield Host(box, installed)
