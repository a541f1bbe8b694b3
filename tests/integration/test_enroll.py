# SPDX-License-Identifier: Apache-2.0
"""`serviceradar-cli enroll` with every token at every generation of the issuer."""

import hashlib
import json
import os
import shutil
import stat
import subprocess

import pytest

from bundles import flowgger_toml
from enroll_desk import (BIN, BUNDLE, CLI, FILES, NETWORK, SERVER, STATE, TOKEN, USAGE, Desk,
                         environment)
from issuer import TRAPD, Era, b64url, error, unb64url

# What each generation of the platform serves.
GENERATIONS = {
    "seed": dict(get_bundle=True, get_enroll=True),
    "seed-json-only": dict(get_enroll=True),
    "bundle": dict(get_bundle=True, get_legacy=True),
    "legacy-json-only": dict(get_legacy=True),
    "v2-whole": dict(post="whole"),
    "v2-secret": dict(post="secret"),
    "ours": dict(get_bundle=True, get_enroll=True, get_legacy=True, post="any", keys=True,
                 confirm=True, again=True),
}
JSON_ONLY = ("seed-json-only", "legacy-json-only")


@pytest.fixture
def desk(tmp_path):
    one = Desk(tmp_path)
    try:
        yield one
        one.check_files()
    finally:
        one.close()


def ca_options(desk, version):
    """Tokens of version 3 bring the pin of the CA."""
    return () if version == 3 else ("--ca-file", desk.ca_file)


def enrolled(desk, server, version, **options):
    token = desk.token(version, server.url, **options)
    if hasattr(server, "era"):
        server.era.whole_token = token
    return token, desk.enroll_json(token, *ca_options(desk, version))


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_token_works_with_every_generation(desk, generation, version):
    server = desk.era(**GENERATIONS[generation])
    _, answer = enrolled(desk, server, version)

    assert answer["changed"] and answer["collector"] == "trapd"
    assert answer["package_id"] == desk.package.id and answer["token_version"] == version
    ours = generation == "ours"
    assert answer["confirmed"] == ours
    assert desk.package.state == ("installed" if ours else "downloaded")
    assert answer["keys"] == ("host" if ours and version == 3 else "bundle")
    creds = desk.path("etc/serviceradar/creds/nats.creds").read_text()
    assert ("USER NKEY SEED" in creds) and (desk.package.user.seed in creds) == \
        (answer["keys"] == "bundle")
    assert desk.path("etc/serviceradar/certs/collector-key.pem").exists() == \
        (generation not in JSON_ONLY)
    assert stat.S_IMODE(os.stat(desk.path("etc/serviceradar/creds/nats.creds")).st_mode) == 0o640


@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_flat_layout_of_the_first_design_works(desk, version):
    desk.package.bundle = desk.package.flat_bundle
    server = desk.era(**GENERATIONS["seed"])
    token = desk.token(version, server.url)
    answer = desk.enroll_json(token, "--collector", "trapd", *ca_options(desk, version))
    assert answer["changed"]


@pytest.mark.parametrize("generation", JSON_ONLY)
@pytest.mark.parametrize("kind, file, subject", [
    ("flowgger", "syslog.json", "logs.syslog"), ("trapd", "trapd.json", "logs.snmp"),
    ("netflow", "netflow.json", "events.netflow")])
def test_the_first_shape_of_configurations_becomes_one_that_is_read(desk, generation, kind, file,
                                                                    subject):
    desk.package.type, desk.package.publish = kind, ["acme." + subject]
    server = desk.era(**GENERATIONS[generation])
    _, answer = enrolled(desk, server, 1)
    assert answer["collector"] == {"flowgger": "syslog"}.get(kind, kind)
    text = desk.path("etc/serviceradar/" + file).read_text()
    assert subject in text and "north" in text and "tls://localhost:4222" in text
    port = {"flowgger": "1514", "trapd": "1162", "netflow": "2055"}[kind]
    assert "0.0.0.0:" + port in text


@pytest.mark.parametrize("generation", ["bundle", "v2-whole", "ours"])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_platforms_bundle_of_flowgger_is_taken_as_it_is(desk, generation, version):
    desk.package.type, desk.package.config_name = "flowgger", "flowgger.toml"
    desk.package.publish = ["acme.logs.syslog", "acme.logs.syslog.deadletter"]
    desk.package.config = flowgger_toml(4222)
    server = desk.era(**GENERATIONS[generation])
    _, answer = enrolled(desk, server, version)
    assert answer["collector"] == "syslog"
    assert desk.path("etc/serviceradar/flowgger.toml").read_text() == desk.package.config


def test_old_tokens_go_the_old_ways_first(desk):
    server = desk.era(**GENERATIONS["ours"])
    enrolled(desk, server, 1)
    assert server.paths()[0] == f"GET /api/collectors/{desk.package.id}/bundle"


def test_new_tokens_show_no_secret_in_a_url(desk):
    server = desk.era(**GENERATIONS["ours"])
    enrolled(desk, server, 2)
    assert server.paths()[0].startswith("POST") and not server.requests[0].query


def test_a_server_that_wants_the_secret_gets_it_behind_the_whole_token(desk):
    server = desk.era(**GENERATIONS["v2-secret"])
    token, _ = enrolled(desk, server, 2)
    assert [r.token for r in server.requests if r.path.endswith("/bundle")] == \
        [token, desk.package.secret]


def test_a_wrong_token_is_not_tried_on_old_ways_of_a_server_that_knows_the_new(desk):
    server = desk.era(**GENERATIONS["ours"])
    desk.package.secret = "another"
    token = desk.signer.token(2, server.url, desk.package.id, "the-wrong-secret")
    answer = desk.enroll_json(token, "--ca-file", desk.ca_file, code=SERVER)
    assert "(401: invalid token)" in answer["cause"] and "new token" in answer["remedy"]
    assert [r.method for r in server.requests] == ["POST", "POST"]
    assert desk.files() == set()


# ---- Keys of the host ----

def test_keys_of_the_host_never_leave_it(desk):
    server = desk.era(**GENERATIONS["ours"])
    _, answer = enrolled(desk, server, 3)
    sent = b"".join(r.body for r in server.requests)
    seed = next(t for t in desk.path("etc/serviceradar/creds/nats.creds").read_text().split("\n")
                if t.startswith("SU"))
    assert answer["keys"] == "host" and seed.encode() not in sent and b"PRIVATE" not in sent
    assert desk.record()["keys_of_host"] is True
    assert not list(desk.path(STATE).glob("keys-*"))  # they are in place now


def test_a_run_that_was_broken_off_goes_on_with_its_keys(desk):
    """The issuer may have bound the token to them."""
    answers = []

    def fail_once(request):
        answers.append(request.json.get("nkey"))
        return error(500, "the database is away") if len(answers) == 1 else era(request)

    server = desk.serve(fail_once)
    token = desk.token(3, server.url)
    era = Era(desk.package, whole_token=token, **GENERATIONS["ours"])
    assert "the database is away" in desk.enroll_json(token, code=SERVER)["cause"]
    kept = list(desk.path(STATE).glob("keys-*"))
    assert len(kept) == 1 and stat.S_IMODE(kept[0].stat().st_mode) == 0o600
    assert desk.enroll_json(token)["keys"] == "host"
    assert answers[0] == answers[1]


def test_the_host_names_itself_by_a_hash(desk):
    server = desk.era(**GENERATIONS["ours"])
    enrolled(desk, server, 3)
    machine = "0123456789abcdef0123456789abcdef"
    named = server.requests[0].headers["X-ServiceRadar-Host"]
    assert named == hashlib.sha256(("serviceradar-host-v1" + machine).encode()).hexdigest()


def test_an_image_without_machine_id_does_not_name_itself(desk):
    desk.path("etc/machine-id").unlink()
    server = desk.era(**GENERATIONS["ours"])
    enrolled(desk, server, 3)
    assert "X-ServiceRadar-Host" not in server.requests[0].headers


# ---- Again ----

def test_running_it_again_changes_nothing_and_asks_nobody(desk):
    server = desk.era(**GENERATIONS["ours"])
    token, _ = enrolled(desk, server, 3)
    before = {n: desk.path(n).stat().st_mtime_ns for n in desk.files()}
    asked = len(server.requests)
    answer = desk.enroll_json(token)
    assert not answer["changed"] and len(server.requests) == asked
    assert {n: desk.path(n).stat().st_mtime_ns for n in desk.files()} == before


def test_a_confirmation_that_was_lost_is_made_up_for(desk):
    lost = []

    def lose_first_confirmation(request):
        if request.path.endswith("/installed") and not lost:
            lost.append(request)
            return error(500, "not now")
        return era(request)

    server = desk.serve(lose_first_confirmation)
    token = desk.token(3, server.url)
    era = Era(desk.package, whole_token=token, **GENERATIONS["ours"])
    first = desk.enroll_json(token)
    assert not first["confirmed"] and any(s["level"] == "warning" for s in first["steps"])
    again = desk.enroll_json(token)
    assert again["confirmed"] and not again["changed"] and desk.package.state == "installed"


def test_a_bundle_that_was_received_is_used_when_the_token_is_spent(desk):
    """What failed behind the download must not cost the token."""
    server = desk.era(**GENERATIONS["v2-whole"])
    token = desk.token(2, server.url)
    server.era.whole_token = token
    block = desk.path("etc/serviceradar/certs")
    desk.package.config = "{"  # what the daemon does not accept
    answer = desk.enroll_json(token, "--ca-file", desk.ca_file, code=BUNDLE)
    assert "kept" in answer["remedy"] and not block.exists()
    assert desk.files() == set()
    # The issuer has spent the token: its answer is 409 from now on.
    again = desk.enroll_json(token, "--ca-file", desk.ca_file, code=BUNDLE)
    assert again["cause"] == answer["cause"]


def test_a_bundle_that_is_another_ones_is_not_used(desk):
    """Another command may have kept one since."""
    server = desk.era(**GENERATIONS["v2-whole"])
    token = desk.token(2, server.url)
    server.era.whole_token = token
    desk.package.config = "{"
    desk.enroll_json(token, "--ca-file", desk.ca_file, code=BUNDLE)
    desk.path(STATE + "/bundle.received").write_bytes(desk.package.bundle())
    answer = desk.enroll_json(token, "--ca-file", desk.ca_file, code=SERVER)
    assert "(409: package already downloaded)" in answer["cause"]


def test_what_failed_is_told_to_the_issuer(desk):
    desk.package.config = "{"
    server = desk.era(**GENERATIONS["ours"])
    token = desk.token(3, server.url)
    server.era.whole_token = token
    answer = desk.enroll_json(token, code=BUNDLE)
    assert desk.package.state == "downloaded" and desk.package.cause == answer["cause"]
    # The same host may fetch again while the token lives.
    desk.package.config = json.dumps(TRAPD)
    assert desk.enroll_json(token)["confirmed"]


def test_another_token_replaces_the_enrolment(desk):
    server = desk.era(**GENERATIONS["ours"])
    enrolled(desk, server, 3)
    desk.package.state, desk.package.secret = "ready", "second-secret"
    _, answer = enrolled(desk, server, 3)
    assert answer["changed"] and desk.package.state == "installed"


# ---- Before the network ----

def test_a_dry_run_asks_nobody_and_writes_nothing(desk):
    server = desk.era(**GENERATIONS["ours"])
    token = desk.token(3, server.url)
    answer = desk.enroll_json(token, "--dry-run", "--collector", "trapd")
    assert answer["dry_run"] and not answer["changed"]
    assert server.requests == [] and not desk.path("var").exists() and desk.files() == set()
    assert any("would fetch" in s["text"] for s in answer["steps"])


@pytest.mark.parametrize("change, word", [
    (lambda t: t[:-9] + ("A" if t[-9] != "A" else "B") + t[-8:], "key"),
    (lambda t: t[:40], ""), (lambda t: "", "no token"), (lambda t: "edgepkg-v2:x.y", "agent")])
def test_a_token_that_is_none_touches_nothing(desk, change, word):
    server = desk.era(**GENERATIONS["ours"])
    token = change(desk.token(3, server.url))
    answer = desk.enroll_json(token, code=TOKEN)
    assert word in answer["cause"] and answer["remedy"]
    assert server.requests == [] and not desk.path("var").exists()


def test_an_expired_token_names_the_clock(desk):
    token = desk.token(2, "https://localhost:1", expires=-60)
    answer = desk.enroll_json(token, code=TOKEN)
    assert "expired" in answer["cause"] and "clock" in answer["cause"]


def test_a_signed_token_of_a_stranger_is_refused(desk):
    (desk.path("etc/serviceradar/trust.d/issuer.pub")).unlink()
    token = desk.token(2, "https://localhost:1")
    assert "trusts no signing key" in desk.enroll_json(token, code=TOKEN)["cause"]


@pytest.mark.parametrize("how", ["option", "file", "environment"])
def test_signing_keys_are_trusted_from_everywhere(desk, how):
    (desk.path("etc/serviceradar/trust.d/issuer.pub")).unlink()
    token, env, options = desk.token(2, "https://localhost:1"), environment(), []
    if how == "environment":
        env["SERVICERADAR_ONBOARDING_TOKEN_PUBLIC_KEY"] = desk.signer.text
    elif how == "option":
        options = ["--trust-key", desk.signer.text]
    else:
        file = desk.folder / "key.pub"
        file.write_text(desk.signer.text)
        options = ["--trust-key", file]
    assert desk.enroll_json(token, "--dry-run", *options, env=env)["token_version"] == 2


def test_unsigned_tokens_can_be_refused(desk):
    token = desk.token(1, "https://localhost:1")
    assert "not signed" in desk.enroll_json(token, "--require-signature", code=TOKEN)["cause"]
    steps = desk.enroll_json(token, "--dry-run")["steps"]
    assert any(s["level"] == "warning" and "nobody signed" in s["text"] for s in steps)


def test_a_pin_that_contradicts_the_token_is_refused(desk):
    token = desk.token(3, "https://localhost:1")
    answer = desk.enroll_json(token, "--ca-pin", "sha256:" + "0" * 64, code=TOKEN)
    assert "another CA" in answer["cause"]


def test_two_runs_at_a_time_exclude_each_other(desk):
    def hold(server, conn):
        server.closing.wait(20)

    server = desk.serve_raw(hold)
    token = desk.token(3, server.url)
    args = [str(CLI), "enroll", "--token-file", str(desk.file_of(token)), "--root",
            str(desk.root), "--no-proof", "--no-restart"]
    with subprocess.Popen(args, env=environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as first:
        assert server.entered.wait(20)
        answer = desk.enroll_json(token, code=FILES)
        assert f"({first.pid})" in answer["cause"]
        server.close()
        first.communicate(timeout=30)
        assert first.returncode == NETWORK


# ---- The command line ----

def test_the_token_comes_from_standard_input_too(desk):
    server = desk.era(**GENERATIONS["ours"])
    token = desk.token(3, server.url)
    done = desk.run("enroll", "--root", desk.root, "--no-proof", "--no-restart", "-",
                    stdin=token + "\n")
    assert done.returncode == 0, done.stderr


def test_flags_of_the_platforms_own_program_work(desk):
    server = desk.era(**GENERATIONS["v2-whole"])
    token = desk.token(2, server.url)
    server.era.whole_token = token
    done = desk.run("enroll", "-token", token, "-ca-file", desk.ca_file, f"--core-url={server.url}",
                    "-config-dir", "/etc/serviceradar", "-cert-dir", "/etc/serviceradar/pki",
                    "-creds-dir", "/etc/serviceradar/creds", "-config-file", "trapd.json",
                    "-host-ip", "192.0.2.1", "-force", "-root", desk.root, "-no-proof",
                    "-no-restart")
    assert done.returncode == 0, done.stderr
    assert "command line" in done.stdout  # that others can see the token there


def test_the_token_is_wiped_from_the_command_line(desk):
    server = desk.serve_raw(lambda s, c: s.closing.wait(20))
    token = desk.token(3, server.url)
    with subprocess.Popen([str(CLI), "enroll", "--token", token, "--root", str(desk.root)],
                          env=environment(), stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        assert server.entered.wait(20)
        with open(f"/proc/{process.pid}/cmdline", "rb") as f:
            assert token.encode() not in f.read()
        server.close()
        assert process.wait(30) == NETWORK


def test_children_see_no_secret(desk):
    """The daemons that check the configuration: neither in arguments nor in the environment."""
    tools, log = desk.folder / "bin", desk.folder / "children"
    tools.mkdir()
    shutil.copy(CLI, tools / "serviceradar-cli")
    for name in ("serviceradar-trapd", "serviceradar-syslog", "serviceradar-netflow"):
        (tools / name).write_text(f'#!/bin/sh\n{{ echo "$0" "$@"; env; }} >> {log}\n'
                                  f'exec {BIN / name} "$@"\n')
        (tools / name).chmod(0o755)
    server = desk.era(**GENERATIONS["ours"])
    token = desk.token(3, server.url)
    server.era.whole_token = token
    done = desk.run("enroll", "--token", token, "--root", desk.root, "--no-proof", "--no-restart",
                    cli=tools / "serviceradar-cli")
    assert done.returncode == 0, done.stderr
    seen = log.read_text()
    assert "serviceradar-trapd" in seen
    for secret in desk.secrets():
        assert secret not in seen


@pytest.mark.parametrize("args", [
    [], ["--token", "a", "--token-file", "b"], ["--nothing"], ["--token"], ["a-token-as-a-word"],
    ["--collector", "otel", "-"], ["--ca-pin", "abc", "-"], ["--timeout", "0", "-"]])
def test_a_wrong_command_line_is_usage(desk, args):
    done = desk.run("enroll", *args)
    assert done.returncode == USAGE and done.stderr and not done.stdout
    assert "a-token-as-a-word" not in done.stderr


def test_an_option_that_is_misspelt_shows_no_token(desk):
    done = desk.run("enroll", "--tokne=collectorpkg-v2:secret")
    assert done.returncode == USAGE and "--tokne" in done.stderr and "secret" not in done.stderr


def test_help_names_every_option(desk):
    done = desk.run("enroll", "--help")
    assert done.returncode == 0
    for option in ("--token-file", "--core-url", "--ca-file", "--ca-pin", "--trust-key",
                   "--collector", "--config-dir", "--cert-dir", "--creds-dir", "--config-file",
                   "--root", "--timeout", "--no-restart", "--no-proof", "--force", "--dry-run",
                   "--json", "--require-signature", "--host-ip"):
        assert option in done.stdout


def test_core_url_is_for_tokens_without_one(desk):
    server = desk.era(**GENERATIONS["seed"])
    content = json.loads(unb64url(desk.token(1, server.url)))
    del content["u"]
    token = b64url(json.dumps(content).encode())
    assert "--core-url" in desk.enroll_json(token, code=TOKEN)["remedy"]
    answer = desk.enroll_json(token, "--core-url", server.url, "--ca-file", desk.ca_file)
    assert answer["core_url"] == server.url
