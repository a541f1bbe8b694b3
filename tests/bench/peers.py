# SPDX-License-Identifier: Apache-2.0
"""The programs that we compare with: of Debian's packages, unpacked into a folder, never installed.

Two of them (rsyslog and syslog-ng) cannot be installed together, and installing any of them starts
a daemon. Their libraries and modules are found by environment variables and arguments instead.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

from measure import built

FOLDER = os.environ.get("SR_PEERS", built("peers"))
MARK = "version"  # a file that is written last

# What is unpacked for each program; what these depend on comes along unless it is installed.
PACKAGES = {
    "rsyslogd": ["rsyslog", "rsyslog-openssl"],
    "syslog-ng": ["syslog-ng-core"],
    "nfcapd": ["nfdump"],
    "nfacctd": ["pmacct"],
    "snmptrapd": ["snmptrapd"],
}


class Missing(Exception):
    """A program that cannot be run, and why."""


def root_of(program):
    return os.path.join(FOLDER, program)


def _run(arguments, **options):
    run = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                         stdin=subprocess.DEVNULL, **options)
    if run.returncode != 0:
        lines = (run.stderr or run.stdout).decode(errors="replace").strip().splitlines()
        raise Missing("%s: %s" % (" ".join(arguments[:2]), lines[-1] if lines else "it failed"))
    return run.stdout.decode(errors="replace")


def _needed(packages):
    """The packages, and what of their dependencies this machine lacks; nothing is installed."""
    plan = _run(["apt-get", "--simulate", "--no-install-recommends", "--reinstall", "install"] + packages,
                env=dict(os.environ, LC_ALL="C"))
    return re.findall(r"^Inst (\S+)", plan, re.M)


def unpack(program):
    """Downloads and unpacks a program where that has not been done; raises Missing."""
    root = root_of(program)
    if os.path.exists(os.path.join(root, MARK)):
        return
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Missing("its Debian packages cannot be unpacked without apt-get and dpkg")
    print("unpacking %s into %s" % (program, root), file=sys.stderr, flush=True)
    shutil.rmtree(root, ignore_errors=True)
    archives = os.path.join(root, "archives")
    os.makedirs(archives)
    try:
        _run(["apt-get", "download"] + _needed(PACKAGES[program]), cwd=archives)
    except (Missing, OSError, subprocess.TimeoutExpired) as error:
        raise Missing("cannot be downloaded (%s); apt-get update may help" % error)
    version = ""
    for archive in glob.glob(os.path.join(archives, "*.deb")):
        _run(["dpkg", "-x", archive, root])
        if os.path.basename(archive).startswith(PACKAGES[program][0] + "_"):
            version = _run(["dpkg-deb", "-f", archive, "Version"]).strip()
    shutil.rmtree(archives)
    if path_of(program) is None:
        raise Missing("the packages %s do not have it" % ", ".join(PACKAGES[program]))
    with open(os.path.join(root, MARK), "w") as out:
        out.write(version)


def unpack_all(programs):
    """Of each program that could not be had: why."""
    missing = {}
    for program in programs:
        try:
            unpack(program)
        except Missing as error:
            missing[program] = str(error)
        except OSError as error:
            missing[program] = "cannot be unpacked into %s (%s); SR_PEERS names another folder" % (
                root_of(program), error.strerror)
    return missing


def path_of(program):
    """The program, unpacked or installed; None: there is none."""
    for folder in ("usr/sbin", "usr/bin"):
        path = os.path.join(root_of(program), folder, program)
        if os.path.exists(path):
            return path
    return shutil.which(program)


def folder_of(program, pattern):
    """A folder of the program's files, unpacked or installed; raises Missing."""
    found = glob.glob(os.path.join(root_of(program), pattern)) or glob.glob(os.path.join("/", pattern))
    if not found:
        raise Missing("has no %s" % pattern)
    return found[0]


def environment(program):
    """Variables with which the program finds its own libraries."""
    found = [path for pattern in ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib/syslog-ng",
                                  "usr/lib/syslog-ng/*")
             for path in glob.glob(os.path.join(root_of(program), pattern))]
    variables = dict(os.environ, LC_ALL="C", TZ="UTC")
    if found:
        variables["LD_LIBRARY_PATH"] = ":".join(found)
    return variables


def version(program):
    """Of the package that is unpacked, or else of the one that is installed."""
    try:
        with open(os.path.join(root_of(program), MARK)) as mark:
            found = mark.read()
    except OSError:
        found = ""
    if found:
        return found
    try:
        return _run(["dpkg-query", "-W", "-f=${Version}", PACKAGES[program][0]])
    except (KeyError, Missing, OSError):
        return "of an unknown version"
