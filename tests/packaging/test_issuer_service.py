# SPDX-License-Identifier: Apache-2.0
"""The issuer as a service, what root's commands share with it, and the renewal, in the sandboxes of
their units.
"""

import json
import socket
import ssl

import pytest

from lab import wait_for
from services import ISSUER, line

FOLDER = "/var/lib/serviceradar/provision"
RENEW = "serviceradar-renew.service"
OWNER = "serviceradar-provision:serviceradar-provision"


@pytest.fixture(scope="module")
def issuer(host):
    """The machine with an operator that root made, and the service that answers."""
    host.box.run("systemctl", "start", ISSUER)
    assert host.state(ISSUER) == "inactive"  # before there is anything to serve
    host.start_issuer()
    return host


@pytest.fixture(scope="module")
def enrolled(issuer):
    """A broker that the issuer set up, and a collector of the tenant `acme` that was enrolled."""
    issuer.start_issued_broker()
    issuer.enroll("trapd")
    return issuer


def healthz(host):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with host.box.network():
        plain = socket.create_connection(("127.0.0.1", 8443), 10)
    with context.wrap_socket(plain) as s:
        s.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        return s.makefile("rb").readline().split()[1]


def owners(host):
    return set(host.box.sh(f"stat -c %U:%G {FOLDER} {FOLDER}/*").split())


def test_what_root_made_belongs_to_the_service(issuer):
    assert owners(issuer) == {OWNER}
    assert healthz(issuer) == b"200"


def test_the_issuer_runs_as_its_own_user_without_any_capability(issuer):
    status = issuer.status(ISSUER)
    uid = issuer.box.sh("id -u serviceradar-provision").strip()
    assert set(status["Uid"].split()) == {uid}
    assert status["CapEff"] == status["CapPrm"] == status["CapBnd"] == "0" * 16
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"


def test_a_reload_and_commands_of_root_leave_the_service_able_to_write(enrolled):
    before = enrolled.pid(ISSUER)
    enrolled.box.run("systemctl", "reload", ISSUER)
    wait_for("it says so", lambda: "reloaded" in enrolled.box.journal(ISSUER))
    # The service wrote it while the collector was enrolled.
    shown = enrolled.box.sh('serviceradar-provision collector show "$(cat /root/trapd)" --json')
    assert json.loads(shown)["collector"]["state"] == "installed", shown
    assert (enrolled.pid(ISSUER), owners(enrolled)) == (before, {OWNER})


def test_enroll_starts_the_collector_that_waited_for_it(enrolled):
    assert enrolled.state("serviceradar-trapd.service") == "active"
    assert enrolled.state("serviceradar-trapd.socket") == "active"


def test_systemd_holds_the_ports_of_streams_while_a_configuration_has_them(enrolled):
    held = "serviceradar-syslog-stream@514.socket"
    enrolled.enroll("syslog", listeners=[{"listen": "udp://[::]:514", "subject": "logs.syslog"},
                                         {"listen": "tcp://[::]:514", "subject": "logs.syslog"}])
    assert enrolled.state(held) == "active"
    assert enrolled.box.show(held, "UnitFileState") == "enabled"
    enrolled.connect(514, line(0))
    wait_for("the line", lambda: enrolled.ledger(9621, 1)["received"] == 1)
    enrolled.box.run("serviceradar-cli", "unenroll", "--keep-history", "syslog")
    assert enrolled.state(held) == "inactive"
    assert enrolled.box.show(held, "UnitFileState") == "disabled"
    enrolled.box.run("serviceradar-cli", "rollback")
    assert enrolled.state("serviceradar-syslog.service") == enrolled.state(held) == "active"
    enrolled.box.run("serviceradar-cli", "unenroll", "syslog")


def test_the_renewal_does_its_work_in_its_sandbox(enrolled):
    creds = "/etc/serviceradar/creds/trapd.creds"
    before, pid = enrolled.box.sh(f"cat {creds}"), enrolled.pid("serviceradar-trapd.service")
    enrolled.box.run("systemctl", "start", RENEW)
    assert enrolled.box.sh(f"cat {creds}") == before  # it is not due
    enrolled.box.write(f"/run/systemd/system/{RENEW}.d/now.conf",
                       "[Service]\nExecStart=\nExecStart=/usr/bin/serviceradar-cli renew\n")
    enrolled.box.run("systemctl", "daemon-reload")
    done = enrolled.box.run("systemctl", "start", RENEW, check=False)
    assert done.returncode == 0, enrolled.box.journal(RENEW)
    assert enrolled.box.sh(f"cat {creds}") != before
    assert enrolled.box.sh(f"stat -c '%U:%G %a' {creds}") == "root:serviceradar 640\n"
    assert enrolled.state("serviceradar-trapd.service") == "active", pid


def test_the_timer_waits_for_its_time(host):
    host.box.run("systemctl", "start", "serviceradar-renew.timer")
    assert host.state("serviceradar-renew.timer") == "active"
    assert host.box.show("serviceradar-renew.timer", "NextElapseUSecRealtime")


def test_a_database_of_another_owner_is_taken_over_at_the_start(issuer):
    issuer.box.sh(f"systemctl stop {ISSUER}; chown -R root:root {FOLDER}")
    issuer.start(ISSUER)
    assert owners(issuer) == {OWNER}
