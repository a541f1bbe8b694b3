# SPDX-License-Identifier: Apache-2.0
"""The packages of EL and Fedora, as far as a Debian can look at them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
ROOM = SOURCE / "packaging" / "rpm"
SPEC = ROOM / "serviceradar-collectors.spec"
COLLECTORS = ("trapd", "syslog", "netflow")
ETC = "/etc/serviceradar"
OURS = "root:serviceradar"

for needed in ("rpm", "rpmbuild", "rpmlint", "createrepo_c", "dnf"):
    if shutil.which(needed) is None:
        pytest.skip(f"{needed} is not installed", allow_module_level=True)
import rpm_root  # noqa: E402  (needs rpm)
import upstream_rpm  # noqa: E402


def run(*command, **options):
    options = {"timeout": 120, **options}
    done = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="session")
def rpms(packages):
    """The paths of the packages, by name."""
    found = {}
    for file in (packages / "rpm").glob("*.rpm"):
        name, source = run("rpm", "-qp", "--qf", "%{NAME} %{SOURCERPM}", file).split()
        if source != "(none)":
            found[name] = file
    return found


@pytest.fixture
def root(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("rpm --root needs root")
    (tmp_path / "root").mkdir()
    return rpm_root.Root(tmp_path / "root")


def install(root, rpms, *names):
    root.rpm("-U", *(rpms[name] for name in names))


COMMON = "serviceradar-collector-common"
SHIPPED = [COMMON, "serviceradar-cli", "serviceradar-provision",
           *(f"serviceradar-{name}" for name in COLLECTORS)]


def listed(package):
    """What a package lists: path -> (mode, owners, flags)."""
    query = ("[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} "
             "-%{FILEFLAGS:fflags}\\n]")
    return {path: (mode, owners, flags.strip("-")) for path, mode, owners, flags in
            (line.split() for line in run("rpm", "-qp", "--qf", query, package).splitlines())}


def test_the_version_is_the_one_of_the_project(rpms):
    cmake = (SOURCE / "CMakeLists.txt").read_text()
    project = re.search(r"^project\(.* VERSION ([\d.]+)", cmake, re.M)[1]
    for package in rpms.values():
        assert run("rpm", "-qp", "--qf", "%{VERSION}", package) == project
    assert f"> - {project}-1\n" in SPEC.read_text().split("%changelog")[1]


def test_there_is_a_package_for_each_program_and_one_of_debug_symbols(rpms):
    assert sorted(rpms) == sorted([*SHIPPED, "serviceradar-collectors-debuginfo"])


def test_what_is_built_here_says_that_it_is_a_test_artefact(rpms):
    for name, package in rpms.items():
        said = run("rpm", "-qp", "--qf", "%{RELEASE} | %{VENDOR} | %{DESCRIPTION}", package)
        assert said.startswith("0.test | Test artefact,")
        assert name.endswith("-debuginfo") or "do not\ninstall it" in said


def test_debug_symbols_are_there_for_each_program(rpms):
    files = set(run("rpm", "-qpl", rpms["serviceradar-collectors-debuginfo"]).split())
    for program in ("bin/serviceradar-cli", "bin/serviceradar-provision",
                    *(f"sbin/serviceradar-{name}" for name in COLLECTORS)):
        assert any(file.startswith(f"/usr/lib/debug/usr/{program}-") for file in files)
    assert any(file.endswith("/common/shell/publisher.c") for file in files)


@pytest.mark.parametrize("name", COLLECTORS)
def test_a_collector_has_its_program_and_its_units(rpms, name):
    files = listed(rpms[f"serviceradar-{name}"])
    units = f"/usr/lib/systemd/system/serviceradar-{name}"
    assert files[f"/usr/sbin/serviceradar-{name}"][:2] == ("-rwxr-xr-x", "root:root")
    for path in (f"{units}.service", f"{units}.socket", f"{units}@.service",
                 f"/usr/share/serviceradar/{name}.yaml",
                 f"/usr/share/man/man8/serviceradar-{name}.8.gz"):
        assert files[path][:2] == ("-rw-r--r--", "root:root")


def test_sockets_of_connections_are_of_the_collectors_that_take_any(rpms):
    holders = {name for name in COLLECTORS for path in listed(rpms[f"serviceradar-{name}"])
               if path == f"/usr/lib/systemd/system/serviceradar-{name}-stream@.socket"}
    assert holders == {"syslog", "netflow"}


def test_each_program_has_a_manual_page_and_each_tool_completions(rpms):
    for name, section in (("cli", 1), ("provision", 8), *((name, 8) for name in COLLECTORS)):
        files = listed(rpms[f"serviceradar-{name}"])
        assert f"/usr/share/man/man{section}/serviceradar-{name}.{section}.gz" in files
        if name not in COLLECTORS:
            assert {f"/usr/share/bash-completion/completions/serviceradar-{name}",
                    f"/usr/share/zsh/site-functions/_serviceradar-{name}",
                    f"/usr/share/fish/vendor_completions.d/serviceradar-{name}.fish"} <= set(files)


def test_enrolled_files_are_ghosts_that_others_cannot_read(rpms):
    seen = set()
    for name in SHIPPED:
        for path, (mode, owners, flags) in listed(rpms[name]).items():
            if path.startswith(f"{ETC}/") and not mode.startswith("d"):
                assert (mode, owners, set(flags)) == ("-rw-r-----", OURS, set("cng")), path
                seen.add(path.removeprefix(f"{ETC}/"))
    for name in COLLECTORS:
        assert {f"{name}.yaml", f"{name}.json", f"creds/{name}.creds",
                f"certs/{name}-key.pem"} <= seen
    assert {"flowgger.toml", "log-collector.toml", "flow-collector.json", "creds/nats.creds",
            "certs/collector-key.pem"} <= seen


def test_no_file_is_in_two_packages(rpms):
    holders = {}
    for name in SHIPPED:
        for path, (mode, _, flags) in listed(rpms[name]).items():
            if not mode.startswith("d") and "l" not in flags and "/.build-id/" not in path:
                holders.setdefault(path, []).append(name)
    assert not {path: names for path, names in holders.items() if len(names) > 1}


def test_scriptlets_of_the_macros_are_used_where_they_are(tmp_path):
    macros = tmp_path / "macros"
    names = ("systemd_post", "systemd_preun", "systemd_postun", "systemd_postun_with_restart",
             "tmpfiles_create", "sysusers_create_compat")
    macros.write_text("".join(f"%{name}() THEIRS-{name} %*\n" for name in names) + "".join(
        f"%{folder} /theirs/{folder}\n" for folder in
        ("_unitdir", "_presetdir", "_sysusersdir", "_tmpfilesdir")) + "%_enable_debug_packages 1\n")
    for define in ("rhel 9", "rhel 10", "fedora 41", "fedora 42"):
        text = run("rpmspec", "-P", "--load", macros, "--define", define,
                   "--define", "dist .dist", SPEC)
        for name in names:
            assert f"THEIRS-{name} " in text
        assert "/theirs/_unitdir/serviceradar-trapd.socket" in text
        assert "Test artefact" not in text and "do not\ninstall it" not in text
        assert re.search(r"^Release: +1\.dist$", text, re.M)
        assert ("bundled(nats.c)" in text) == define.startswith("rhel")
        assert ("pkgconfig(libnats)" in text) != define.startswith("rhel")
        for call in ("systemctl preset", "try-restart", "--no-reload disable --now", "useradd"):
            assert call not in text


def test_a_system_that_makes_users_without_a_macro_gets_the_rest_of_them(tmp_path):
    macros = tmp_path / "macros"
    macros.write_text("%systemd_post() THEIRS %*\n%tmpfiles_create() THEIRS %*\n")
    shutil.copy(SOURCE / "packaging" / "common" / "sysusers" / "serviceradar.conf", tmp_path)
    text = run("rpmspec", "-P", "--load", macros, "--define", "fedora 43",
               "--define", f"_sourcedir {tmp_path}", SPEC)
    assert "THEIRS serviceradar-trapd.socket serviceradar-trapd.service" in text
    assert "useradd -r -g serviceradar " in text and "%sysusers" not in text


def test_without_those_macros_the_fallbacks_say_the_same(tmp_path):
    """With and without a distribution's name, so that a minimal EL builds them, too."""
    for user in ("serviceradar", "serviceradar-provision"):
        shutil.copy(SOURCE / "packaging" / "common" / "sysusers" / f"{user}.conf", tmp_path)
    for define in ("rhel 9", "unknown 1"):
        text = run("rpmspec", "-P", "--define", define, "--define", f"_sourcedir {tmp_path}", SPEC)
        assert "preset serviceradar-trapd.socket serviceradar-trapd.service" in text
        assert "useradd -r -g serviceradar -d /var/lib/serviceradar " in text
        assert "useradd -r -g serviceradar-provision -d /var/lib/serviceradar/provision " in text
        assert not re.search(r"^%(systemd|sysusers|tmpfiles|sr_)", text, re.M)


def test_no_scriptlet_restarts_a_socket_or_enables_a_unit_by_force(rpms):
    for name in SHIPPED:
        for kind in ("PREIN", "POSTIN", "PREUN", "POSTUN"):
            text = run("rpm", "-qp", "--qf", f"%{{{kind}}}", rpms[name])
            assert not re.search(r"restart[^\n]*\.socket", text)
            assert not re.search(r"systemctl[^\n]* (enable|start) ", text)


def test_an_installation_makes_user_and_folders_and_starts_nothing(root, rpms):
    install(root, rpms, *SHIPPED)
    users = (root.path / "etc" / "passwd").read_text()
    assert re.search(r"^serviceradar:x:\d+:\d+:ServiceRadar collectors:"
                     r"/var/lib/serviceradar:/sbin/nologin$", users, re.M)
    assert re.search(r"^serviceradar-provision:x:", users, re.M)
    for path, owner in ((ETC, f"{OURS} 0750"), (f"{ETC}/trust.d", "root:root 0755"),
                        ("/var/lib/serviceradar", "root:root 0755"),
                        ("/usr/sbin/serviceradar-trapd", "root:root 0755"),
                        ("/usr/lib/systemd/system/serviceradar-trapd.service", "root:root 0644")):
        assert root.owner(path) == owner
    assert [p.name for p in (root.path / "etc/serviceradar").iterdir()] == ["trust.d"]
    assert root.units("active") == set()
    calls = root.calls()
    for name in COLLECTORS:
        assert f"--no-reload preset serviceradar-{name}.socket serviceradar-{name}.service" in calls
    assert "--no-reload preset serviceradar-renew.timer" in calls
    assert all(" preset " in call or call == "daemon-reload" for call in calls)
    assert (root.path / "systemd-tmpfiles.log").read_text().splitlines() == [
        "--create serviceradar.conf", "--create serviceradar-provision.conf"]


def test_programs_of_an_installation_run(rpms, root):
    """Outside of the root: its libraries are the system's."""
    install(root, rpms, *SHIPPED)
    for name in COLLECTORS:
        assert name in run(root.path / f"usr/sbin/serviceradar-{name}", "--version")


def configured(root, *names):
    """Configuration, credentials and a queue of collectors that run."""
    kept = {}
    for name in names:
        for path in (f"{ETC}/{name}.yaml", f"{ETC}/{name}.json", f"{ETC}/creds/{name}.creds",
                     f"{ETC}/certs/{name}-key.pem", f"/var/lib/serviceradar/{name}/queue"):
            file = root.path / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"of {name}, edited\n")
            kept[file] = file.read_text()
        root.set_units("active", f"serviceradar-{name}.socket", f"serviceradar-{name}.service")
    return kept


def test_an_upgrade_restarts_services_leaves_sockets_and_changes_no_file(root, rpms):
    """To the same version by force: to scriptlets it is like any other."""
    install(root, rpms, *SHIPPED)
    kept = configured(root, *COLLECTORS)
    enabled, active = root.units("enabled"), root.units("active")
    root.calls()
    root.rpm("-U", "--force", *(rpms[name] for name in SHIPPED))
    calls = root.calls()
    for name in COLLECTORS:
        assert f"try-restart serviceradar-{name}.service serviceradar-{name}@*.service" in calls
    assert not [call for call in calls if ".socket" in call or " stop" in call or "disable" in call]
    assert (root.units("enabled"), root.units("active")) == (enabled, active)
    assert {file: file.read_text() for file in kept} == kept
    assert not list(root.path.glob("etc/serviceradar/**/*.rpm*"))


def test_a_removal_keeps_what_was_configured_enrolled_and_queued(root, rpms):
    install(root, rpms, *SHIPPED)
    kept = configured(root, *COLLECTORS)
    root.rpm("-e", *SHIPPED)
    assert {file: file.read_text() for file in kept} == kept
    assert not list(root.path.glob("etc/serviceradar/**/*.rpm*"))
    assert (root.units("enabled"), root.units("active")) == (set(), set())
    assert not list(root.path.glob("usr/*/*serviceradar*")) and not list(
        root.path.glob("usr/lib/systemd/**/*serviceradar*"))
    assert "serviceradar:" in (root.path / "etc/passwd").read_text()


def test_a_removal_of_one_collector_leaves_the_others_running(root, rpms):
    install(root, rpms, COMMON, "serviceradar-trapd", "serviceradar-syslog")
    kept = configured(root, "trapd", "syslog")
    root.calls()
    root.rpm("-e", "serviceradar-trapd")
    assert root.units("active") == {"serviceradar-syslog.socket", "serviceradar-syslog.service"}
    assert root.units("enabled") == {"serviceradar-syslog.socket", "serviceradar-syslog.service"}
    calls = root.calls()
    assert not [call for call in calls if "syslog" in call]
    assert {"--no-reload disable serviceradar-trapd@.service",
            "stop serviceradar-trapd@*.service"} <= set(calls)
    assert {file: file.read_text() for file in kept} == kept
    assert root.owner(ETC) == f"{OURS} 0750"


OLD = {"trapd": ("serviceradar-trapd", "trapd.json"),
       "syslog": ("serviceradar-flowgger", "flowgger.toml"),
       "netflow": ("serviceradar-flow-collector", "flow-collector.json")}


def taken_over(root, name, config):
    """What must be after each of the upgrades from an old package that ran."""
    units = {f"serviceradar-{name}.socket", f"serviceradar-{name}.service"}
    assert units <= root.units("enabled") and units <= root.units("active")
    assert (root.path / "etc/serviceradar" / config).read_text() == "edited\n"
    assert not list(root.path.glob("etc/serviceradar/*.rpm*"))
    assert not list(root.path.glob("usr/local/bin/*"))
    assert not list(root.path.glob("var/lib/rpm-state/*"))
    unit = (root.path / f"usr/lib/systemd/system/serviceradar-{name}.service").read_text()
    assert f"ExecStart=/usr/sbin/serviceradar-{name}" in unit


@pytest.mark.parametrize("name", COLLECTORS)
def test_an_upgrade_from_an_old_package_goes_on_running(root, rpms, tmp_path, name):
    old, config = OLD[name]
    root.rpm("-U", upstream_rpm.build(tmp_path, old, config))
    (root.path / "etc/serviceradar" / config).write_text("edited\n")
    assert root.units("active") == {f"{old}.service"}
    root.calls()
    install(root, rpms, COMMON, f"serviceradar-{name}")
    calls = root.calls()
    stop = calls.index(f"stop {old}")
    assert calls.index(f"start serviceradar-{name}.socket") > stop
    assert calls.index(f"restart serviceradar-{name}.service") > stop
    taken_over(root, name, config)
    installed = root.rpm("-qa", "--qf", "%{NAME}\\n").split()
    assert sorted(installed) == sorted([COMMON, f"serviceradar-{name}"])
    assert root.owner(ETC) == f"{OURS} 0750"


@pytest.mark.parametrize("name", COLLECTORS)
def test_what_an_operator_had_switched_off_stays_off(root, rpms, tmp_path, name):
    old, config = OLD[name]
    root.rpm("-U", upstream_rpm.build(tmp_path, old, config))
    for state in ("enabled", "active"):
        (root.path / "units" / state / f"{old}.service").unlink()
    install(root, rpms, COMMON, f"serviceradar-{name}")
    assert (root.units("enabled"), root.units("active")) == (set(), set())


def test_the_old_collector_of_two_protocols_is_replaced_only_by_a_swap(root, rpms, tmp_path):
    """serviceradar-log-collector receives OpenTelemetry as well."""
    syslog = rpms["serviceradar-syslog"]
    assert "serviceradar-log-collector" in run("rpm", "-qp", "--conflicts", syslog).split()
    assert "log-collector" not in run("rpm", "-qp", "--obsoletes", syslog)
    root.rpm("-U", upstream_rpm.build(tmp_path, "serviceradar-log-collector", "log-collector.toml"))
    (root.path / "etc/serviceradar/log-collector.toml").write_text("edited\n")
    install(root, rpms, COMMON)
    root.swap("serviceradar-log-collector", syslog)
    taken_over(root, "syslog", "log-collector.toml")


def test_rpmlint_finds_nothing(packages):
    files = sorted((packages / "rpm").glob("*.rpm"))
    said = run("rpmlint", "--config", ROOM / "rpmlint.toml", *files, SPEC)
    assert "0 errors, 0 warnings" in said, said


def test_each_requirement_has_a_package_on_enterprise_linux(rpms, tmp_path):
    """packaging/rpm/requirements says what each of Debian's libraries is called there, and where it
    is."""
    rows = [line.split() for line in (ROOM / "requirements").read_text().splitlines()
            if line and not line.startswith("#")]
    assert all(len(row) == 3 for row in rows)
    table = {row[0] for row in rows}
    repository = tmp_path / "repository"
    repository.mkdir()
    for name in SHIPPED:
        shutil.copy(rpms[name], repository)
    run("createrepo_c", "-q", repository)
    (tmp_path / "dnf.conf").write_text(
        f"[main]\ncachedir={tmp_path}/cache\nreposdir={tmp_path}\nlogdir={tmp_path}\n"
        f"pluginpath={tmp_path}\n"
        f"[built]\nname=built\nbaseurl=file://{repository}\ngpgcheck=0\n")
    query = ("dnf", "-q", "-c", tmp_path / "dnf.conf", "--installroot", tmp_path / "empty",
             "--releasever", "9", "--setopt", "module_platform_id=platform:el9", "repoquery")
    assert sorted(set(run(*query, "--qf", "%{name}").split())) == sorted(SHIPPED)
    required = set()
    for line in run(*query, "--requires", "*").splitlines():
        # Versions of symbols are the library's own affair, and what rpm can do is rpm's.
        word = re.sub(r"\(.*", "", line.split()[0]) if ".so" in line else line.split()[0]
        if not word.startswith(("rpmlib(", "serviceradar-")):
            required.add(word)
    assert required == table, required ^ table


def test_a_bundled_library_of_another_sum_is_refused(tmp_path):
    sources = tmp_path / "SOURCES"
    sources.mkdir()
    tree = tmp_path / "nats.c-3.10.1"
    tree.mkdir()
    (tree / "LICENSE").write_text("stand-in\n")
    archive = sources / "nats.c-3.10.1.tar.gz"
    run("tar", "-C", tmp_path, "-czf", archive, tree.name)
    project = tmp_path / "serviceradar-collectors-1.3.0"
    project.mkdir()
    run("tar", "-C", tmp_path, "-czf", sources / f"{project.name}.tar.gz", project.name)
    for user in ("serviceradar", "serviceradar-provision"):
        shutil.copy(SOURCE / "packaging" / "common" / "sysusers" / f"{user}.conf", sources)
    prepare = ["rpmbuild", "-bp", "--nodeps", "--with", "bundled_nats",
               "--define", f"_topdir {tmp_path}"]
    refused = subprocess.run([*prepare, SPEC], check=False, capture_output=True, text=True,
                             timeout=60)
    assert refused.returncode != 0 and "FAILED" in refused.stdout + refused.stderr
    known = run("sha256sum", archive).split()[0]
    run(*prepare, "--define", f"nats_sha256 {known}", SPEC)
    license_of_it = tmp_path / "BUILD" / project.name / "LICENSE.nats.c"
    assert license_of_it.read_text() == "stand-in\n"
