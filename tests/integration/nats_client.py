# SPDX-License-Identifier: Apache-2.0
"""A NATS client of the standard library, for tests: one user over mutual TLS, blocking."""

import base64
import json
import os
import re
import socket
import ssl
import subprocess
import tempfile

PKCS8_ED25519 = bytes.fromhex("302e020100300506032b657004220420")


def read_creds(path):
    """The token and the 32 secret bytes of a .creds file."""
    with open(path, encoding="ascii") as f:
        items = re.findall(r"---+BEGIN [^\n]*---+\n([^\n]+)\n---+END", f.read())
    seed = base64.b32decode(items[1] + "=" * (-len(items[1]) % 8))
    return items[0], seed[2:34]


def sign(secret, message):
    """An Ed25519 signature; the standard library has none."""
    with tempfile.TemporaryDirectory() as folder:
        key, data = os.path.join(folder, "key"), os.path.join(folder, "data")
        body = base64.b64encode(PKCS8_ED25519 + secret).decode()
        with open(key, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
        with open(data, "wb") as f:
            f.write(message)
        done = subprocess.run(
            ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", data],
            check=True, capture_output=True, timeout=10)
        return done.stdout


class Refused(Exception):
    """The server answered -ERR."""


class Client:
    """Connects as the owner of a .creds file; `with` closes it."""

    def __init__(self, port, creds, ca, cert=None, key=None, timeout=10):
        sock = socket.create_connection(("127.0.0.1", port), timeout)
        info = json.loads(self._plain_line(sock).split(b" ", 1)[1])
        context = ssl.create_default_context(cafile=str(ca))
        if cert is not None:
            context.load_cert_chain(str(cert), str(key))
        self.sock = context.wrap_socket(sock, server_hostname="localhost")
        self.file = self.sock.makefile("rb")
        token, secret = read_creds(creds)
        signature = base64.urlsafe_b64encode(sign(secret, info["nonce"].encode()))
        options = {"verbose": False, "pedantic": False, "lang": "test", "version": "0",
                   "protocol": 1, "headers": True, "no_responders": True, "jwt": token,
                   "sig": signature.decode().rstrip("="), "tls_required": True}
        self.send(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
        self.flush()

    @staticmethod
    def _plain_line(sock):
        line = b""
        while not line.endswith(b"\r\n"):
            byte = sock.recv(1)
            if not byte:
                raise ConnectionError("closed before INFO")
            line += byte
        return line

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def subscribe(self, subject, sid="1"):
        self.send(f"SUB {subject} {sid}\r\n".encode())

    def publish(self, subject, payload, reply="", msg_id=None):
        if msg_id is None:
            self.send(f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n")
            return
        head = f"NATS/1.0\r\nNats-Msg-Id: {msg_id}\r\n\r\n".encode()
        line = f"HPUB {subject} {reply} {len(head)} {len(head) + len(payload)}\r\n".encode()
        self.send(line + head + payload + b"\r\n")

    def read(self):
        """The next event: ("PONG",), ("MSG", subject, header or None, payload)."""
        line = self.file.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        words = line.decode().split()
        if words[0] == "-ERR":
            raise Refused(line.decode().strip())
        if words[0] == "PING":
            self.send(b"PONG\r\n")
            return self.read()
        if words[0] == "MSG":
            body = self.file.read(int(words[-1]) + 2)[:-2]
            return "MSG", words[1], None, body
        if words[0] == "HMSG":
            body = self.file.read(int(words[-1]) + 2)[:-2]
            return "MSG", words[1], body[:int(words[-2])], body[int(words[-2]):]
        if words[0] in ("INFO", "+OK"):
            return self.read()
        return (words[0],)

    def flush(self):
        """Waits until the server has done all that was sent; returns messages seen meanwhile."""
        self.send(b"PING\r\n")
        seen = []
        while (event := self.read())[0] != "PONG":
            seen.append(event)
        return seen

    def request(self, subject, payload, inbox, msg_id=None):
        """Publishes and returns the reply's payload; None when nobody is there to answer."""
        self.subscribe(f"{inbox}.reply", "9")
        self.publish(subject, payload, f"{inbox}.reply", msg_id)
        while (event := self.read())[1:2] != (f"{inbox}.reply",):
            pass
        self.send(b"UNSUB 9\r\n")
        return None if event[2] and b" 503" in event[2] else event[3]
