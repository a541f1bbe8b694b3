# SPDX-License-Identifier: Apache-2.0
"""Repositories that packaging/repo/build makes, as apt and dnf see them: what is signed is taken, what
somebody changed is refused. Their own state is private; nothing on the machine is touched."""

import functools
import gzip
import http.server
import os
import re
import shutil
import subprocess
import threading
import time

import pytest

import signing

for tool in ("apt-get", "apt-ftparchive", "createrepo_c", "dnf", "gpg", "rpmbuild"):
    if shutil.which(tool) is None:
        pytest.skip(f"there is no {tool}", allow_module_level=True)

EPOCH = 1700000000
DAY = 86400
SPEC = """
Name: sr-tiny
Version: {version}
Release: 1
Summary: A package
License: Apache-2.0
BuildArch: noarch
%description
A package.
%install
mkdir -p %{{buildroot}}/usr/share/sr-tiny
echo {text} >%{{buildroot}}/usr/share/sr-tiny/text
%files
/usr/share/sr-tiny
"""


def make_deb(folder, name="sr-tiny", version="1.0-1", arch="all", text="text"):
    tree = folder / f"tree-{name}-{version}-{arch}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr/share" / name).mkdir(parents=True)
    (tree / "usr/share" / name / "text").write_text(text)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: {arch}\n"
        "Maintainer: Somebody <somebody@example.com>\nDescription: A package\n Of no use.\n")
    (folder / "debs").mkdir(exist_ok=True)
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, folder / "debs"], check=True,
                   timeout=30, capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)})
    shutil.rmtree(tree)
    return folder / "debs"


def make_rpm(folder, version="1.0", text="text"):
    top = folder / "rpmbuild"
    top.mkdir(exist_ok=True)
    spec = top / "sr-tiny.spec"
    spec.write_text(SPEC.format(version=version, text=text))
    subprocess.run(["rpmbuild", "--quiet", "-bb", "--define", f"_topdir {top}", "--define",
                    "_buildhost example.com", "--define", "use_source_date_epoch_as_buildtime 1", spec],
                   check=True, timeout=60, capture_output=True,
                   env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)})
    (folder / "rpms").mkdir(exist_ok=True)
    for file in (top / "RPMS").rglob("*.rpm"):
        shutil.copy(file, folder / "rpms")
    shutil.rmtree(top)
    return folder / "rpms"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """--debs and --rpms of packages without content: two debs of different architectures, one rpm."""
    folder = tmp_path_factory.mktemp("tiny")
    make_deb(folder)
    make_deb(folder, name="sr-native", arch="amd64")
    return ["--debs", folder / "debs", "--rpms", make_rpm(folder)]


@pytest.fixture(scope="module")
def other_key(tmp_path_factory):
    return signing.Key(tmp_path_factory.mktemp("other-key"), kind="rsa3072")


@pytest.fixture
def made(tmp_path, tiny, key):
    return signing.build(tmp_path / "served", key, *tiny)


class Apt:
    """An apt of its own, which knows one repository."""

    def __init__(self, folder, served, suite="stable", keys=None):
        self.folder = folder
        sources = (served / "clients" / suite / "serviceradar.sources").read_text()
        for name in ("lists/partial", "cache/archives/partial", "etc", "downloads"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        shutil.copy(keys or served / "serviceradar.asc", folder / "etc/serviceradar.asc")
        self.sources = folder / "etc/serviceradar.sources"
        self.sources.write_text(sources.replace("/etc/apt/keyrings", str(folder / "etc")))
        (folder / "apt.conf").write_text(f"""
            Dir "{folder}"; Dir::State "{folder}"; Dir::State::status "{folder}/status";
            Dir::State::Lists "{folder}/lists"; Dir::Cache "{folder}/cache"; Dir::Etc "{folder}/etc";
            Dir::Etc::SourceList "/dev/null"; Dir::Etc::SourceParts "{folder}/etc";
            Dir::Etc::TrustedParts "{folder}/none"; Dir::Etc::Trusted "/dev/null"; APT::Architecture "amd64";
            APT::Architectures {{ "amd64"; }}; APT::Sandbox::User "root"; Acquire::Languages "none";
            APT::Update::Error-Mode "any"; Acquire::Retries "0"; Acquire::http::Proxy "DIRECT";
            """)

    def run(self, *arguments):
        env = {**os.environ, "APT_CONFIG": str(self.folder / "apt.conf"), "LC_ALL": "C"}
        return subprocess.run(["apt-get", "-q", *arguments], env=env, cwd=self.folder / "downloads", timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def fetch(self, name):
        """The version of a package that is there after update and download."""
        updated = self.run("update")
        assert updated.returncode == 0, updated.stdout
        done = self.run("download", name)
        assert done.returncode == 0, done.stdout
        file = next((self.folder / "downloads").glob(f"{name}_*.deb"))
        return subprocess.run(["dpkg-deb", "-f", file, "Version"], check=True, timeout=20, capture_output=True,
                              text=True).stdout.strip()


class Dnf:
    """A dnf of its own, with a root that is empty, which knows one repository."""

    def __init__(self, folder, served, suite="stable", keys=None):
        self.folder = folder
        (folder / "repos").mkdir(parents=True)
        shutil.copy(keys or served / "serviceradar.asc", folder / "serviceradar.asc")
        repo = (served / "clients" / suite / "serviceradar.repo").read_text()
        self.repo = folder / "repos/serviceradar.repo"
        self.repo.write_text(repo.replace("/etc/pki/rpm-gpg", str(folder)))
        (folder / "dnf.conf").write_text(
            f"[main]\ncachedir={folder}/cache\npersistdir={folder}/state\nlogdir={folder}/log\n"
            f"reposdir={folder}/repos\nvarsdir={folder}/vars\npluginpath={folder}/none\nplugins=0\n"
            "module_platform_id=platform:el9\n")

    def run(self, *arguments):
        return subprocess.run(["dnf", "--config", self.folder / "dnf.conf", "--installroot", self.folder / "root",
                               "--releasever", "9", "--assumeyes", *arguments], timeout=90, text=True,
                              env={**os.environ, "LC_ALL": "C", "HOME": str(self.folder)}, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def names(self):
        done = self.run("--quiet", "repoquery", "--qf", "%{name}-%{version}")
        assert done.returncode == 0, done.stdout
        return set(done.stdout.split()) & {"sr-tiny-1.0", "sr-tiny-1.1"}


@pytest.fixture
def web():
    """Serves folders over HTTP on the loopback: web(folder) is its address."""
    servers = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    def serve(folder):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file()}


def test_apt_takes_packages_of_a_repository_on_disk(tmp_path, made):
    assert Apt(tmp_path / "apt", made).fetch("sr-tiny") == "1.0-1"


def test_apt_takes_packages_over_http_by_hash(tmp_path, tiny, key, web):
    served = tmp_path / "served"
    served.mkdir()
    signing.build(served, key, *tiny, "--url", web(served))
    # Only files whose names say what is in them: what an update of the mirror cannot break.
    for file in served.rglob("Packages*"):
        file.unlink()
    assert Apt(tmp_path / "apt", served).fetch("sr-native") == "1.0-1"


def test_apt_refuses_an_index_that_somebody_changed(tmp_path, made):
    for file in (made / "apt/dists").rglob("*"):
        if file.is_file() and "by-hash" in str(file):
            file.write_bytes(gzip.compress(b"Package: sr-evil\n", mtime=0))
        elif file.name.startswith("Packages"):
            file.write_bytes(b"Package: sr-evil\n")
    done = Apt(tmp_path / "apt", made).run("update")
    assert done.returncode != 0
    assert re.search("Hash Sum mismatch|unexpected size", done.stdout), done.stdout


@pytest.mark.parametrize("name", ["InRelease", "Release"])
def test_apt_refuses_a_release_file_that_somebody_changed(tmp_path, made, name):
    release = made / "apt/dists/stable"
    if name == "Release":  # which only counts where there is no InRelease
        (release / "InRelease").unlink()
    text = (release / name).read_text()
    (release / name).write_text(text.replace("Label: ServiceRadar", "Label: Somebody"))
    done = Apt(tmp_path / "apt", made).run("update")
    assert done.returncode != 0
    assert re.search("BADSIG|not signed|invalid", done.stdout), done.stdout


def test_apt_refuses_a_package_that_somebody_changed(tmp_path, made):
    apt = Apt(tmp_path / "apt", made)
    assert apt.run("update").returncode == 0
    file = next((made / "apt/pool").rglob("sr-tiny_*.deb"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    done = apt.run("download", "sr-tiny")
    assert done.returncode != 0
    assert "Hash Sum mismatch" in done.stdout, done.stdout


def test_apt_refuses_a_repository_signed_by_another_key(tmp_path, made, other_key):
    done = Apt(tmp_path / "apt", made, keys=other_key.public).run("update")
    assert done.returncode != 0
    assert "NO_PUBKEY" in done.stdout, done.stdout


def test_apt_refuses_an_index_that_has_expired(tmp_path, tiny, key):
    now = int(time.time())
    served = signing.build(tmp_path / "served", key, *tiny, "--valid-for", "2", epoch=now - 3 * DAY)
    done = Apt(tmp_path / "old", served).run("update")
    assert done.returncode != 0
    assert "is expired" in done.stdout, done.stdout
    # Another run, with nothing new, is what an operator's timer does.
    signing.build(served, key, "--valid-for", "2", epoch=now)
    assert Apt(tmp_path / "new", served).fetch("sr-tiny") == "1.0-1"


def test_dnf_takes_signed_packages_of_a_signed_repository(tmp_path, made):
    dnf = Dnf(tmp_path / "dnf", made)
    assert dnf.names() == {"sr-tiny-1.0"}
    done = dnf.run("install", "--setopt=tsflags=nodocs", "sr-tiny")
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "dnf/root/usr/share/sr-tiny/text").read_text() == "text\n"


def test_dnf_refuses_an_index_that_somebody_changed(tmp_path, made):
    index = made / "rpm/stable/repodata/repomd.xml"
    index.write_text(index.read_text().replace("<revision>", "<revision>1"))
    done = Dnf(tmp_path / "dnf", made).run("makecache")
    assert done.returncode != 0
    assert "signature" in done.stdout.lower(), done.stdout


def test_dnf_refuses_a_package_that_is_not_signed(tmp_path, made, tiny, key):
    """A package that came into the index, signed or not, without passing by packaging/repo/build."""
    pool = made / "rpm/stable"
    for file in pool.glob("*.rpm"):
        shutil.copy(tiny[3] / file.name, file)
    subprocess.run(["createrepo_c", "--quiet", pool], check=True, timeout=60)
    key.gpg("--yes", "--armor", "--detach-sign", str(pool / "repodata/repomd.xml"))
    done = Dnf(tmp_path / "dnf", made).run("install", "sr-tiny")
    assert done.returncode != 0
    assert re.search("not signed|GPG check FAILED", done.stdout), done.stdout


def test_dnf_refuses_a_repository_signed_by_another_key(tmp_path, made, other_key):
    done = Dnf(tmp_path / "dnf", made, keys=other_key.public).run("makecache")
    assert done.returncode != 0, done.stdout


@pytest.mark.parametrize("kind", ["key", "other_key"])
def test_the_same_packages_key_and_time_make_the_same_bytes(tmp_path, tiny, kind, request):
    """Ed25519 and RSA: the signatures too. The files lie in another order the second time."""
    key = request.getfixturevalue(kind)
    shuffled = tmp_path / "shuffled"
    for folder in (tiny[1], tiny[3]):
        (shuffled / folder.name).mkdir(parents=True)
        for number, file in enumerate(sorted(folder.iterdir(), reverse=True)):
            shutil.copy(file, shuffled / folder.name / f"{number}{file.suffix}")
    more = ["--valid-for", "30", "--url", "https://mirror.example.com"]
    once = signing.build(tmp_path / "once", key, *tiny, *more, epoch=EPOCH)
    again = signing.build(tmp_path / "again", key, "--debs", shuffled / "debs", "--rpms", shuffled / "rpms",
                          *more, epoch=EPOCH)
    assert files(once) == files(again)


def test_earlier_versions_and_their_indexes_stay_for_who_reads_them_now(tmp_path, made, key):
    (before,) = (made / "apt/dists/stable/main/binary-amd64/by-hash/SHA256").glob(
        subprocess.run(["sha256sum", made / "apt/dists/stable/main/binary-amd64/Packages.xz"], check=True,
                       timeout=20, capture_output=True, text=True).stdout.split()[0])
    indexed = set((made / "rpm/stable/repodata").glob("*.xml.gz"))
    signing.build(made, key, "--debs", make_deb(tmp_path, version="1.1-1"), "--rpms",
                  make_rpm(tmp_path, version="1.1"))
    assert Apt(tmp_path / "apt", made).fetch("sr-tiny") == "1.1-1"
    assert Dnf(tmp_path / "dnf", made).names() == {"sr-tiny-1.0", "sr-tiny-1.1"}
    assert len(list((made / "apt/pool").rglob("sr-tiny_*.deb"))) == 2
    assert before.exists() and all(file.exists() for file in indexed)
    # Two runs later nobody reads them any more.
    signing.build(made, key, "--debs", make_deb(tmp_path, version="1.2-1"), "--rpms",
                  make_rpm(tmp_path, version="1.2"))
    assert not before.exists() and not any(file.exists() for file in indexed)


def test_suites_lie_side_by_side(tmp_path, tiny, key):
    """The same version, built for two distributions, is two packages."""
    served = signing.build(tmp_path / "served", key, *tiny, "--suite", "bookworm")
    signing.build(served, key, "--debs", make_deb(tmp_path, text="another"), "--rpms",
                  make_rpm(tmp_path, text="another"), "--suite", "trixie")
    for suite in ("bookworm", "trixie"):
        apt = Apt(tmp_path / suite, served, suite=suite)
        assert apt.fetch("sr-tiny") == "1.0-1"
        assert Dnf(tmp_path / f"dnf-{suite}", served, suite=suite).names() == {"sr-tiny-1.0"}
    first, second = served.glob("apt/pool/*/main/sr-tiny_1.0-1_all.deb")
    assert first.read_bytes() != second.read_bytes()


def test_a_key_is_replaced_while_clients_know_both(tmp_path, made, tiny, key, other_key):
    """The next key is published first; then it signs everything, also what the last one had signed."""
    signing.build(made, key, "--trust", other_key.public)
    keys = tmp_path / "both.asc"
    shutil.copy(made / "serviceradar.asc", keys)
    assert Apt(tmp_path / "a", made, keys=keys).fetch("sr-tiny")
    assert Dnf(tmp_path / "b", made, keys=keys).names()
    signing.build(made, other_key, "--trust", key.public)
    assert Apt(tmp_path / "c", made, keys=keys).fetch("sr-tiny")
    assert Dnf(tmp_path / "d", made, keys=keys).run("install", "sr-tiny").returncode == 0
    signing.build(made, other_key)
    assert Apt(tmp_path / "e", made).fetch("sr-tiny")
    dnf = Dnf(tmp_path / "f", made)
    done = dnf.run("install", "sr-tiny")
    assert done.returncode == 0, done.stdout
    assert Apt(tmp_path / "g", made, keys=key.public).run("update").returncode != 0


def test_a_key_of_the_callers_keyring_and_one_with_a_passphrase_sign(tmp_path, tiny, key):
    done = signing.run(tmp_path / "served", "--key", key.fingerprint, *tiny, env={"GNUPGHOME": str(key.home)})
    subprocess.run(["gpgconf", "--homedir", key.home, "--kill", "all"], check=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert Apt(tmp_path / "apt", tmp_path / "served").fetch("sr-tiny")
    (tmp_path / "sealed").mkdir()
    sealed = signing.Key(tmp_path / "sealed", passphrase="correct horse")
    (tmp_path / "pass phrase").write_text("correct horse\n")
    done = signing.run(tmp_path / "second", "--key", sealed.file, *tiny, "--passphrase-file",
                       tmp_path / "pass phrase")
    assert done.returncode == 0, done.stderr
    assert Dnf(tmp_path / "dnf", tmp_path / "second").run("install", "sr-tiny").returncode == 0


def test_every_failure_has_one_cause_and_one_remedy_and_publishes_nothing(tmp_path, tiny, key):
    (tmp_path / "old").mkdir()
    expired = signing.Key(tmp_path / "old", expires="seconds=86400", faked="20200101T000000")
    (tmp_path / "sealed").mkdir()
    sealed = signing.Key(tmp_path / "sealed", passphrase="correct horse")
    (tmp_path / "text").write_text("no key\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/x.deb").write_text("no package\n")
    (tmp_path / "broken/x.rpm").write_text("no package\n")
    both = tmp_path / "both"
    both.write_text(key.file.read_text() + sealed.file.read_text())
    good = ["--key", key.file]
    cases = [
        (["--key", tmp_path / "missing", *tiny], 1, "neither a file nor a fingerprint"),
        (["--key", "0" * 40, *tiny], 1, "there is no private key"),
        (["--key", tmp_path / "text", *tiny], 1, "is no OpenPGP key"),
        (["--key", key.public, *tiny], 1, "there is no private key"),
        (["--key", both, *tiny], 1, "several private keys"),
        (["--key", expired.file, *tiny], 1, "expired on 2020-01-02"),
        (["--key", sealed.file, *tiny], 1, "--passphrase-file"),
        ([*good, "--trust", tmp_path / "text", *tiny], 1, "holds no public key"),
        ([*good, "--debs", tmp_path / "missing"], 1, "there is no folder"),
        ([*good, "--debs", tmp_path / "empty"], 1, "there is no .deb"),
        ([*good, "--debs", tmp_path / "broken"], 1, "is no Debian package"),
        ([*good, "--rpms", tmp_path / "broken"], 1, "is no rpm"),
        (good, 1, "has no packages"),
        ([*good, *tiny, "--suite", "../x"], 2, "is no name"),
        ([*good, *tiny, "--valid-for", "soon"], 2, "no number of days"),
        ([*good, "--debs"], 2, "wants a value"),
        ([*good, "--sign"], 2, "unknown"),
        (tiny, 2, "no --key"),
    ]
    served = tmp_path / "served"
    for arguments, code, cause in cases:
        done = signing.run(served, *arguments)
        assert (done.returncode, cause in done.stderr) == (code, True), (arguments, done.stderr)
        assert len(done.stderr.splitlines()) == 1 and ";" in done.stderr, done.stderr
        assert not list(served.glob("apt/dists/*")) and not list(served.glob("rpm/*/repodata")), arguments


def test_a_package_whose_name_leads_elsewhere_is_refused(tmp_path, key):
    tree, debs = tmp_path / "tree", tmp_path / "debs"
    (tree / "DEBIAN").mkdir(parents=True)
    debs.mkdir()
    (tree / "DEBIAN/control").write_text(
        "Package: sr-tiny\nVersion: 1.0-1\nArchitecture: x/../../../../../../stray\n"
        "Maintainer: Somebody <somebody@example.com>\nDescription: A package\n Of no use.\n")
    subprocess.run(["dpkg-deb", "--root-owner-group", "--nocheck", "--build", tree, debs / "x.deb"],
                   check=True, timeout=30, capture_output=True)
    done = signing.run(tmp_path / "served", "--key", key.file, "--debs", debs)
    assert done.returncode == 1 and "has a name that is none" in done.stderr, done.stderr
    assert not list(tmp_path.rglob("stray*"))


def test_a_version_that_is_published_cannot_change_its_contents(tmp_path, tiny, key):
    # Made long ago: an index of now would be another one.
    made = signing.build(tmp_path / "served", key, *tiny, epoch=EPOCH)
    before = files(made)
    good = ["--debs", make_deb(tmp_path / "good", version="2")]
    for more in (["--debs", make_deb(tmp_path, text="other")],
                 [*good, "--rpms", make_rpm(tmp_path, text="other")]):
        done = signing.run(made, "--key", key.file, *more, epoch=EPOCH + 1)
        assert done.returncode == 1 and "published already" in done.stderr, done.stderr
        assert files(made) == before


def test_nothing_private_is_published_or_left(tmp_path, tiny, key):
    (tmp_path / "tmp").mkdir()
    done = signing.run(tmp_path / "served", "--key", key.file, *tiny, env={"TMPDIR": str(tmp_path / "tmp")})
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "tmp").iterdir())
    private = key.file.read_text().splitlines()[5]
    assert not any(b"PRIVATE KEY" in data or private.encode() in data for data in files(tmp_path / "served").values())
