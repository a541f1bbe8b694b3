# SPDX-License-Identifier: Apache-2.0
"""The packages of Debian as files: what is in them, and what dpkg and lintian make of it."""

import gzip
import re
import shutil
import subprocess

import pytest

import deb
from lab import ROOT

UNITS = "/lib/systemd/system"
# Beside the documents and the man pages.
CONTENTS = {
    "serviceradar-collector-common": {
        "/usr/lib/sysusers.d/serviceradar.conf", "/usr/lib/tmpfiles.d/serviceradar.conf",
        "/usr/share/serviceradar/trust.d/README"},
    "serviceradar-cli": {
        "/usr/bin/serviceradar-cli", f"{UNITS}/serviceradar-renew.service",
        f"{UNITS}/serviceradar-renew.timer",
        "/usr/share/bash-completion/completions/serviceradar-cli",
        "/usr/share/zsh/vendor-completions/_serviceradar-cli",
        "/usr/share/fish/vendor_completions.d/serviceradar-cli.fish"},
    "serviceradar-provision": {
        "/usr/bin/serviceradar-provision", f"{UNITS}/serviceradar-provision.service",
        "/usr/lib/sysusers.d/serviceradar-provision.conf",
        "/usr/lib/tmpfiles.d/serviceradar-provision.conf",
        "/usr/share/bash-completion/completions/serviceradar-provision",
        "/usr/share/zsh/vendor-completions/_serviceradar-provision",
        "/usr/share/fish/vendor_completions.d/serviceradar-provision.fish"},
    **{f"serviceradar-{name}": {
        f"/usr/sbin/serviceradar-{name}", f"{UNITS}/serviceradar-{name}.service",
        f"{UNITS}/serviceradar-{name}.socket", f"{UNITS}/serviceradar-{name}@.service",
        f"/usr/share/serviceradar/{name}.yaml",
        *([] if name == "trapd" else [f"{UNITS}/serviceradar-{name}-stream@.socket"])}
       for name in deb.COLLECTORS},
}
PROGRAMS = sorted(path for files in CONTENTS.values() for path in files
                  if re.match(r"/usr/s?bin/", path))
SUITE = "serviceradar-collectors"


@pytest.fixture(scope="module")
def contents(packages):
    return {name: deb.members(deb.find(packages, name)) for name in deb.NAMES}


@pytest.fixture(scope="module")
def unpacked(packages, tmp_path_factory):
    """A folder with everything that the packages hold, and the debug symbols."""
    folder = tmp_path_factory.mktemp("unpacked")
    for file in (packages / "deb").glob("*.deb"):
        deb.unpack(file, folder)
    return folder


def readelf(*argv):
    if shutil.which("readelf") is None:
        pytest.skip("needs readelf")
    return subprocess.run(["readelf", "-W", *argv], check=True, capture_output=True, text=True,
                          timeout=30).stdout


@pytest.mark.parametrize("name", deb.NAMES)
def test_a_package_holds_its_part_and_nothing_else(contents, name):
    rest = {path for path in contents[name]
            if not path.startswith(("/usr/share/doc/", "/usr/share/man/", "/usr/share/lintian/"))}
    assert rest == CONTENTS[name]


@pytest.mark.parametrize("name", deb.NAMES)
def test_a_package_says_its_licence_and_its_changes(contents, name):
    folder = f"/usr/share/doc/{name}/"
    assert {folder + "copyright", folder + "changelog.Debian.gz"} <= set(contents[name])


def test_no_file_is_in_two_packages(contents):
    paths = [path for files in contents.values() for path in files]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("name", deb.NAMES)
def test_no_package_has_a_file_that_dpkg_would_ask_about(packages, contents, tmp_path, name):
    assert not [path for path in contents[name] if path.startswith("/etc/")]
    assert not (deb.control(deb.find(packages, name), tmp_path / "c") / "conffiles").exists()


def test_all_files_belong_to_root_and_only_programs_run(contents):
    for files in contents.values():
        for path, one in files.items():
            assert (one.uid, one.gid) == (0, 0), path
            assert one.issym() or one.mode == (0o755 if path in PROGRAMS else 0o644), path


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_hardened(unpacked, program):
    file = str(unpacked) + program
    assert re.search(r"Type:\s+DYN", readelf("-h", file)), "not position-independent"
    assert "INTERP" in readelf("-l", file)
    assert "GNU_RELRO" in readelf("-l", file)
    assert re.search(r"FLAGS.*\bNOW\b", readelf("-d", file))
    assert not re.search(r"R(UN)?PATH", readelf("-d", file))
    symbols = readelf("--dyn-syms", file)
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__\w+_chk\b(?<!__stack_chk)", symbols), "not fortified"
    assert re.search(r"GNU_STACK\s+\S+ \S+ \S+ \S+ \S+ RW ", readelf("-l", file))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_has_its_debug_symbols(unpacked, program):
    build = re.search(r"Build ID: (\w\w)(\w+)", readelf("-n", str(unpacked) + program))
    assert (unpacked / "usr/lib/debug/.build-id" / build[1] / f"{build[2]}.debug").is_file()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_has_a_man_page_in_its_package(contents, program):
    name = program.rsplit("/", 1)[1]
    assert [path for path in contents[name]
            if re.fullmatch(rf"/usr/share/man/man[18]/{name}\.[18]\.gz", path)]


@pytest.mark.parametrize("name", deb.COLLECTORS)
def test_the_configuration_of_a_collector_has_a_man_page(contents, name):
    assert f"/usr/share/man/man5/serviceradar-{name}.yaml.5.gz" in contents[f"serviceradar-{name}"]


@pytest.mark.parametrize("name", deb.NAMES)
def test_a_version_is_above_the_programs_that_it_replaces(packages, name):
    version = deb.field(deb.find(packages, name), "Version")
    assert subprocess.run(["dpkg", "--compare-versions", version, "gt", "1.2.27"],
                          check=False).returncode == 0
    text = (ROOT / "CMakeLists.txt").read_text()
    assert version.startswith(re.search(r"^project.* VERSION ([\d.]+)", text, re.M)[1] + "-")


@pytest.mark.parametrize("name, old", (("serviceradar-syslog", "serviceradar-flowgger"),
                                       ("serviceradar-netflow", "serviceradar-flow-collector")))
def test_a_collector_is_the_one_that_it_replaces_for_dpkg(packages, name, old):
    file = deb.find(packages, name)
    assert deb.field(file, "Provides").startswith(f"{old} (= ")
    assert old in deb.field(file, "Conflicts").split(", ")
    assert old in deb.field(file, "Replaces").split(", ")


def test_syslog_does_not_say_that_it_receives_what_the_log_collector_did(packages):
    file = deb.find(packages, "serviceradar-syslog")
    assert "serviceradar-log-collector" in deb.field(file, "Conflicts")
    assert "serviceradar-log-collector" not in deb.field(file, "Provides")


@pytest.mark.parametrize("name", (*(f"serviceradar-{one}" for one in deb.COLLECTORS),
                                  "serviceradar-cli"))
def test_a_package_comes_with_user_and_folders_of_its_version(packages, name):
    file = deb.find(packages, name)
    need = f"serviceradar-collector-common (>= {deb.field(file, 'Version')})"
    assert need in deb.field(file, "Depends").split(", ")


@pytest.mark.parametrize("name", deb.COLLECTORS)
def test_an_upgrade_restarts_a_service_and_leaves_its_socket_open(packages, tmp_path, name):
    package = f"serviceradar-{name}"
    folder = deb.control(deb.find(packages, package), tmp_path / "c")
    assert not (folder / "preinst").exists()
    actions = re.findall(r"(?:deb-systemd-invoke|_dh_action=)\s*(\S+)(?:.*'(\S+)')?",
                         (folder / "postinst").read_text())
    assert [action for action, unit in actions if unit == f"{package}.socket"] == ["start"]
    assert ("restart", "") in actions
    assert ("$_dh_action", f"{package}.service") in actions
    # Else a datagram would start the service again.
    removal = (folder / "prerm").read_text()
    assert removal.index(f"{package}.socket") < removal.index(f"{package}.service")
    assert not re.search(r"stop.*upgrade", removal)


def test_the_source_package_is_the_source_archive_and_a_folder_beside_it(packages, tmp_path):
    original, = (packages / "deb").glob(f"{SUITE}_*.orig.tar.gz")
    about, = (packages / "deb").glob(f"{SUITE}_*.dsc")
    assert re.search(r"^Format: 3\.0 \(quilt\)$", about.read_text(), re.M)
    listed = re.findall(r"^ \w{64} \d+ (\S+)$", about.read_text(), re.M)
    assert sorted(listed) == sorted([original.name, f"{about.stem}.debian.tar.xz"])

    commit = subprocess.run(["git", "get-tar-commit-id"], input=gzip.decompress(original.read_bytes()),
                            capture_output=True, timeout=60, check=True).stdout
    head = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, timeout=60,
                          check=False).stdout
    if commit != head:
        pytest.skip("the packages are of another commit")
    subprocess.run([ROOT / "packaging/source", tmp_path], check=True, capture_output=True, timeout=60)
    archive, = tmp_path.iterdir()
    assert archive.read_bytes() == original.read_bytes()


@pytest.fixture(scope="module")
def hints(packages):
    """What lintian says, pieces of information included, one a line."""
    if shutil.which("lintian") is None:
        pytest.skip("needs lintian")
    changes, = (packages / "deb").glob("*.changes")
    done = subprocess.run(["lintian", "--allow-root", "--display-info", changes], timeout=300,
                          capture_output=True, text=True, check=False)
    assert not re.search(r"internal error|cannot", done.stderr, re.I), done.stderr
    return done.stdout.splitlines()


def test_lintian_finds_neither_errors_nor_warnings(hints):
    assert hints, "it always has something to tell"
    assert not [hint for hint in hints if hint.startswith(("E:", "W:"))]


def test_every_override_of_lintian_is_explained_and_of_use(hints):
    files = list((ROOT / "packaging/deb/debian").rglob("*lintian-overrides"))
    assert files
    for file in files:
        assert file.read_text().startswith("# "), file
    assert not [hint for hint in hints if "unused-override" in hint]
