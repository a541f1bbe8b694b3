# SPDX-License-Identifier: Apache-2.0
"""A server with JetStream, and as much of a client as the measurements need."""

import json
import os
import shutil
import socket
import sys

from measure import Process

NATS_PORT = 15422


class Nats:
    """As much of a NATS client as is needed: requests, and the arrival of messages."""

    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", NATS_PORT))
        self.stream = self.socket.makefile("rb")
        self.stream.readline()
        self.send('CONNECT {"verbose": false}\r\nSUB _INBOX.bench 1\r\n')

    def send(self, text):
        self.socket.sendall(text.encode())

    def subscribe(self, subject):
        self.send("SUB %s 2\r\nPING\r\n" % subject)
        while self.stream.readline() != b"PONG\r\n":
            pass

    def receive(self):
        while True:
            line = self.stream.readline()
            if line.startswith(b"PING"):
                self.send("PONG\r\n")
            elif line.startswith((b"MSG", b"HMSG")):
                return self.stream.read(int(line.split()[-1]) + 2)[:-2]
            elif not line.startswith((b"PONG", b"+OK")):
                raise RuntimeError("the server says %r" % line)

    def request(self, subject, body=None):
        text = json.dumps(body) if body is not None else ""
        self.send("PUB %s _INBOX.bench %d\r\n%s\r\n" % (subject, len(text), text))
        answer = json.loads(self.receive())
        if "error" in answer:
            raise RuntimeError("%s: %s" % (subject, answer["error"]))
        return answer

    def make_stream(self, subject):
        self.request("$JS.API.STREAM.CREATE.LOGS", {
            "name": "LOGS", "subjects": [subject], "storage": "file", "retention": "limits",
            "discard": "new", "duplicate_window": 120 * 10**9})

    def stored(self):
        return self.request("$JS.API.STREAM.INFO.LOGS")["state"]["messages"]


def nats_server(folder):
    """Of this folder; ends the program where there is none."""
    if not shutil.which("nats-server"):
        sys.exit("nats-server is not installed: apt-get install nats-server")
    conf = os.path.join(folder, "nats.conf")
    with open(conf, "w") as out:
        out.write('listen: "127.0.0.1:%d"\njetstream { store_dir: "%s/js" }\n' % (NATS_PORT, folder))
    return Process(["nats-server", "-c", conf], os.path.join(folder, "nats.log"))


def port_open():
    socket.create_connection(("127.0.0.1", NATS_PORT)).close()
    return True
