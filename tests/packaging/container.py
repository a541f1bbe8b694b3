# SPDX-License-Identifier: Apache-2.0
"""Machines with a real systemd, for what packages install: Debian roots booted by systemd-nspawn.

    with container.boot(tmp_path, container.root()) as box:
        box.copy(tree, "/")                             from here into the machine
        box.run("systemctl", "start", "NAME")           as root in it; check=False to look at the code
        box.path("/etc/NAME")                           its files, as paths of ours
        with box.network():                             sockets made here are the machine's
            socket.create_connection(("127.0.0.1", 4222))

root() makes a Debian with extra packages once and keeps it in the build folder. A machine is a
copy of it in memory, with a network that has no way out. Its end, also that of a test that was killed,
ends all of its processes and mounts. Where there is no root, no nspawn or no mirror, tests are skipped.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from lab import BIN, wait_for

CACHE = BIN.parent / "test-roots"
CLONE_NEWNET = 0x40000000

SYSTEM = ("systemd-sysv", "dbus", "iproute2")
# Which Debian machines are. Packages have to be of the same: packaging/deb/build --in SUITE.
SUITE = os.environ.get("SR_SUITE", "bookworm")
# What our programs need, for machines that get them without a package.
LIBRARIES = ({"bookworm": "libnats3.4", "trixie": "libnats3.10"}[SUITE], "libuv1", "libyaml-0-2", "libssl3", "libmicrohttpd12", "libjansson4",
             "libpcap0.8", "libsnmp40", "libarchive13", "libcurl4", "libsqlite3-0", "tzdata",
             "ca-certificates")

# Debian's NATS server would start with the machine and take the port.
MASKED = 'mkdir -p "$1/etc/systemd/system"; ln -s /dev/null "$1/etc/systemd/system/nats-server.service"'

# In namespaces of its own, so that no mount and no process outlives it, not even when the test is
# killed, and in a control group of its own, because two systemds in one would end each other's services.
START = r"""
set -eu
for group in $GROUPS_MADE; do
    echo $$ > "$group/cgroup.procs"
done
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=0755 tmpfs /run/systemd/nspawn
mount -t tmpfs -o mode=0755 tmpfs "$PLACE"
mkdir "$PLACE/upper" "$PLACE/work" "$PLACE/root"
mount -t overlay overlay "$PLACE/root" \
    -o "lowerdir=$BASE,upperdir=$PLACE/upper,workdir=$PLACE/work"
tr -d - </proc/sys/kernel/random/uuid >"$PLACE/root/etc/machine-id"
rm -f "$PLACE/root/etc/resolv.conf"
cp /etc/resolv.conf "$PLACE/root/etc/resolv.conf"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$PLACE/root/etc/hosts"
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
exec systemd-nspawn --quiet --boot --directory="$PLACE/root" --machine="$NAME" --register=no \
    --keep-unit --link-journal=no --private-network --resolv-conf=off --console=pipe
"""


def needs(*programs):
    """Skips the test where a machine cannot be: not root, or without one of the programs."""
    if os.geteuid() != 0:
        pytest.skip("a machine of its own needs root")
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"a machine of its own needs {program}")


def root(*packages, system=SYSTEM):
    """The folder of a Debian SUITE with systemd and these packages. It is shared: boot() it, or copy it."""
    needs("mmdebstrap")
    names = sorted({*system, *packages})
    digest = hashlib.sha256(" ".join(names).encode()).hexdigest()[:12]
    folder = CACHE / f"{SUITE}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder
        new = folder.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        made = subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=apt", "--format=directory",
             f"--essential-hook={MASKED}", f"--include={','.join(names)}", SUITE, new],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False)
        if made.returncode != 0:
            pytest.skip(f"no Debian {SUITE} can be made: {made.stderr.strip()[-400:]}")
        new.rename(folder)
    return folder


def hierarchies():
    """Where control groups of services are made: one place, or two on a host with both versions."""
    top = Path("/sys/fs/cgroup")
    if (top / "cgroup.procs").exists():
        return [top]
    return [part for part in (top / "unified", top / "systemd") if part.is_dir()]


def descendants(pid):
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield int(child)
            yield from descendants(int(child))


def is_init(pid):
    """Whether it is the first process of a machine, and its systemd runs already."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        numbers = next(row for row in status.splitlines() if row.startswith("NSpid:")).split()
        return numbers[-1] == "1" and len(numbers) > 2 and status.startswith("Name:\tsystemd\n")
    return False


class Container:
    """A machine that runs; see boot()."""

    def __init__(self, place, base):
        self.name = "sr-" + secrets.token_hex(4)
        self.log = place / f"{self.name}.log"
        self.groups = [top / self.name for top in hierarchies()]
        self.init = None
        inside = place / self.name
        inside.mkdir()
        for group in self.groups:
            group.mkdir()
        environment = {**os.environ, "PLACE": str(inside), "BASE": str(base), "NAME": self.name,
                       "GROUPS_MADE": " ".join(map(str, self.groups))}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--mount-proc",
                 "--fork", "--kill-child", "bash", "-c", START],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)

    def _find_init(self):
        if self.process.poll() is not None:
            pytest.skip(f"systemd-nspawn does not run here: {self.log.read_text()[-400:]}")
        return next(filter(is_init, descendants(self.process.pid)), None)

    def await_boot(self):
        self.init = wait_for("the machine's systemd starts", self._find_init)
        wait_for("its systemd takes commands", self.path("/run/systemd/private").exists)
        state = self.run("systemctl", "is-system-running", "--wait", check=False)
        assert state.stdout.strip() == "running", self.run(
            "systemctl", "--failed", "--no-legend", check=False).stdout

    def path(self, inside):
        """A file of the machine. Follow no absolute link of it: that would lead to one of ours."""
        return Path(f"/proc/{self.init}/root") / str(inside).lstrip("/")

    def run(self, *argv, check=True, timeout=60, host_network=False, **options):
        """Runs a command in it. With `host_network` what it downloads comes from our network."""
        spaces = ["-m", "-u", "-i", "-p", "-C"] + ([] if host_network else ["-n"])
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root",
                       "SYSTEMD_PAGER": "", "DEBIAN_FRONTEND": "noninteractive"}
        environment.update({key: value for key, value in os.environ.items()
                            if host_network and key.lower().endswith("_proxy")})
        done = subprocess.run(
            ["nsenter", "-t", str(self.init), *spaces, "--wd=/", *map(str, argv)],
            **{"env": environment, "stdin": subprocess.DEVNULL, "capture_output": True,
               "text": True, "timeout": timeout, **options}, check=False)
        if check and done.returncode != 0:
            pytest.fail(f"{argv}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def sh(self, script, **options):
        """Runs a bash script in it and returns what it printed."""
        return self.run("bash", "-euo", "pipefail", "-c", script, **options).stdout

    def copy(self, source, inside):
        """Copies a file, or what is in a folder, into it; all belongs to root. Folders
        that are there already stay as they are."""
        source = Path(source)
        tar = ["tar", "-C", source if source.is_dir() else source.parent, "-c",
               "--owner=0", "--group=0", "." if source.is_dir() else source.name]
        # By tar and from inside, so that links in the machine lead to its own files.
        with subprocess.Popen(tar, stdout=subprocess.PIPE) as packed:
            self.run("mkdir", "-p", inside)
            self.run("tar", "-C", inside, "-x", "--keep-directory-symlink",
                     "--no-overwrite-dir", stdin=packed.stdout)
        assert packed.returncode == 0

    def write(self, inside, text, mode=0o644, owner="root:root"):
        """Writes a file of it."""
        self.run("bash", "-c", 'mkdir -p "${0%/*}"; cat > "$0"', inside, stdin=None, input=text)
        self.run("chown", owner, inside)
        self.run("chmod", f"{mode:o}", inside)

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit, check=False).stdout

    def show(self, unit, name):
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    @contextlib.contextmanager
    def network(self):
        """Sockets that this thread makes meanwhile belong to the machine's network, for good."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net", "rb") as ours, \
                open(f"/proc/{self.init}/ns/net", "rb") as its:
            if libc.setns(its.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(ours.fileno(), CLONE_NEWNET)

    def close(self):
        """Ends it at once, as a power cut does."""
        if self.init is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.init, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        self.process.kill()
        self.process.wait(20)
        for group in self.groups:
            for folder, _, _ in os.walk(group, topdown=False):
                wait_for("its control groups are empty", lambda f=folder: self._remove(f))

    @staticmethod
    def _remove(group):
        with contextlib.suppress(OSError):
            os.rmdir(group)
            return True
        return False


@contextlib.contextmanager
def boot(place, base):
    """A machine with a copy of the root `base`, in a folder of its own in `place`, until the end."""
    needs("systemd-nspawn", "unshare", "nsenter", "setpriv")
    box = Container(place, base)
    try:
        box.await_boot()
        yield box
    finally:
        box.close()
