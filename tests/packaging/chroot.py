# SPDX-License-Identifier: Apache-2.0
"""Debian roots in which nothing runs, for what packages do where no systemd is booted.

    with chroot.enter(tmp_path, container.root()) as root:
        root.run("dpkg", "-i", "/srv/NAME.deb")
        root.path("/etc/NAME").read_text()

As in container.py, a root is a copy in memory, and all of it ends with the test.
"""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

import container

# `cat` waits for the end of the test, however that comes.
START = r"""
set -eu
mount -t tmpfs -o mode=0755 tmpfs "$PLACE"
mkdir "$PLACE/upper" "$PLACE/work" "$PLACE/root"
mount -t overlay overlay "$PLACE/root" \
    -o "lowerdir=$BASE,upperdir=$PLACE/upper,workdir=$PLACE/work"
mount -t proc proc "$PLACE/root/proc"
mount --rbind /dev "$PLACE/root/dev"
mkdir "$PLACE/root/srv/packages"
mount --bind "$PACKAGES" "$PLACE/root/srv/packages"
echo ready
exec cat
"""


class Root:
    """See enter(). `packages` is the folder that is /srv/packages in it."""

    def __init__(self, place, base, packages):
        inside = place / "root"
        inside.mkdir()
        environment = {**os.environ, "PLACE": str(inside), "BASE": str(base),
                       "PACKAGES": str(packages)}
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c",
             START], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        said = self.process.stdout.readline()
        if said != "ready\n":
            pytest.skip(f"a root needs mounts: {said}")
        self.pid = next(container.descendants(self.process.pid))
        self.inside = inside / "root"

    def path(self, inside):
        """A file of it, as a path of ours. Follow no absolute link: that would lead to one of ours."""
        return Path(f"/proc/{self.pid}/root{self.inside}") / str(inside).lstrip("/")

    def run(self, *argv, check=True, timeout=120):
        """Runs a command in it; nothing answers a question that it asks."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root",
                       "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-m", "-p", "chroot", self.inside, *map(str, argv)],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout, check=False)
        if check and done.returncode != 0:
            pytest.fail(f"{argv}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def write(self, inside, text, mode=0o644, owner="root:root"):
        """Writes a file of it."""
        file = self.path(inside)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.run("chown", owner, inside)
        file.chmod(mode)

    def owned(self, inside):
        """Owner, group and mode of a file, as `root:root 640`."""
        return self.run("stat", "-c", "%U:%G %a", inside).stdout.strip()

    def close(self):
        """Ends what runs in it and its mounts."""
        self.process.stdin.close()
        self.process.wait(20)


@contextlib.contextmanager
def enter(place, base, packages):
    """A copy of the root `base`, until the end."""
    container.needs("unshare", "nsenter")
    root = Root(place, base, packages)
    try:
        yield root
    finally:
        root.close()
