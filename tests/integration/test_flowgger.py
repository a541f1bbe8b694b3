# SPDX-License-Identifier: Apache-2.0
"""ServiceRadar's flowgger.toml, from the bundle that brings it to the records in the stream."""

import json
import subprocess

import pytest

from bundles import CERTS, CREDS, cli, files_of, flowgger_toml, trapd_json, udp_port, write_bundle
from lab import SYSLOG, Daemon, World, wait_for

LINE = b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed"


@pytest.fixture
def world(lab):
    return World(lab).start()


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def apply(tmp_path, root, files, code=0):
    done = cli("bundle", "apply", write_bundle(tmp_path / "bundle.tgz", files), "--root", root,
               "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == code == answer["exit"], done.stdout + done.stderr
    return answer


class Enrolled(Daemon):
    """The daemon with a file as it was enrolled; only places of this host are set from outside."""

    def __init__(self, lab, root, file, port, names):
        super().__init__(lab, listeners=[{"listen": f"udp://127.0.0.1:{port}"}])
        self.conf, self.root, self.names = file, root, names

    def argv(self):
        places = {"queue.dir": self.queue_dir, "metrics.listen": f"127.0.0.1:{self.metrics_port}",
                  **{key: f"{self.root}{path}" for key, path in self.names.items()}}
        return [SYSLOG, "--config", self.conf,
                *(a for key, value in places.items() for a in ("--set", f"{key}={value}"))]

    def write(self):
        pass  # it is there


def names(creds=CREDS, cert="collector.pem", key="collector-key.pem", ca="ca-chain.pem"):
    return {"nats.creds_file": creds, "nats.tls.cert_file": CERTS + cert,
            "nats.tls.key_file": CERTS + key, "nats.tls.ca_file": CERTS + ca}


def stores_a_record(daemon, world, extra=""):
    """One line in, upstream's bytes out."""
    daemon.start()
    client = world.client()
    before = client.count()
    daemon.send([LINE])
    wait_for("the record is stored", lambda: client.count() == before + 1)
    record = client.messages()[-1]
    year_and_zone = json.loads(record.body)["timestamp"]
    assert record.body.decode() == (
        '{"_remote_addr":"site-7:127.0.0.1",' + extra +
        '"full_message":"' + LINE.decode() + '","host":"mymachine","level":2,'
        f'"short_message":"su: \'su root\' failed","timestamp":{year_and_zone:.1f},'
        '"version":"1.1"}')
    daemon.stop()


def test_a_bundle_of_the_platform_enrols_and_its_daemon_publishes(lab, world, tmp_path, root):
    port = udp_port()
    text = flowgger_toml(world.port, f"127.0.0.1:{port}",
                         '[output.gelf_extra]\nfacility = "edge"\n')
    answer = apply(tmp_path, root, files_of(world, "syslog", text, name="flowgger.toml"))
    assert answer["changed"] and answer["collector"] == "syslog"
    file = root / "etc/serviceradar/flowgger.toml"
    assert file.read_text() == text  # as it came
    assert not apply(tmp_path, root, files_of(world, "syslog", text, name="flowgger.toml"))["changed"]

    daemon = Enrolled(lab, root, file, port, names())
    stores_a_record(daemon, world, '"facility":"edge",')
    told = daemon.lines("is in the shape of ServiceRadar's flowgger.toml")
    assert len(told) == 1 and "left out: grpc" in told[0]


def test_beside_another_collector_its_paths_are_rewritten(lab, world, tmp_path, root):
    apply(tmp_path, root, files_of(world, "trapd", trapd_json(world.port)))
    first = (root / CREDS[1:]).read_bytes()
    port = udp_port()
    files = files_of(world, "syslog", flowgger_toml(world.port, f"127.0.0.1:{port}"),
                     name="flowgger.toml")
    apply(tmp_path, root, files)
    assert (root / CREDS[1:]).read_bytes() == first != files["creds/nats.creds"]
    assert (root / "etc/serviceradar/creds/syslog.creds").read_bytes() == files["creds/nats.creds"]
    file = root / "etc/serviceradar/flowgger.toml"
    text = file.read_text()
    assert 'nats_creds_file = "/etc/serviceradar/creds/syslog.creds"' in text and CREDS not in text
    stores_a_record(Enrolled(lab, root, file, port, names(
        "/etc/serviceradar/creds/syslog.creds", "syslog.pem", "syslog-key.pem", "syslog-ca.pem")),
        world)


def test_status_and_doctor_read_it(world, tmp_path, root):
    apply(tmp_path, root, files_of(world, "syslog", flowgger_toml(world.port), name="flowgger.toml"))
    (one,) = json.loads(cli("status", "--root", root, "--json").stdout)["collectors"]
    assert one["collector"] == "syslog" and one["ok"]
    assert one["urls"] == [f"tls://localhost:{world.port}"]
    report = json.loads(cli("doctor", "--root", root, "--json").stdout)
    (patient,) = report["collectors"]
    results = {c["id"]: c["result"] for c in patient["checks"]}
    assert results["config"] == "ok", report
    assert "fail" not in results.values(), report


def test_what_the_daemon_refuses_is_the_cause_with_its_line(world, tmp_path, root):
    text = flowgger_toml(world.port).replace('type = "udp"', 'type = "redis"')
    answer = apply(tmp_path, root, files_of(world, "syslog", text, name="flowgger.toml"), code=6)
    assert "flowgger.toml:2: input.type: is `redis`" in answer["cause"], answer
    assert not (root / "etc").exists()


def test_the_wrapper_of_the_log_collector_leads_to_it(lab, world, tmp_path, root):
    port = udp_port()
    apply(tmp_path, root, files_of(world, "syslog", flowgger_toml(
        world.port, f"127.0.0.1:{port}"), name="flowgger.toml"))
    wrapper = root / "etc/serviceradar/log-collector.toml"
    wrapper.write_text('[flowgger]\nenabled = true\nconfig_file = "flowgger.toml"\n[otel]\n'
                       'enabled = true\n[health]\nlisten_addr = "0.0.0.0:50044"\n')
    daemon = Enrolled(lab, root, wrapper, port, names())
    stores_a_record(daemon, world)
    assert len(daemon.lines("log-collector.toml:6: health: gRPC health is not served")) == 1


def test_a_reload_takes_what_may_change_and_names_what_may_not(lab, world, tmp_path, root):
    port = udp_port()
    apply(tmp_path, root, files_of(world, "syslog", flowgger_toml(
        world.port, f"127.0.0.1:{port}"), name="flowgger.toml"))
    file = root / "etc/serviceradar/flowgger.toml"
    daemon = Enrolled(lab, root, file, port, names()).start()
    text = file.read_text()
    file.write_text(text.replace('"site-7"', '"site-8"'))
    daemon.hup()
    daemon.await_log("the configuration is reloaded")
    file.write_text(text.replace(str(port), str(udp_port())))
    daemon.hup()
    daemon.await_log("listeners[0].listen")
    daemon.stop()


def test_what_is_printed_is_a_native_file_of_the_same(tmp_path):
    file, native = tmp_path / "flowgger.toml", tmp_path / "syslog.yaml"
    file.write_text(flowgger_toml(4222, more='gelf_extra = { "a b" = "c: #", d = "\\"" }\n'))
    first = ask(file)
    assert first.returncode == 0 and "note: " in first.stderr, first.stderr
    native.write_text(first.stdout)
    again = ask(native)
    assert again.returncode == 0 and again.stderr == "" and again.stdout == first.stdout


def ask(file):
    return subprocess.run([str(SYSLOG), "--config", str(file), "--print-config"],
                          capture_output=True, text=True, timeout=30, check=False)


def test_without_a_format_lines_are_read_as_upstream_reads_them(lab, world, tmp_path, root):
    """RFC 5424 is the default: others are dead letters."""
    port = udp_port()
    text = flowgger_toml(world.port, f"127.0.0.1:{port}").replace('format = "rfc3164"\n', "")
    apply(tmp_path, root, files_of(world, "syslog", text, name="flowgger.toml"))
    daemon = Enrolled(lab, root, root / "etc/serviceradar/flowgger.toml", port, names()).start()
    daemon.send([LINE, b"<34>1 2003-10-11T22:14:15.003Z h a p m - hello"])
    ledger = daemon.settled(2)
    assert ledger["decoded"] == 1 and ledger["deadlettered"] == 1, ledger
    daemon.stop()
