# SPDX-License-Identifier: Apache-2.0
"""The configuration files of ServiceRadar's flow collector, as they are."""

import json
import socket
import subprocess

from flows import Collector, data, fields, flow_stream, record, template
from lab import NETFLOW, free_port, wait_for


class Upstream(Collector):
    """A collector with a file of another shape; only places of this host are set from outside."""

    def __init__(self, lab, shape, **changes):
        self.port = free_port(socket.SOCK_DGRAM)
        self.shape = shape
        self.changes = changes
        super().__init__(lab, listeners=[{"listen": f"udp://127.0.0.1:{self.port}"}])

    def write(self):
        content = self.shape(f"127.0.0.1:{self.port}", "0.0.0.0:50046")
        content.update(self.changes)
        self.conf.write_text(json.dumps(content, indent=2))

    def argv(self):
        return [NETFLOW, "--config", self.conf, "--set", f"queue.dir={self.queue_dir}",
                "--set", f"metrics.listen=127.0.0.1:{self.metrics_port}"]

    def ask(self, option):
        return subprocess.run([*map(str, self.argv()), option], capture_output=True, text=True,
                              timeout=30, check=False)


def with_listeners(listen, metrics):
    return {
        "nats_url": "nats://127.0.0.1:1", "stream_name": "flows", "stream_max_bytes": 1073741824,
        "stream_max_age_secs": 7200, "stream_replicas": 1, "partition": "default",
        "channel_size": 10000, "batch_size": 100, "publish_timeout_ms": 5000,
        "drop_policy": "drop_oldest",
        "listeners": [
            {"protocol": "sflow", "listen_addr": "0.0.0.0:6343", "subject": "flows.raw.sflow"},
            {"protocol": "netflow", "listen_addr": listen, "subject": "flows.raw.netflow",
             "buffer_size": 65536, "max_templates": 2000, "max_template_fields": 10000}],
        "metrics_addr": metrics}


def flat(listen, metrics):
    return {
        "listen_addr": listen, "buffer_size": 65536, "nats_url": "nats://127.0.0.1:1",
        "stream_name": "flows", "subject": "flows.raw.netflow", "partition": "default",
        "max_templates": 2000, "max_template_fields": 10000, "channel_size": 10000,
        "batch_size": 100, "publish_timeout_ms": 5000, "drop_policy": "drop_oldest",
        "metrics_addr": metrics}


def bundle(listen, metrics):
    return {
        "listen_addr": listen, "protocols": ["netflow-v5", "netflow-v9", "ipfix", "sflow"],
        "nats_url": "nats://127.0.0.1:1", "stream_name": "flows", "subject": "flows.raw.netflow",
        "partition": "site", "grpc_listen_addr": "0.0.0.0:50045",
        "grpc_security": {"mode": "mtls", "cert_dir": "/etc/serviceradar/certs"},
        "metrics_addr": metrics}


def check_flows(lab, daemon, server):
    client = flow_stream(server)
    daemon.start()
    exporter = daemon.exporter("127.0.0.5")
    # A record without counts is left out, and AS numbers fit signed columns: upstream's bytes.
    exporter.v9(template(256), data(256, record(1), (1, 2, 0, 0), record(2)))
    wait_for("two flows are stored", lambda: client.count("flows") == 2)
    flows = [fields(m.body) for m in client.messages("flows")]
    assert {f[6] for f in flows} == {bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])}
    assert all(f[114] == f[9] == 1000 for f in flows)  # bytes_out, as upstream has it
    assert daemon.count("records_zero_counters_total") == 1


def test_the_form_with_listeners_and_mutual_tls_stores_flows(lab):
    ca = lab.authority()
    server = lab.server(tls=(*ca.issue("server"), ca.file))
    cert, key = ca.issue("collector")
    security = {"mode": "mtls", "cert_dir": str(lab.dir), "tls": {
        "cert_file": cert.name, "key_file": key.name, "ca_file": ca.file.name}}
    server.user.update(cert=cert, key=key)
    daemon = Upstream(lab, with_listeners, nats_url=server.tls_url, security=security)
    check_flows(lab, daemon, server)
    told = daemon.lines("is in the shape of")
    assert len(told) == 1 and "left out: stream_max_bytes, " in told[0]
    assert len(daemon.lines("sflow is not served", "0.0.0.0:6343 is not bound")) == 1
    daemon.hup()
    daemon.await_log("the configuration is reloaded")
    assert len(daemon.lines("is in the shape of")) == 1  # once a start
    daemon.stop()


def test_the_flat_form_stores_flows(lab):
    server = lab.server()
    check_flows(lab, Upstream(lab, flat, nats_url=server.url), server)


def test_the_form_of_the_bundles_stores_flows_over_mutual_tls(lab):
    ca = lab.authority()
    server = lab.server(tls=(*ca.issue("server"), ca.file))
    cert, key = ca.issue("collector")
    server.user.update(cert=cert, key=key)
    daemon = Upstream(lab, bundle, nats_url=server.tls_url, nats_security={
        "mode": "mtls", "cert_file": str(cert), "key_file": str(key), "ca_file": str(ca.file)})
    check_flows(lab, daemon, server)
    assert len(daemon.lines("left out: ", "grpc_listen_addr, grpc_security")) == 1


def test_a_check_tells_notes_and_is_content(lab):
    done = Upstream(lab, with_listeners).ask("--check-config")
    assert done.returncode == 0
    assert "note: " in done.stderr and "channel_size, batch_size" in done.stderr
    assert "sflow is not served by this version" in done.stderr


def test_what_is_printed_is_a_native_file_of_the_same(lab):
    for shape in (with_listeners, flat, bundle):
        daemon = Upstream(lab, shape)
        first = daemon.ask("--print-config")
        assert first.returncode == 0 and "note: " in first.stderr
        daemon.conf.write_text(first.stdout)
        again = daemon.ask("--print-config")
        assert again.returncode == 0 and again.stderr == ""
        assert again.stdout == first.stdout


def test_what_cannot_be_served_at_all_ends_the_start(lab):
    daemon = Upstream(lab, with_listeners, listeners=[
        {"protocol": "sflow", "listen_addr": "0.0.0.0:6343", "subject": "flows.raw.sflow"}])
    done = daemon.ask("--check-config")
    assert done.returncode == 2
    assert "listeners: has no listener that this version can serve" in done.stderr
