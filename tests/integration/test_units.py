# SPDX-License-Identifier: Apache-2.0
"""What the commands of the edge host do with the service and its .socket unit."""

import pathlib
import re
import shlex

import pytest

import sandbox
from bundles import files_of, trapd_json, write_bundle
from lab import BIN
from test_operator_docs import HOST, STANDIN
from test_provision import World, dev, free_port

UNITS = r"""
printf '[Service]\nExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 18080\n' \
    > /etc/systemd/system/serviceradar-trapd.service
touch /etc/systemd/system/serviceradar-trapd.socket
state() {
    echo "$1:" $(systemctl is-active serviceradar-trapd.service && echo service) \
        $(systemctl is-active serviceradar-trapd.socket && echo socket) \
        $(systemctl is-enabled serviceradar-trapd.service && echo service-enabled) \
        $(systemctl is-enabled serviceradar-trapd.socket && echo socket-enabled)
}
apply() { serviceradar-cli bundle apply --no-proof "$@" "$BUNDLE"; }
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("units")
    world = World(folder / "world", free_port())
    assert dev(world.dir, world.port).returncode == 0
    return write_bundle(folder / "b.tgz", files_of(world, "trapd", trapd_json(world.port)))


def on_host(bundle, script, tmp_path):
    """What the script says on a host with the two units."""
    if not pathlib.Path("/usr/bin/systemctl").exists():
        pytest.skip("there is no systemctl to stand in for")
    names = f"STANDIN={shlex.quote(str(STANDIN))}\nBUNDLE={shlex.quote(str(bundle))}\n"
    done = sandbox.run(names + HOST + UNITS + "exec 2>&1\n" + script, tmp_path, [BIN])
    assert done.returncode == 0, done.stdout
    return done.stdout


def states(said):
    return [line for line in said.splitlines()
            if line.split(":")[0] in ("enrolled", "ended", "back", "failed")]


def test_the_socket_goes_with_its_service(bundle, tmp_path):
    said = on_host(bundle, """
        apply && state enrolled
        serviceradar-cli unenroll --keep-history trapd && state ended
        serviceradar-cli rollback && state back
    """, tmp_path)
    assert states(said) == [
        "enrolled: service socket service-enabled socket-enabled", "ended:",
        "back: service socket service-enabled socket-enabled"], said


def test_a_service_that_runs_without_its_socket_gets_it(bundle, tmp_path):
    said = on_host(bundle, """
        systemctl start serviceradar-trapd.service
        apply && state enrolled
    """, tmp_path)
    assert states(said) == ["enrolled: service socket service-enabled socket-enabled"], said


def test_a_start_that_fails_leaves_both_units_as_they_were(bundle, tmp_path):
    said = on_host(bundle, """
        printf '[Service]\\nExecStart=/bin/false\\n' > /etc/systemd/system/serviceradar-trapd.service
        if apply; then exit 9; fi
        state failed
    """, tmp_path)
    assert states(said) == ["failed:"] and "cannot be started" in said, said


def test_a_masked_unit_is_named_with_its_cure_and_everything_is_as_it_was(bundle, tmp_path):
    said = on_host(bundle, """
        mv /etc/systemd/system/serviceradar-trapd.service /lib/systemd/system/
        ln -s /dev/null /etc/systemd/system/serviceradar-trapd.service
        if apply; then exit 9; fi
        test ! -e /etc/serviceradar/trapd.json
        state failed
    """, tmp_path)
    assert states(said) == ["failed:"], said
    assert "try: systemctl unmask serviceradar-trapd.service" in said


def test_a_masked_socket_leaves_the_service_without_it(bundle, tmp_path):
    said = on_host(bundle, """
        mv /etc/systemd/system/serviceradar-trapd.socket /lib/systemd/system/
        ln -s /dev/null /etc/systemd/system/serviceradar-trapd.socket
        apply && state enrolled
        serviceradar-cli unenroll trapd && state ended
    """, tmp_path)
    assert states(said) == ["enrolled: service service-enabled", "ended:"], said


def test_a_configuration_that_goes_before_is_refused_and_named(bundle, tmp_path):
    said = on_host(bundle, """
        mkdir -p /etc/serviceradar
        echo '{}' > /etc/serviceradar/trapd.yaml
        if apply; then exit 9; fi
        rm /etc/serviceradar/trapd.yaml
        apply
        echo '{}' > /etc/serviceradar/trapd.yaml
        serviceradar-cli doctor trapd || true
    """, tmp_path)
    assert ("/etc/serviceradar/trapd.yaml is there, which the service reads before the "
            "/etc/serviceradar/trapd.json of the enrolment") in said
    assert "the service reads /etc/serviceradar/trapd.yaml before the" in said


# A program on a port, by its pid in $holder.
HOLD = """
hold() {
    test -p /run/held || mkfifo /run/held
    "${2:-python3}" -c 'import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(sys.argv[1])))
open("/run/held", "w").close()
time.sleep(600)' "$1" & holder=$!
    read -r _ < /run/held || true
}
"""


def test_a_start_that_fails_names_who_holds_the_port(bundle, tmp_path):
    said = on_host(bundle, HOLD + """
        printf '[Service]\\nExecStart=/bin/false\\n' > /etc/systemd/system/serviceradar-trapd.service
        hold 11162
        if apply; then exit 9; fi
        kill $holder
        echo "holder is $holder"
    """, tmp_path)
    holder = said.split("holder is ")[1].split()[0]
    assert re.search(rf"udp://127.0.0.1:11162 is taken by python[\d.]* \(pid {holder}\)", said), said
    assert "try: stop that program, or have the bundle issued with another listen address" in said


def test_who_holds_the_packages_port_is_named_before_the_token_is_spent(bundle, tmp_path):
    said = on_host(bundle, HOLD + """
        printf '{"u":"%s","p":"%s","t":"%s"}' https://localhost:1 \
            6f1c3d2e-0000-4000-8000-000000000001 c2VjcmV0c2VjcmV0c2VjcmV0 |
            basenc --base64url -w 0 | tr -d = > /run/token
        look() {
            echo "$1"
            serviceradar-cli enroll --token-file /run/token --dry-run --collector trapd
        }
        look nobody
        hold 162
        look "python $holder"
        kill $holder
        wait $holder || true
        cp "$(readlink -f "$(command -v python3)")" /run/serviceradar-trapd
        hold 162 /run/serviceradar-trapd
        look ours
        kill $holder
    """, tmp_path)
    nobody, other = said.split("\npython ")
    other, ours = other.split("\nours")
    taken = rf"udp://0.0.0.0:162 is taken by python[\d.]* \(pid {other.split()[0]}\)"
    assert re.search(taken, other)
    assert all("would fetch" in part for part in (nobody, other, ours)), said
    assert "is taken" not in nobody + ours, said


def test_a_unit_that_systemd_was_starting_again_is_not_stopped_by_a_failure(bundle, tmp_path):
    said = on_host(bundle, """
        printf '[Service]\\nExecStart=/bin/false\\n' > /etc/systemd/system/serviceradar-trapd.service
        touch /run/standin/serviceradar-trapd.service.restarting
        if apply; then exit 9; fi
        cat /run/standin/serviceradar-trapd.service.verb
    """, tmp_path)
    assert said.splitlines()[-1] == "restart", said
