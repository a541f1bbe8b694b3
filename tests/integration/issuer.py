# SPDX-License-Identifier: Apache-2.0
"""Issuers for the tests of enrolment: every generation of the interface, and bad servers.

What is answered has the shapes of docs/enrolment-api.md and of the platform's own servers. Nothing
here needs a NATS server: credentials are signed by an account that nobody knows.
"""

import base64
import binascii
import contextlib
import datetime
import gzip
import hashlib
import http.server
import io
import json
import secrets
import socket
import ssl
import tarfile
import threading
import time
import uuid
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM
RAW = serialization.Encoding.Raw
HEADER = "X-ServiceRadar-Download-Token"
DAY = datetime.timedelta(days=1)


def b64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# ---- Keys and certificates ----

class Nkey:
    """A NATS key: "U" of a user, "A" of an account."""

    PREFIX = {"U": 20 << 3, "A": 0}

    def __init__(self, kind, secret=None):
        self.kind = kind
        self.key = (ed25519.Ed25519PrivateKey.generate() if secret is None else
                    ed25519.Ed25519PrivateKey.from_private_bytes(secret))
        raw = self.key.public_key().public_bytes(RAW, serialization.PublicFormat.Raw)
        self.public = self._text(bytes([self.PREFIX[kind]]) + raw)

    @staticmethod
    def _text(data):
        crc = binascii.crc_hqx(data, 0)
        return base64.b32encode(data + crc.to_bytes(2, "little")).decode().rstrip("=")

    @property
    def seed(self):
        prefix = self.PREFIX[self.kind]
        raw = self.key.private_bytes(RAW, serialization.PrivateFormat.Raw,
                                     serialization.NoEncryption())
        return self._text(bytes([18 << 3 | prefix >> 5, (prefix & 31) << 3]) + raw)


def public_key_of(nkey):
    data = base64.b32decode(nkey + "=" * (-len(nkey) % 8))
    return ed25519.Ed25519PublicKey.from_public_bytes(data[1:33])


def user_jwt(account, user, publish, lifetime=86400, issued=None):
    issued = int(time.time()) if issued is None else issued
    claims = {"jti": "x", "iat": issued, "iss": account.public, "sub": user, "name": "collector",
              "exp": issued + lifetime,
              "nats": {"type": "user", "version": 2, "pub": {"allow": publish},
                       "sub": {"allow": ["_INBOX.collector.>"]},
                       "subs": -1, "data": -1, "payload": -1}}
    head = b64url(json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}).encode())
    text = head + "." + b64url(json.dumps(claims).encode())
    return text + "." + b64url(account.key.sign(text.encode()))


def creds_of(jwt, seed):
    return (f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n")


def key_pem(key):
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


class Ca:
    """A root, or with `parent` an authority under it."""

    def __init__(self, name="test root", parent=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer, issuer = (self, self.name) if parent is None else (parent, parent.name)
        now = datetime.datetime.utcnow()
        self.cert = (x509.CertificateBuilder().subject_name(self.name).issuer_name(issuer)
                     .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
                     .not_valid_before(now - 2 * DAY).not_valid_after(now + 30 * DAY)
                     .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                     .sign(signer.key, hashes.SHA256()))

    @property
    def pem(self):
        return self.cert.public_bytes(PEM).decode()

    @property
    def pin(self):
        spki = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return "sha256:" + hashlib.sha256(spki).hexdigest()

    def issue(self, public_key, name="localhost", begin=-1, end=20):
        """A certificate for server and client, from `begin` to `end` in days from now."""
        now = datetime.datetime.utcnow()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        cert = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
                .public_key(public_key).serial_number(x509.random_serial_number())
                .not_valid_before(now + begin * DAY).not_valid_after(now + end * DAY)
                .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
                .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
                .sign(self.key, hashes.SHA256()))
        return cert.public_bytes(PEM).decode()


def server_context(folder, ca, chain=(), **issue):
    """TLS of a server whose certificate `ca` signs, and which presents those of `chain` too."""
    key = ec.generate_private_key(ec.SECP256R1())
    file = folder / f"server-{secrets.token_hex(4)}.pem"
    text = ca.issue(key.public_key(), **issue) + "".join(c.pem for c in chain)
    file.write_text(text + key_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(file))
    return context


# ---- Tokens ----

class Signer:
    """The key that signs tokens."""

    def __init__(self):
        self.key = ed25519.Ed25519PrivateKey.generate()
        self.public = self.key.public_key().public_bytes(RAW, serialization.PublicFormat.Raw)

    @property
    def text(self):
        return base64.b64encode(self.public).decode()

    @property
    def id(self):
        return hashlib.sha256(self.public).hexdigest()[:16]

    def token(self, version, url, package, secret, expires=3600, config=None, pin=None):
        """`expires` is in seconds from now, None for never."""
        fields = {"u": url, "p": package, "t": secret}
        if expires is not None:
            fields["e"] = int(time.time()) + expires
        if config is not None:
            fields["f"] = config
        if version == 3:
            fields.update(c=pin, k=self.id)
        content = json.dumps(fields).encode()
        if version == 1:
            return b64url(content)
        prefix = f"collectorpkg-v{version}:"
        message = content if version == 2 else prefix.encode() + content
        return prefix + b64url(content) + "." + b64url(self.key.sign(message))


# ---- Bundles ----

def tar_of(files, folder="collector-package-0a1b2c3d/"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            data = text if isinstance(text, bytes) else text.encode()
            info = tarfile.TarInfo(folder + name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue())


TRAPD = {
    "listen_addr": "0.0.0.0:1162", "nats_url": "tls://localhost:4222", "nats_domain": "edge",
    "stream_name": "events", "subject": "logs.snmp", "partition": "default",
    "nats_creds_file": "/etc/serviceradar/creds/nats.creds",
    "nats_security": {"mode": "mtls", "cert_file": "/etc/serviceradar/certs/collector.pem",
                      "key_file": "/etc/serviceradar/certs/collector-key.pem",
                      "ca_file": "/etc/serviceradar/certs/ca-chain.pem"}}


class Package:
    """One collector as an issuer knows it, and what it has to send."""

    def __init__(self, ca):
        self.ca, self.account = ca, Nkey("A")
        self.id, self.secret = str(uuid.uuid4()), secrets.token_urlsafe(24)
        self.user = Nkey("U")
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.state, self.host, self.cause = "ready", None, None
        self.publish = ["acme.logs.snmp", "acme.logs.snmp.deadletter"]
        self.config, self.config_name, self.type = json.dumps(TRAPD), "trapd.json", "trapd"
        self.lifetime, self.issued = 86400, None
        self.cert_days = (-1, 20)
        self.last_renewal = 0

    @property
    def secrets(self):
        """Texts that belong into credentials and keys only."""
        return [self.user.seed, self.secret] + key_pem(self.key).split("\n")[1:-2]

    def jwt(self, user):
        return user_jwt(self.account, user, self.publish, self.lifetime, self.issued)

    def _cert(self, public_key):
        return self.ca.issue(public_key, "trapd", *self.cert_days)

    def bundle(self):
        return tar_of({
            "creds/nats.creds": creds_of(self.jwt(self.user.public), self.user.seed),
            "certs/collector.pem": self._cert(self.key.public_key()),
            "certs/collector-key.pem": key_pem(self.key), "certs/ca-chain.pem": self.ca.pem,
            f"config/{self.config_name}": self.config, "update.sh": "exit 1\n", "README.md": "read me\n"})

    def flat_bundle(self):
        """The layout of the first design."""
        config = dict(json.loads(self.config), collector_type="trapd")
        del config["collector_type"]
        return tar_of({
            "nats.creds": creds_of(self.jwt(self.user.public), self.user.seed),
            "certs/collector.pem": self._cert(self.key.public_key()),
            "certs/collector-key.pem": key_pem(self.key), "certs/ca.pem": self.ca.pem,
            "config.json": json.dumps(config)}, folder="")

    def bundle_without_secrets(self, csr, nkey):
        request = x509.load_pem_x509_csr(csr.encode())
        assert request.is_signature_valid
        self.user_public = nkey
        return tar_of({
            "creds/user.jwt": self.jwt(nkey) + "\n",
            "certs/collector.pem": self._cert(request.public_key()),
            "certs/ca-chain.pem": self.ca.pem, f"config/{self.config_name}": self.config})

    def answer(self, yaml=False):
        """The JSON of the oldest interface: no TLS material, and a configuration in a shape of its
        own, in YAML at first and in JSON later."""
        blocks = {"flowgger": {"listen": "0.0.0.0:1514", "protocol": "syslog",
                               "format": "rfc5424"},
                  "trapd": {"listen": "0.0.0.0:1162", "community": "public"},
                  "netflow": {"listen": "0.0.0.0:2055",
                              "protocols": ["netflow-v5", "netflow-v9", "ipfix"]}}
        block = blocks[self.type]
        config = {"collector_id": self.id, "collector_type": self.type, "site": "north",
                  "hostname": "h", "nats": {"url": "tls://localhost:4222",
                                            "creds_file": "/etc/serviceradar/creds/nats.creds"},
                  self.type: block}
        text = json.dumps(config)
        if yaml:
            lines = ["collector_id: " + self.id, "collector_type: " + self.type, "site: north",
                     "hostname: h", "nats:", "  url: tls://localhost:4222",
                     "  creds_file: /etc/serviceradar/creds/nats.creds", self.type + ":"]
            for key, value in block.items():
                lines += ([f"  {key}: {value}"] if isinstance(value, str) else
                          [f"  {key}:"] + [f"    - {v}" for v in value])
            text = "\n".join(lines) + "\n"
        return {"collector_type": self.type, "package_id": self.id, "site": "north",
                "hostname": "h", "nats_creds": creds_of(self.jwt(self.user.public), self.user.seed),
                "config": text,
                "install_hints": {"creds_path": "/etc/serviceradar/creds/nats.creds",
                                  "config_path": "/etc/serviceradar/config/config.yaml",
                                  "service_name": f"serviceradar-{self.type}"}}


# ---- Servers ----

class Request:
    def __init__(self, method, path, headers, body):
        parts = urlsplit(path)
        self.method, self.path, self.headers, self.body = method, parts.path, headers, body
        self.query = {k: v[0] for k, v in parse_qs(parts.query).items()}

    @property
    def token(self):
        return self.headers.get(HEADER)

    @property
    def json(self):
        return json.loads(self.body) if self.body else {}

    def __repr__(self):
        return f"{self.method} {self.path}"


class Issuer:
    """An HTTPS server; `answer(request)` returns (status, headers, body). It keeps the requests."""

    def __init__(self, context, answer, name="localhost"):
        self.requests = []
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self.command, self.path, self.headers, body)
                issuer.requests.append(request)
                status, headers, answer_body = answer(request)
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(answer_body)))
                self.end_headers()
                self.wfile.write(answer_body)

            do_GET = do_POST = handle_any

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # clients that refuse us hang up

            def get_request(self):
                sock, address = super().get_request()
                sock.settimeout(20)
                return context.wrap_socket(sock, server_side=True,
                                           do_handshake_on_connect=False), address

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"https://{name}:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def paths(self):
        return [repr(r) for r in self.requests]


class RawServer:
    """Answers each connection with script(connection), over TLS unless `context` is None."""

    def __init__(self, context, script):
        self.context, self.script = context, script
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.sock.getsockname()[1]}"
        self.closing = threading.Event()
        self.entered = threading.Event()
        self.count = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with contextlib.suppress(OSError), sock:
            sock.settimeout(20)
            conn = sock
            if self.context is not None:
                conn = self.context.wrap_socket(sock, server_side=True)
            with conn:
                self.entered.set()
                self.script(self, conn)

    def close(self):
        self.closing.set()
        # shutdown() wakes accept(), which close() alone does not.
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.thread.join()


def error(status, text, headers=None):
    return status, {"Content-Type": "application/json", **(headers or {})}, \
        json.dumps({"error": text}).encode()


def no_route(_request=None):
    """As the platform's router answers for a path that it does not have."""
    return 404, {"Content-Type": "application/json"}, b'{"errors":{"detail":"Not Found"}}'


GZIP = {"Content-Type": "application/gzip"}


class Era:
    """The answers of one generation of the platform for one package. Call it with a request."""

    def __init__(self, package, get_bundle=False, get_enroll=False, get_legacy=False, post=None,
                 keys=False, confirm=False, again=False, whole_token=None):
        """`post` is the form of the token that the header must have: "whole", "secret", "any"."""
        self.package, self.post, self.whole_token = package, post, whole_token
        self.gets = {}
        if get_bundle:
            self.gets[f"/api/collectors/{package.id}/bundle"] = self._tar
        if get_enroll:
            self.gets[f"/api/enroll/{package.id}"] = self._yaml
        if get_legacy:
            self.gets[f"/api/enroll/collector/{package.id}"] = self._json
        self.keys, self.confirms, self.again = keys, confirm, again

    def _tar(self, request=None):
        body = request.json if request is not None and self.keys else {}
        if "csr" in body:
            return 200, GZIP, self.package.bundle_without_secrets(body["csr"], body["nkey"])
        return 200, GZIP, self.package.bundle()

    def _json(self, _request=None):
        return 200, {"Content-Type": "application/json"}, \
            json.dumps(self.package.answer()).encode()

    def _yaml(self, _request=None):
        return 200, {"Content-Type": "application/json"}, \
            json.dumps(self.package.answer(yaml=True)).encode()

    def _redeem(self, request, answer):
        host = request.headers.get("X-ServiceRadar-Host")
        again = self.again and self.package.state == "downloaded" and host == self.package.host
        if self.package.state != "ready" and not again:
            return error(409, "package already downloaded")
        self.package.state, self.package.host = "downloaded", host
        return answer

    def _is_token(self, text):
        whole = text == self.whole_token
        return {"whole": whole, "secret": text == self.package.secret,
                "any": whole or text == self.package.secret}[self.post]

    def __call__(self, request):
        if request.method == "GET":
            give = self.gets.get(request.path)
            if give is None:
                return no_route()
            if request.query.get("token") != self.package.secret:
                return error(401, "invalid token")
            return self._redeem(request, give())
        base = f"/api/collectors/{self.package.id}/"
        if self.post is None or not request.path.startswith(base):
            return no_route()
        if request.path == base + "renew" and self.confirms:
            return self._renew(request)
        if not self._is_token(request.token):
            return error(401, "invalid token")
        if request.path == base + "bundle":
            return self._redeem(request, self._tar(request))
        return self._confirm(request) if self.confirms else no_route()

    def _confirm(self, request):
        result = request.json
        self.package.state = "installed" if result["result"] == "installed" else "downloaded"
        self.package.cause = result.get("cause")
        return 204, {}, b""

    def _renew(self, request):
        body, package = request.json, self.package
        csr = hashlib.sha256(body["csr"].encode()).hexdigest()
        message = "\n".join(["serviceradar-renew-v1", package.id, str(body["time"]), body["nkey"],
                             csr])
        try:
            public_key_of(package.user_public).verify(unb64url(body["signature"]),
                                                      message.encode())
        except Exception:  # cryptography has an exception of its own for each reason
            return error(401, "signature is not of the collector's user")
        if abs(body["time"] - time.time()) > 300 or body["time"] <= package.last_renewal:
            return error(401, "time is not now")
        package.last_renewal = body["time"]
        return 200, GZIP, package.bundle_without_secrets(body["csr"], body["nkey"])
