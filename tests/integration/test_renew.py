# SPDX-License-Identifier: Apache-2.0
"""`serviceradar-cli renew`: keys of the host, signed for with the ones before."""

import json
import time
import uuid

import pytest

from enroll_desk import FILES, NETWORK, SERVER, STATE, USAGE, Desk
from issuer import Era, error

OURS = dict(get_bundle=True, get_enroll=True, post="any", keys=True, confirm=True, again=True)


class RenewDesk(Desk):
    """A host that is enrolled, with keys of its own unless said otherwise."""

    def enrol(self, version=3, wrap=lambda era: era):
        era = Era(self.package, **OURS)
        self.server = self.serve(wrap(era))
        token = self.token(version, self.server.url)
        era.whole_token = token
        self.enroll_json(token, *([] if version == 3 else ["--ca-file", self.ca_file]))
        self.server.requests.clear()

    def renew(self, *args, code=0):
        # The proof needs a NATS server, which these tests have none of.
        done = self.run("renew", "--root", self.root, "--no-restart", "--no-proof", "--json", *args)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def read(self, name):
        return self.path(f"etc/serviceradar/{name}").read_text()

    @property
    def results(self):
        return [self.read("creds/nats.creds"), self.read("certs/collector-key.pem"),
                self.read("certs/collector.pem")]


@pytest.fixture
def desk(tmp_path):
    one = RenewDesk(tmp_path)
    try:
        yield one
        one.check_files()
    finally:
        one.close()


def test_keys_and_certificate_are_new_afterwards(desk):
    desk.enrol()
    before, user = desk.results, desk.package.user_public
    answer = desk.renew()
    assert answer["collectors"] == [{"collector": "trapd", "result": "renewed"}]
    assert all(new != old for new, old in zip(desk.results, before))
    assert desk.package.user_public != user
    sent = b"".join(r.body for r in desk.server.requests)
    assert b"PRIVATE" not in sent and b'"SU' not in sent
    record = desk.record()
    assert record["renewed"] >= record["enrolled"] > 0
    assert not list(desk.path(STATE).glob("renew-*"))


def test_it_works_again_and_again(desk):
    desk.enrol()
    desk.renew("trapd")
    # The issuer wants times that rise, in whole seconds.
    desk.package.last_renewal = 0
    desk.renew("trapd")
    assert desk.package.last_renewal > 0


def test_it_works_after_everything_expired(desk):
    desk.package.issued = int(time.time()) - 1000
    desk.package.lifetime = 1005  # long enough to enrol on a slow machine
    desk.enrol()
    wait_until = desk.package.issued + desk.package.lifetime
    while time.time() <= wait_until:
        time.sleep(0.05)
    desk.package.issued, desk.package.lifetime = None, 86400
    assert desk.renew("--if-needed")["collectors"][0]["result"] == "renewed"


@pytest.mark.parametrize("age, lifetime, result", [
    (0, 3000, "not-due"), (1900, 3000, "not-due"), (2100, 3000, "renewed")])
def test_two_thirds_of_a_lifetime_are_the_threshold(desk, age, lifetime, result):
    desk.package.issued, desk.package.lifetime = int(time.time()) - age, lifetime
    desk.enrol()
    desk.package.issued, desk.package.lifetime = None, 86400
    assert desk.renew("--if-needed")["collectors"][0]["result"] == result
    assert len(desk.server.requests) == (1 if result == "renewed" else 0)


def test_the_certificate_counts_too(desk):
    desk.package.cert_days = (-20, 5)
    desk.enrol()
    desk.package.cert_days = (-1, 20)
    assert desk.renew("--if-needed")["collectors"][0]["result"] == "renewed"
    assert desk.renew("--if-needed")["collectors"][0]["result"] == "not-due"


def test_an_answer_that_was_lost_does_not_lock_the_host_out(desk):
    """The issuer went on to the new keys; the host has them and signs with them."""
    lost = []

    def lose_first_renewal(era):
        def answer(request):
            whole = era(request)
            if request.path.endswith("/renew") and not lost:
                lost.append(request)
                return error(500, "the answer got lost")
            return whole
        return answer

    desk.enrol(wrap=lose_first_renewal)
    before = desk.results
    assert "got lost" in desk.renew(code=SERVER)["cause"]
    assert desk.results == before
    desk.package.last_renewal = 0
    desk.renew()
    assert desk.results != before
    assert lost[0].json["nkey"] == desk.package.user_public


def test_an_answer_that_was_lost_is_asked_for_again_by_the_timer(desk):
    """The old credentials are revoked by then, however long they would have lived."""
    lost = []

    def lose_first_renewal(era):
        def answer(request):
            whole = era(request)
            if request.path.endswith("/renew") and not lost:
                lost.append(request)
                return error(500, "the answer got lost")
            return whole
        return answer

    desk.enrol(wrap=lose_first_renewal)
    assert desk.renew("--if-needed")["collectors"][0]["result"] == "not-due"
    assert "got lost" in desk.renew(code=SERVER)["cause"]
    desk.package.last_renewal = 0
    assert desk.renew("--if-needed")["collectors"][0]["result"] == "renewed"
    assert desk.renew("--if-needed")["collectors"][0]["result"] == "not-due"


def test_keys_of_a_renewal_that_never_ended_are_not_the_next_collectors(desk):
    """They are of another user at the issuer, who would refuse them for good."""
    asked = []

    def lose_renewals(era):
        def answer(request):
            if request.path.endswith("/renew"):
                asked.append(request.json["nkey"])
                return error(500, "the answer got lost")
            return era(request)
        return answer

    desk.enrol(wrap=lose_renewals)
    desk.renew(code=SERVER)
    desk.package.id, desk.package.secret = str(uuid.uuid4()), "second-secret"
    desk.package.state = "ready"
    desk.enrol(wrap=lose_renewals)
    desk.renew(code=SERVER)
    assert len(set(asked)) == 2


@pytest.mark.parametrize("args", [("--dry-run",), ()])
def test_taking_a_renewal_back_warns_that_the_old_credentials_end(desk, args):
    desk.enrol()
    desk.renew()
    done = desk.run("rollback", "--root", desk.root, "--no-restart", "--json", *args)
    assert done.returncode == 0, done.stdout + done.stderr
    warned = [s["text"] for s in json.loads(done.stdout)["steps"] if s["level"] == "warning"]
    assert len(warned) == 1 and "end a day after" in warned[0] and "token" in warned[0]


def test_a_signature_that_is_refused_names_clock_and_token(desk):
    desk.enrol()
    desk.package.last_renewal = int(time.time()) + 1000
    answer = desk.renew(code=SERVER)
    assert "(401: time is not now)" in answer["cause"]
    assert "clock" in answer["remedy"] and "token" in answer["remedy"]


def test_an_issuer_that_is_away_changes_nothing(desk):
    desk.enrol()
    before = desk.results
    desk.server.close()
    desk.servers.remove(desk.server)
    assert "accepts a connection" in desk.renew(code=NETWORK)["cause"]
    assert desk.results == before


def test_a_host_that_has_no_place_for_new_files_does_not_ask_for_them(desk):
    """The issuer revokes the present credentials a day after it gave others."""
    desk.enrol()
    before = desk.results
    desk.path("etc/serviceradar/certs").chmod(0o777)
    desk.renew(code=FILES)
    assert desk.server.requests == [] and desk.results == before
    desk.path("etc/serviceradar/certs").chmod(0o750)
    desk.renew()
    assert desk.results != before


def test_a_collector_that_cannot_be_renewed_keeps_no_other_from_it(desk):
    desk.enrol()
    damaged = desk.path(f"{STATE}/syslog.json")  # which comes first
    damaged.write_text("{}")
    answer = desk.renew(code=FILES)
    assert "damaged" in answer["cause"]
    assert answer["collectors"] == [{"collector": "syslog", "result": "failed"},
                                    {"collector": "trapd", "result": "renewed"}]
    damaged.unlink()


def test_the_pin_of_the_token_still_counts(desk):
    desk.enrol()
    assert desk.record()["ca_pin"] == desk.ca.pin[len("sha256:"):]


def test_keys_of_a_bundle_are_renewed_by_a_token(desk):
    desk.enrol(version=2)
    assert desk.renew()["collectors"] == [{"collector": "trapd", "result": "not-renewable"}]
    answer = desk.renew("trapd", code=1)
    assert "not made on this host" in answer["cause"] and "token" in answer["remedy"]
    assert desk.renew("trapd", "--if-needed")["collectors"][0]["result"] == "not-renewable"
    assert desk.server.requests == []


def test_a_host_without_collectors_has_nothing_to_do(desk):
    assert desk.renew("--if-needed")["collectors"] == []
    assert "not enrolled" in desk.renew("netflow", code=1)["cause"]


@pytest.mark.parametrize("args", [["otel"], ["trapd", "netflow"], ["--timeout", "x"], ["--what"]])
def test_a_wrong_command_line_is_usage(desk, args):
    assert desk.run("renew", *args).returncode == USAGE
