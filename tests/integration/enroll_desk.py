# SPDX-License-Identifier: Apache-2.0
"""A host to enrol, in a folder, and the issuers it meets: for the tests of `enroll` and `renew`."""

import json
import os
import stat
import subprocess
from pathlib import Path

from issuer import Ca, Era, Issuer, Package, RawServer, Signer, server_context

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("SR_BIN", ROOT / "build-dev" / "bin"))
CLI = BIN / "serviceradar-cli"
STATE = "var/lib/serviceradar/enroll"

ENROLLED, USAGE, TOKEN, NETWORK, SERVER, BUNDLE, FILES, ROLLED_BACK = 0, 2, 3, 4, 5, 6, 7, 8


def environment():
    kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    kept.pop("SERVICERADAR_ONBOARDING_TOKEN_PUBLIC_KEY", None)
    return kept


class Desk:
    """A root to enrol into, an authority for the API, and one for the collectors."""

    def __init__(self, folder):
        self.folder, self.root = folder, folder / "root"
        (self.root / "etc/serviceradar/trust.d").mkdir(parents=True)
        (self.root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        self.ca, self.signer = Ca("api root"), Signer()
        (self.root / "etc/serviceradar/trust.d/issuer.pub").write_text(self.signer.text + "\n")
        self.ca_file = folder / "api-ca.pem"
        self.ca_file.write_text(self.ca.pem)
        self.context = server_context(folder, self.ca, chain=[self.ca])
        self.package = Package(Ca("collectors"))
        self.servers, self.tokens = [], []
        self.outputs = []

    # ---- Issuers ----

    def serve(self, answer, context=None, name="localhost"):
        server = Issuer(context or self.context, answer, name)
        self.servers.append(server)
        return server

    def serve_raw(self, script, tls=True):
        server = RawServer(self.context if tls else None, script)
        self.servers.append(server)
        return server

    def era(self, **options):
        """An issuer of a generation; its `era` says what it does."""
        era = Era(self.package, **options)
        server = self.serve(era)
        server.era = era
        return server

    def token(self, version, url, **options):
        if version == 3:
            options.setdefault("pin", self.ca.pin)
        text = self.signer.token(version, url, self.package.id, self.package.secret, **options)
        self.tokens.append(text)
        return text

    def close(self):
        for server in self.servers:
            server.close()

    # ---- The program ----

    def file_of(self, token):
        path = self.folder / "token"
        path.write_text(token + "\n")
        path.chmod(0o600)
        return path

    def run(self, *args, stdin=None, env=None, cli=CLI):
        done = subprocess.run([str(cli), *map(str, args)], capture_output=True, text=True,
                              timeout=60, check=False, env=env or environment(),
                              input=stdin if stdin is not None else "")
        self.outputs += [done.stdout, done.stderr]
        self.check_output(done.stdout + done.stderr)
        return done

    def enroll(self, token, *args, **options):
        """Enrols from a file that holds the token; no server to prove anything at, no unit."""
        return self.run("enroll", "--token-file", self.file_of(token), "--root", self.root,
                        "--no-proof", "--no-restart", *args, **options)

    def enroll_json(self, token, *args, code=0, **options):
        done = self.enroll(token, "--json", *args, **options)
        assert done.returncode == code, done.stdout + done.stderr
        answer = json.loads(done.stdout)
        assert answer["ok"] == (code == 0) and answer["exit"] == code
        return answer

    # ---- The host ----

    def path(self, name):
        return self.root / name

    def record(self, collector="trapd"):
        return json.loads(self.path(f"{STATE}/{collector}.json").read_text())

    def files(self):
        """Everything in the root but the state of enrolment and what was there at first."""
        names = {str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file()}
        return {n for n in names if not n.startswith(STATE) and "trust.d" not in n and
                n != "etc/machine-id"}

    def check_output(self, text):
        for secret in self.secrets():
            assert secret not in text, "a secret is in the output"

    def secrets(self):
        found = list(self.package.secrets) + self.tokens
        for path in self.root.rglob("*"):
            if path.is_file() and path.suffix in (".creds", ".pem") and "trust.d" not in str(path):
                lines = path.read_text().splitlines()
                found += [t for t in lines if t.startswith("SU")]
                if "key" in path.name:
                    found += [t for t in lines if not t.startswith("-")][:-1]
        return found

    def check_files(self):
        """Secrets are in files that only root and the service can read, and in no others."""
        secret = [s.encode() for s in self.secrets()]
        for path in self.root.rglob("*"):
            if not path.is_file():
                continue
            mode = stat.S_IMODE(path.stat().st_mode)
            content = path.read_bytes()
            if any(s in content for s in secret):
                assert mode in (0o600, 0o640), f"{path} has mode {mode:o}"
                assert path.suffix in (".creds", ".pem") or STATE in str(path), path
            assert not any(t.encode() in content for t in self.tokens), f"{path} has the token"
        state = self.path(STATE)
        if state.exists():
            assert stat.S_IMODE(state.stat().st_mode) == 0o700
