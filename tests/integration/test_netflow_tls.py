# SPDX-License-Identifier: Apache-2.0
"""IPFIX over TLS (RFC 7011 section 10.4)."""

import pytest

from flows import Collector, flow_stream
from lab import free_port, wait_for
from test_netflow_tcp import Session, sources, template
from tls_desk import Signer, connect, is_refused


class Exporter(Session):
    """An exporter with a session of its own."""

    def __init__(self, daemon, ca, pair=None):
        self.domain, self.sequence = 7, 0
        self.socket = connect(daemon.lab, daemon.tcp, ca.file, pair)


@pytest.fixture
def ca(tmp_path):
    return Signer(tmp_path)


def test_exporters_with_a_certificate_are_stored_and_others_refused(lab, ca):
    server = lab.server()
    client = flow_stream(server)
    cert, key = ca.make("listener", "localhost")
    port = free_port()
    daemon = Collector(lab, server=server, output="nats", listeners=[
        {"listen": f"tls://127.0.0.1:{port}",
         "tls": {"cert_file": str(cert), "key_file": str(key), "ca_file": str(ca.file)}}])
    daemon.tcp = ("127.0.0.1", port)
    daemon.start()
    pair = ca.make("exporter")
    sessions = [Exporter(daemon, ca, pair) for _ in range(3)]
    for i, s in enumerate(sessions):
        s.send(template(256))
        for byte in s.message(s.flows(256, 1000 * i, 2), records=2):
            s.socket.sendall(bytes([byte]))
        for j in range(20):
            s.send(s.flows(256, 1000 * i + 10 * (j + 1), 10), records=10)
    ledger = daemon.settled(3 * 22)
    assert ledger["records"] == 3 * 202 and ledger["deadlettered"] == 0
    assert len(sources(client)) == 3 * 202
    assert is_refused(lab, daemon.tcp, ca.file)
    wait_for("it is counted", lambda: daemon.metric(
        "tls_failures_total", reason="no_certificate") == 1)
    for s in sessions:
        s.socket.unwrap()
    wait_for("they are closed", lambda: daemon.metric("connections") == 0)
    daemon.stop()
