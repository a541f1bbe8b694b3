# SPDX-License-Identifier: Apache-2.0
"""An issuer as its owner sets it up: operator, tenants, a NATS server by nats-config, and serve."""

import base64
import contextlib
import hashlib
import http.client
import io
import json
import os
import shutil
import sqlite3
import ssl
import subprocess
import tarfile

from lab import PROVISION, Client, Process, Server, free_port, wait_for

def host_hash(name):
    """What a host sends as X-ServiceRadar-Host."""
    return hashlib.sha256(f"serviceradar-host-v1{name}".encode()).hexdigest()


def token_fields(token):
    """What a token of any version says."""
    text = token.split(":", 1)[1].split(".")[0] if ":" in token else token
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def unpack(bundle):
    """The files of a bundle by their names without the folder."""
    with tarfile.open(fileobj=io.BytesIO(bundle), mode="r:gz") as tar:
        return {m.name.split("/", 1)[1]: tar.extractfile(m).read() for m in tar if m.isfile()}


class Serve(Process):
    """serviceradar-provision serve."""

    def __init__(self, world, name="serve", port=None):
        super().__init__(world.lab, name)
        self.world, self.port = world, port if port is not None else free_port()
        self.access_log = world.lab.dir / f"{name}-access.log"

    def start(self, *args, **options):
        seen = self.text().count("serving listen=")
        self.spawn([PROVISION, "serve", "--dir", self.world.dir, "--listen",
                    f"127.0.0.1:{self.port}", "--access-log", self.access_log, *args], **options)
        wait_for("serve listens", lambda: self.text().count("serving listen=") > seen
                 or not self.running())
        assert self.running(), self.text()
        return self


class IssuerWorld:
    """Tenants `acme` and `globex`, a server with their streams, and the interface for collectors."""

    def __init__(self, lab, tenants=("acme", "globex"), server=True):
        self.lab, self.dir = lab, lab.dir / "issuer"
        self.serve = Serve(self)
        self.url = f"https://localhost:{self.serve.port}"
        self.nats_port = free_port()
        self.run("operator", "init", "--name", "test", "--server",
                 f"tls://localhost:{self.nats_port}", "--api", self.url)
        for tenant in tenants:
            self.run("account", "create", tenant)
        self.ca = lab.dir / "issuer-ca.pem"
        self.server = None
        if server:
            self.start_server()
            for tenant in tenants:
                self.run("stream", "ensure", tenant)

    def run(self, *args, code=0):
        """Runs a command of the issuer and returns its JSON answer."""
        done = subprocess.run([str(PROVISION), *map(str, args), "--dir", str(self.dir), "--json"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, (args, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def start_server(self):
        folder = self.lab.dir / "nats"
        self.run("nats-config", "--out", folder, "--listen", "127.0.0.1", "--port",
                 self.nats_port)
        server = Server.__new__(Server)
        Process.__init__(server, self.lab, "nats")
        server.port, server.user, server.conf = self.nats_port, {}, folder / "nats-server.conf"
        self.server = server.start()

    def sql(self, statement, *values):
        """Runs a statement in the issuer's database, behind its back."""
        with contextlib.closing(sqlite3.connect(self.dir / "state.db", timeout=20)) as db, db:
            return db.execute(statement, values).fetchall()

    def collector(self, kind="trapd", tenant="acme", **options):
        args = [f"--{k}={v}" for k, v in options.items()]
        return self.run("collector", "create", "--account", tenant, "--type", kind,
                        *args)["collector"]["id"]

    def token(self, collector, version=3):
        return self.run("token", "create", collector, "--version", version)["token"]

    def secret(self, collector):
        return token_fields(self.token(collector, 1))["t"]

    def state(self, collector):
        return self.sql("SELECT state FROM collector WHERE id = ?", collector)[0][0]

    def audit(self, collector):
        return [row[0] for row in self.sql(
            "SELECT action FROM audit WHERE object = ? ORDER BY id", collector)]

    # ---- HTTPS ----

    def context(self):
        if not self.ca.exists():
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.ca.write_bytes(self.ask("GET", "/ca.pem", context=context)[1])
        return ssl.create_default_context(cafile=str(self.ca))

    def connection(self, context=None):
        return http.client.HTTPSConnection("localhost", self.serve.port, timeout=30,
                                           context=context or self.context())

    def ask(self, method, path, body=None, token=None, host=None, context=None, **headers):
        """Status, body and headers of an answer."""
        if token is not None:
            headers["X-ServiceRadar-Download-Token"] = token
        if host is not None:
            headers["X-ServiceRadar-Host"] = host_hash(host)
        if isinstance(body, dict):
            body = json.dumps(body)
        connection = self.connection(context)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def fetch(self, collector, token, host="one", body=None):
        return self.ask("POST", f"/api/collectors/{collector}/bundle", body, token, host)

    # ---- NATS ----

    def client(self, files, folder=None):
        """Connects with what a bundle holds."""
        folder = folder or self.lab.dir / "bundle"
        shutil.rmtree(folder, ignore_errors=True)
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "wb", opener=lambda p, f: os.open(p, f, 0o600)) as f:
                f.write(data)
        return Client(self.nats_port, folder / "creds" / "nats.creds",
                      folder / "certs" / "ca-chain.pem", folder / "certs" / "collector.pem",
                      folder / "certs" / "collector-key.pem")
