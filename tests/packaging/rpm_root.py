# SPDX-License-Identifier: Apache-2.0
"""A folder that rpm installs into with scriptlets: a shell, what scriptlets call, and stand-ins for
systemd.

The stand-in for systemctl keeps which units are enabled and active, and logs each call.
"""

import shutil
import subprocess
from pathlib import Path

import rpm

PROGRAMS = ("sh", "cat", "getent", "grep", "groupadd", "mkdir", "rm", "touch", "useradd")

SYSTEMCTL = r"""#!/bin/sh
echo "$*" >>/systemctl.log
mkdir -p /units/enabled /units/active
now=
verb=
for word; do
    case $word in
    --now) now=yes ;;
    --*) ;;
    *) if [ "$verb" ]; then names="$names $word"; else verb=$word; fi ;;
    esac
done
set -f
for name in $names; do
    case $name in
    *.*) ;;
    *) name=$name.service ;;
    esac
    case $verb in
    enable | preset) touch "/units/enabled/$name" ;;
    disable) rm -f "/units/enabled/$name" ${now:+"/units/active/$name"} ;;
    start | restart) touch "/units/active/$name" ;;
    stop) rm -f "/units/active/$name" ;;
    is-enabled) if [ -e "/units/enabled/$name" ]; then echo enabled; else echo disabled; fi ;;
    is-active) if [ -e "/units/active/$name" ]; then echo active; else echo inactive; fi ;;
    esac
done
"""

NOLOGIN = "#!/bin/sh\nexit 1\n"
LOG_ONLY = '#!/bin/sh\necho "$*" >>/systemd-tmpfiles.log\n'


def copy_program(root, name):
    """A program and the libraries that it is linked with."""
    path = Path(shutil.which(name, path="/usr/bin:/usr/sbin:/bin:/sbin"))
    files = [path]
    linked = subprocess.run(["ldd", path], check=True, capture_output=True, text=True).stdout
    files += [Path(word) for word in linked.split() if word.startswith("/")]
    for file in files:
        target = root / "usr" / file.relative_to("/").as_posix().removeprefix("usr/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)


class Root:
    """One scratch root with a package database of its own."""

    def __init__(self, path):
        self.path = path
        for folder in ("bin", "lib", "lib64", "sbin"):
            (path / "usr" / folder).mkdir(parents=True)
            (path / folder).symlink_to(f"usr/{folder}")
        for folder in ("etc", "run", "tmp", "dev", "var/lib"):
            (path / folder).mkdir(parents=True)
        (path / "dev" / "null").touch()
        (path / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (path / "etc" / "group").write_text("root:x:0:\n")
        (path / "etc" / "shadow").write_text("root:*:20000:0:99999:7:::\n")
        (path / "etc" / "login.defs").write_text("USERGROUPS_ENAB yes\n")
        for name in PROGRAMS:
            copy_program(path, name)
        self._program("bin/systemctl", SYSTEMCTL)
        self._program("bin/systemd-tmpfiles", LOG_ONLY)
        self._program("sbin/nologin", NOLOGIN)

    def _program(self, name, text):
        file = self.path / "usr" / name
        file.write_text(text)
        file.chmod(0o755)

    def rpm(self, *arguments):
        """Runs rpm on this root. What it says on standard error fails the test, but for Debian's
        advice."""
        nodeps = [] if "-qa" in arguments else ["--nodeps"]
        done = subprocess.run(["rpm", "--root", self.path, *nodeps, *arguments], check=False,
                              capture_output=True, text=True, timeout=120)
        said = [line for line in done.stderr.splitlines() if not line.startswith("rpm: ")]
        assert done.returncode == 0 and not said, (done.returncode, done.stdout, said)
        return done.stdout

    def swap(self, old, package):
        """Removes one package and installs another in one transaction, as `dnf swap` does."""
        transaction = rpm.TransactionSet(str(self.path))
        transaction.setVSFlags(-1)
        with open(package, "rb") as file:
            transaction.addInstall(transaction.hdrFromFdno(file.fileno()), str(package), "u")
        transaction.addErase(old)
        files = {}

        def progress(what, _amount, _total, key, _data):
            if what == rpm.RPMCALLBACK_INST_OPEN_FILE:
                files[key] = open(key, "rb")
                return files[key].fileno()
            if what == rpm.RPMCALLBACK_INST_CLOSE_FILE:
                files.pop(key).close()
            return None

        transaction.order()
        assert not transaction.run(progress, "")
        transaction.closeDB()

    def calls(self):
        """The calls of systemctl since the last time."""
        log = self.path / "systemctl.log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def units(self, what):
        """The units that are `enabled` or `active`."""
        folder = self.path / "units" / what
        return {file.name for file in folder.iterdir()} if folder.exists() else set()

    def set_units(self, what, *names):
        folder = self.path / "units" / what
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).touch()

    def owner(self, path):
        """`root:serviceradar 0640` of a file of the root, by its own users."""
        stat = (self.path / path.lstrip("/")).lstat()
        names = []
        for number, table in ((stat.st_uid, "passwd"), (stat.st_gid, "group")):
            rows = [row.split(":") for row in (self.path / "etc" / table).read_text().splitlines()]
            names.append(next(row[0] for row in rows if row[2] == str(number)))
        return f"{':'.join(names)} {stat.st_mode & 0o7777:04o}"
