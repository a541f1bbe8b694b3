# SPDX-License-Identifier: Apache-2.0
"""An issuer with its own nats-server, for the integration tests."""

import json
import subprocess

from lab import PROVISION, Client, Process, Server, free_port

PUBLISHES = {
    "syslog": ("logs.syslog",),
    "trapd": ("logs.snmp",),
    "netflow": ("flows.raw.netflow", "flows.raw.sflow", "events.netflow"),
}


class Failed(Exception):
    """A command of serviceradar-provision ended with an error; it holds the answer."""

    def __init__(self, answer):
        super().__init__(answer.get("cause"))
        self.answer = answer


class Issuer(Server):
    """serviceradar-provision with a folder of its own, and the server that it configures."""

    def __init__(self, lab, name="issuer"):
        Process.__init__(self, lab, name)
        self.port, self.user = free_port(), {}
        self.root = lab.dir / name
        self.nats = lab.dir / f"{name}-nats"
        self.conf = self.nats / "nats-server.conf"
        self.watchers = {}
        self.run("operator", "init", "--name", "test", "--server", self.tls_url,
                 "--api", "https://localhost:8443")
        self.configure()

    def configure(self, *options):
        self.run("nats-config", "--out", self.nats, "--listen", "127.0.0.1",
                 "--port", self.port, *options)

    def run(self, *words, code=0):
        """The JSON answer of a command, which must end with this code."""
        at = words.index("--") if "--" in words else len(words)
        words = (*words[:at], "--dir", self.root, "--json", *words[at:])
        done = subprocess.run(
            [str(w) for w in (PROVISION, *words)],
            capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return json.loads(done.stdout) if done.stdout else {}

    def refused(self, *words):
        """The answer of a command that must fail."""
        answer = self.run(*words, code=1)
        assert answer["ok"] is False and answer["cause"] and answer["remedy"], answer
        return answer

    def tenant(self, name, *users):
        """An account with streams, and users of these roles, named after them."""
        assert self.run("account", "create", name)["pushed"]
        self.run("stream", "ensure", name)
        for role in users:
            self.make_user(name, role, role)

    def make_user(self, account, name, role, *options):
        creds = self.creds(account, name)
        creds.parent.mkdir(exist_ok=True)
        return self.run("user", "create", account, name, "--role", role, "--out", creds,
                        "--force", *options)

    def creds(self, account, name):
        return self.root.parent / f"creds-{account}" / f"{name}.creds"

    def connect(self, account, name, timeout=10):
        """A connection as a user; the certificate is the server's, which is a client's too."""
        tls = self.nats / "tls"
        return Client(self.port, self.creds(account, name), tls / "ca.pem", tls / "server.pem",
                      tls / "server-key.pem", timeout=timeout)

    def publish(self, account, name, subject, inbox=None):
        """The stream's answer to a message; None when no stream takes it."""
        with self.connect(account, name) as c:
            return c.request(subject, b"{}", inbox or f"_INBOX.{name}")

    def counts(self, account, name="platform"):
        """The number of messages in each stream."""
        if account not in self.watchers:
            self.watchers[account] = self.connect(account, name)
        return {s: self.watchers[account].count(s) for s in ("events", "flows")}

    def put_down(self):
        for watcher in self.watchers.values():
            watcher.__exit__()
        super().put_down()
