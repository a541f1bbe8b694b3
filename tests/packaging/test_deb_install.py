# SPDX-License-Identifier: Apache-2.0
"""Packages of Debian installed, upgraded, removed and purged on a host where no systemd is."""

import shutil

import pytest

import chroot
import container
import deb
import upstream

CONFIG = '{"listen_addr": "0.0.0.0:162", "nats_url": "nats://nats:4222", "subject": "logs.snmp"}\n'
FOLDER = "/etc/serviceradar"
STATE = "/var/lib/serviceradar"
FLOWGGER = ('[input]\ntype = "udp"\nlisten = "0.0.0.0:514"\nformat = "rfc3164"\n[output]\ntype = "nats"\n'
            'format = "gelf"\nnats_url = "nats://nats:4222"\nnats_subject = "logs.site"\n')
# How a person may have left a host: a mirror of what `enroll` of the older tool wrote, and too open.
SECRETS = (f"{FOLDER}/creds/nats.creds", f"{FOLDER}/certs/collector-key.pem")


@pytest.fixture(scope="module")
def files(packages, tmp_path_factory):
    """A folder of ours and older packages, as it is seen at /srv/packages: {name: file name}."""
    folder = tmp_path_factory.mktemp("packages")
    for name in deb.NAMES:
        shutil.copy(deb.find(packages, name), folder / f"{name}.deb")
    for name in ("serviceradar-collector-common", "serviceradar-trapd"):
        deb.later(folder / f"{name}.deb", folder).rename(folder / f"{name}-later.deb")
    built = folder / "built"
    built.mkdir()
    for name, config, text, port in (
            ("serviceradar-trapd", "trapd.json", CONFIG, 162),
            ("serviceradar-flow-collector", "flow-collector.json", "{}\n", 2055),
            ("serviceradar-log-collector", "log-collector.toml",
             '[flowgger]\nconfig_file = "/srv/site.toml"\n', 514)):
        upstream.build(built, name, config, text, port).rename(folder / f"{name}-old.deb")
    return folder


@pytest.fixture
def host(files, tmp_path):
    base = container.root(*container.LIBRARIES, "passwd",
                          system=("systemd-standalone-sysusers", "systemd-standalone-tmpfiles"))
    with chroot.enter(tmp_path, base, files) as one:
        yield one


def install(host, *names):
    """What `apt install` does with files, and says."""
    return host.run("apt-get", "install", "--yes", "--no-install-recommends",
                    *(f"/srv/packages/{name}.deb" for name in names)).stdout


def ours(name):
    return ("serviceradar-collector-common", f"serviceradar-{name}")


def read_by_syslog(host):
    """What the service would read, in the order of its unit."""
    return host.run("serviceradar-syslog", "--print-config",
                    *(f"--config={FOLDER}/{name}" for name in ("flowgger.toml",
                                                              "log-collector.toml")), check=False)


def state(host, name):
    """`ii` for an installed package, `rc` for what remains of a removed one."""
    done = host.run("dpkg-query", "-W", "-f=${db:Status-Abbrev}", name, check=False)
    return done.stdout.strip()


def enrol(host, name="nats", mode=0o644):
    """Credentials and keys as older programs left them."""
    for file in (f"{FOLDER}/creds/{name}.creds",
                 f"{FOLDER}/certs/{'collector' if name == 'nats' else name}-key.pem"):
        host.write(file, f"secret of {name}\n", mode, "serviceradar:serviceradar")


def test_all_packages_are_installed_on_a_host_without_systemd(host):
    install(host, *deb.NAMES)
    assert host.run("dpkg", "--audit").stdout == ""
    assert not host.path("/run/systemd").exists()
    for name in deb.COLLECTORS:
        assert "1.3.0" in host.run(f"/usr/sbin/serviceradar-{name}", "--version").stdout
    assert host.run("serviceradar-cli", "--version").stdout
    assert host.run("serviceradar-provision", "--version").stdout


def test_user_and_folders_are_there_and_closed(host):
    install(host, "serviceradar-collector-common")
    assert host.run("getent", "passwd", "serviceradar").stdout.strip().endswith("/nologin")
    assert host.owned(FOLDER) == "root:serviceradar 750"
    assert host.owned(f"{FOLDER}/trust.d") == "root:root 755"
    assert host.owned(STATE) == "root:root 755"


def test_units_are_enabled_for_the_next_boot_but_not_the_issuer(host):
    install(host, *deb.NAMES)
    for name in deb.COLLECTORS:
        assert host.path(f"/etc/systemd/system/multi-user.target.wants/serviceradar-{name}.service"
                         ).is_symlink()
        assert host.path(f"/etc/systemd/system/sockets.target.wants/serviceradar-{name}.socket"
                         ).is_symlink()
    assert host.path("/etc/systemd/system/timers.target.wants/serviceradar-renew.timer").is_symlink()
    assert host.path("/etc/systemd/system/serviceradar-flowgger.service").is_symlink()
    assert not list(host.path("/etc/systemd/system").rglob("*provision*"))


@pytest.mark.parametrize("edited", (False, True), ids=("as packaged", "edited"))
def test_an_upgrade_of_trapd_keeps_its_file_and_asks_nothing(host, edited):
    install(host, "serviceradar-trapd-old")
    text = CONFIG.replace("logs.snmp", "logs.snmp.site") if edited else CONFIG
    host.path(f"{FOLDER}/trapd.json").write_text(text)
    enrol(host)
    install(host, *ours("trapd"))
    assert host.path(f"{FOLDER}/trapd.json").read_text() == text
    assert not [file for file in host.path(FOLDER).iterdir() if "dpkg" in file.name]
    assert host.owned(f"{FOLDER}/trapd.json") == "root:serviceradar 640"
    assert not host.path("/usr/local/bin/serviceradar-trapd").exists()
    assert host.path("/lib/systemd/system/serviceradar-trapd.socket").exists()


def test_secrets_that_were_open_to_all_are_not_after_an_upgrade(host):
    install(host, "serviceradar-trapd-old")
    enrol(host)
    assert host.owned(FOLDER).startswith("serviceradar:")
    install(host, *ours("trapd"))
    assert host.owned(FOLDER) == "root:serviceradar 750"
    for secret in SECRETS:
        assert host.owned(secret) == "root:serviceradar 640"
        assert host.path(secret).read_text() == "secret of nats\n"
    assert host.owned(f"{FOLDER}/creds") == "root:serviceradar 750"


def test_a_link_that_the_older_service_left_gives_nothing_away(host):
    install(host, "serviceradar-flow-collector-old")
    file = host.path(f"{FOLDER}/flow-collector.json")
    file.unlink()
    host.run("ln", "-s", "/etc/shadow", f"{FOLDER}/flow-collector.json")
    before = host.owned("/etc/shadow")
    install(host, *ours("netflow"))
    assert host.owned("/etc/shadow") == before
    assert not host.path(f"{FOLDER}/netflow.json").exists()


def test_a_damaged_configuration_does_not_stop_an_upgrade_and_stays(host):
    install(host, "serviceradar-trapd-old")
    host.path(f"{FOLDER}/trapd.json").write_bytes(b'{"listen_addr": \xff\x00')
    install(host, *ours("trapd"))
    assert state(host, "serviceradar-trapd") == "ii"
    assert host.path(f"{FOLDER}/trapd.json").read_bytes() == b'{"listen_addr": \xff\x00'


def test_netflow_takes_the_place_of_the_flow_collector_with_its_file(host):
    install(host, "serviceradar-flow-collector-old")
    host.path(f"{FOLDER}/flow-collector.json").write_text('{"edited": true}\n')
    said = install(host, *ours("netflow"))
    assert "REMOVED:\n  serviceradar-flow-collector\n" in said
    assert state(host, "serviceradar-flow-collector") == "rc"
    assert host.path(f"{FOLDER}/netflow.json").read_text() == '{"edited": true}\n'
    assert host.owned(f"{FOLDER}/netflow.json") == "root:serviceradar 640"
    host.run("dpkg", "--purge", "serviceradar-flow-collector")
    assert not host.path(f"{FOLDER}/flow-collector.json").exists()
    assert host.path(f"{FOLDER}/netflow.json").read_text() == '{"edited": true}\n'


def test_syslog_takes_the_place_of_the_log_collector_with_its_file(host):
    install(host, "serviceradar-log-collector-old")
    enrol(host)
    said = install(host, *ours("syslog"))
    assert "REMOVED:\n  serviceradar-log-collector\n" in said
    host.run("dpkg", "--purge", "serviceradar-log-collector")
    assert "site.toml" in host.path(f"{FOLDER}/flowgger.toml").read_text()
    host.write("/srv/site.toml", FLOWGGER)
    assert "logs.site" in read_by_syslog(host).stdout
    assert host.owned(SECRETS[0]) == "root:serviceradar 640"


@pytest.mark.parametrize("said", ('config_file = "flowgger.toml"',
                                  "config_file = '/etc/serviceradar/flowgger.toml'",
                                  "enabled = true  # config_file = \"x\""),
                         ids=("its name", "its path", "nothing"))
def test_a_log_collector_that_led_to_flowgger_toml_is_not_copied_to_that_name(host, said):
    install(host, "serviceradar-log-collector-old")
    host.path(f"{FOLDER}/log-collector.toml").write_text(
        f'[flowgger]\n{said}\n[otel]\nconfig_file = "/srv/otel.toml"\n')
    install(host, *ours("syslog"))
    assert not host.path(f"{FOLDER}/flowgger.toml").exists()
    refused = read_by_syslog(host)
    assert refused.returncode == 2 and "flowgger.toml: cannot be read" in refused.stderr
    host.write(f"{FOLDER}/flowgger.toml", FLOWGGER)
    assert "logs.site" in read_by_syslog(host).stdout
    host.run("dpkg", "--purge", "serviceradar-log-collector")
    assert host.path(f"{FOLDER}/flowgger.toml").read_text() == FLOWGGER


def test_the_file_of_an_enrolment_is_not_replaced_by_that_of_the_log_collector(host):
    install(host, "serviceradar-log-collector-old")
    host.write(f"{FOLDER}/flowgger.toml", "[input]\n", 0o600, "root:root")
    install(host, *ours("syslog"))
    assert host.path(f"{FOLDER}/flowgger.toml").read_text() == "[input]\n"
    assert host.owned(f"{FOLDER}/flowgger.toml") == "root:serviceradar 640"


def queue(host, *names):
    for name in names:
        host.write(f"{STATE}/{name}/0001.seg", f"records of {name}\n", 0o600,
                   "serviceradar:serviceradar")


def test_an_upgrade_keeps_queue_and_edited_files(host):
    install(host, *ours("trapd"))
    queue(host, "trapd")
    host.write(f"{FOLDER}/trapd.yaml", "# mine\n", 0o640, "root:serviceradar")
    install(host, *(f"{name}-later" for name in ours("trapd")))
    assert deb.LATER in host.run("dpkg-query", "-W", "serviceradar-trapd").stdout
    assert host.path(f"{STATE}/trapd/0001.seg").read_text() == "records of trapd\n"
    assert host.owned(f"{STATE}/trapd/0001.seg") == "serviceradar:serviceradar 600"
    assert host.path(f"{FOLDER}/trapd.yaml").read_text() == "# mine\n"


def test_a_removal_keeps_configuration_and_queue_for_the_return(host):
    install(host, *ours("trapd"))
    queue(host, "trapd")
    host.write(f"{FOLDER}/trapd.yaml", "# mine\n")
    host.run("dpkg", "--remove", "serviceradar-trapd")
    assert not host.path("/usr/sbin/serviceradar-trapd").exists()
    install(host, "serviceradar-trapd")
    assert host.path(f"{FOLDER}/trapd.yaml").read_text() == "# mine\n"
    assert host.path(f"{STATE}/trapd/0001.seg").exists()


def test_a_purge_removes_what_is_of_the_collector_and_nothing_of_another(host):
    install(host, *ours("trapd"), "serviceradar-syslog")
    of_trapd = [f"{FOLDER}/trapd.yaml", f"{FOLDER}/trapd@b.json", f"{STATE}/enroll/trapd.json",
                f"{FOLDER}/trapd.json.operator-1", f"{FOLDER}/creds/trapd@b.creds.operator-1"]
    stays = [f"{FOLDER}/syslog.yaml", f"{FOLDER}/syslog.json.operator-1", f"{STATE}/enroll/syslog.json", f"{FOLDER}/agent.json",
             f"{FOLDER}/trapd-notes.txt"]
    for file in of_trapd + stays:
        host.write(file, "mine\n")
    for name in ("nats", "trapd", "trapd@b", "syslog"):
        enrol(host, name)
    queue(host, "trapd", "trapd@b", "syslog", "provision")
    host.run("dpkg", "--purge", "serviceradar-trapd")
    left = {"/" + str(file.relative_to(host.path("/")))
            for folder in (FOLDER, STATE) for file in host.path(folder).rglob("*") if file.is_file()}
    assert left == {*stays, *SECRETS, f"{FOLDER}/creds/syslog.creds",
                    f"{FOLDER}/certs/syslog-key.pem", f"{STATE}/syslog/0001.seg",
                    f"{STATE}/provision/0001.seg"}
    assert state(host, "serviceradar-syslog") == "ii"


def test_a_purge_leaves_the_file_of_the_older_package_that_came_back(host):
    install(host, *ours("netflow"))
    install(host, "serviceradar-flow-collector-old")
    host.run("dpkg", "--purge", "serviceradar-netflow")
    assert host.path(f"{FOLDER}/flow-collector.json").read_text() == "{}\n"


def test_the_purge_of_everything_leaves_nothing_and_it_can_be_installed_again(host):
    names = [name for name in deb.NAMES if name != "serviceradar-provision"]
    install(host, *names)
    for name in deb.COLLECTORS:
        host.write(f"{FOLDER}/{name}.yaml", "mine\n")
        enrol(host, name)
    enrol(host)
    queue(host, *deb.COLLECTORS)
    host.write(f"{FOLDER}/trust.d/issuer.pub", "key\n")
    host.write(f"{STATE}/enroll/gen-1/manifest", "kept\n")
    host.run("dpkg", "--purge", *names)
    assert not host.path(FOLDER).exists()
    assert not host.path(STATE).exists()
    assert not list(host.path("/etc/systemd/system").rglob("*serviceradar*"))
    assert not list(host.path("/var/lib/systemd").rglob("*serviceradar*"))
    install(host, *names)
    assert host.owned(FOLDER) == "root:serviceradar 750"
    assert host.path("/etc/systemd/system/sockets.target.wants/serviceradar-trapd.socket"
                     ).is_symlink()


def test_no_purge_removes_what_an_issuer_signs_with(host):
    install(host, "serviceradar-provision")
    assert host.owned(f"{STATE}/provision") == "serviceradar-provision:serviceradar-provision 700"
    host.write(f"{STATE}/provision/state.db", "keys\n")
    host.run("dpkg", "--purge", "serviceradar-provision")
    assert host.path(f"{STATE}/provision/state.db").read_text() == "keys\n"
