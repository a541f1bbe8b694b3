# SPDX-License-Identifier: Apache-2.0
"""Keys for repositories, and the command that makes these."""

import os
import subprocess

from lab import ROOT


class Key:
    """An OpenPGP key of its own: `file` has its private part, `fingerprint` its name."""

    def __init__(self, folder, kind="ed25519", expires="1y", passphrase="", faked=None):
        self.home = folder / "home"
        self.home.mkdir(mode=0o700)
        faked = ["--faked-system-time", faked] if faked else []
        self.gpg("--pinentry-mode", "loopback", "--passphrase", passphrase, *faked, "--quick-gen-key",
                 "Repository <repository@example.com>", kind, "sign", expires)
        listed = self.gpg("--with-colons", "--list-keys")
        self.fingerprint = next(line for line in listed.splitlines() if line.startswith("fpr")).split(":")[9]
        self.file = folder / "private.asc"
        self.file.write_text(self.gpg("--pinentry-mode", "loopback", "--passphrase", passphrase, "--armor",
                                      "--export-secret-keys"))
        self.public = folder / "public.asc"
        self.public.write_text(self.gpg("--armor", "--export"))
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=True, timeout=20)

    def gpg(self, *arguments):
        return subprocess.run(["gpg", "--homedir", self.home, "--batch", *arguments], check=True, timeout=60,
                              capture_output=True, text=True).stdout


def run(folder, *arguments, epoch=None, env=None):
    """packaging/repo/build into a folder. Returns the process."""
    env = {**os.environ, **(env or {})}
    env.pop("SOURCE_DATE_EPOCH", None)
    if epoch:
        env["SOURCE_DATE_EPOCH"] = str(epoch)
    return subprocess.run([ROOT / "packaging/repo/build", "--output", folder, *arguments], env=env,
                          capture_output=True, text=True, timeout=120, check=False)


def build(folder, key, *arguments, epoch=None):
    done = run(folder, "--key", key.file, *arguments, epoch=epoch)
    assert done.returncode == 0, done.stderr
    return folder
