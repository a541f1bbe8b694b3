# SPDX-License-Identifier: Apache-2.0
"""A host of its own for commands that write to /etc and /var and listen on fixed ports.

The commands run as root in namespaces: what they write to /etc, /var, /run and /root goes to a folder in
memory, the network is an empty loopback, and all processes end with the first one.
"""

import os
import shutil
import subprocess

import pytest

ENTER = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]

OVERLAY = r"""
set -eu
ip link set lo up
mount -t tmpfs -o mode=0755 tmpfs "$SANDBOX"
for folder in etc var run root; do
    mkdir -p "$SANDBOX/$folder" "$SANDBOX/work-$folder"
    mount -t overlay overlay /$folder \
        -o "lowerdir=/$folder,upperdir=$SANDBOX/$folder,workdir=$SANDBOX/work-$folder"
done
"""


def available():
    """Why there is no sandbox here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "needs unshare and ip"
    tried = subprocess.run([*ENTER, "bash", "-c", OVERLAY], env={**os.environ, "SANDBOX": "/mnt"},
                           capture_output=True, text=True, timeout=30, check=False)
    return None if tried.returncode == 0 else f"the system refuses it: {tried.stderr.strip()}"


def run(script, folder, path=(), timeout=120):
    """Runs a bash script in a sandbox; `path` is searched before the host's. Returns the process."""
    reason = available()
    if reason:
        pytest.skip(f"a sandbox {reason}")
    inside = folder / "sandbox"
    inside.mkdir()
    file = folder / "script"
    file.write_text(OVERLAY + script)
    search = ":".join([*map(str, path), "/usr/sbin", "/usr/bin", "/sbin", "/bin"])
    env = {"SANDBOX": str(inside), "PATH": search, "HOME": "/root", "LANG": "C.UTF-8"}
    return subprocess.run([*ENTER, "bash", str(file)], env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout, check=False)
