# SPDX-License-Identifier: Apache-2.0
"""Tries what any user may do and a collector may not, and prints what was possible. What it may do it
must: write to the folder that is its argument.
"""

import ctypes
import mmap
import os
import socket
import sys

CLONE_NEWUSER = 0x10000000
ADDR_NO_RANDOMIZE = 0x0040000
FOLDER = sys.argv[1]

libc = ctypes.CDLL(None, use_errno=True)


def sure(code):
    if code < 0:
        raise OSError(ctypes.get_errno(), "refused")


def read(path):
    with open(path, "rb") as f:
        f.read(1)


def write(path, mode=0o600):
    with open(path, "wb"):
        pass
    try:
        os.chmod(path, mode)
    finally:
        os.unlink(path)


def map_code():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


ATTEMPTS = {
    "write outside of its folder": lambda: write("/srv/open/probe"),
    "see files of others in /tmp": lambda: os.stat("/tmp/of-others"),
    "see processes of others": lambda: os.stat("/proc/1"),
    "read settings of the kernel": lambda: read("/proc/sys/kernel/hostname"),
    "read the state of the network": lambda: read("/proc/net/udp"),
    "read a home": lambda: read("/home/somebody"),
    "see devices": lambda: os.stat("/dev/of-others"),
    "make a namespace": lambda: sure(libc.unshare(CLONE_NEWUSER)),
    "speak netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
    "write code to memory": map_code,
    "change its personality": lambda: sure(libc.personality(ADDR_NO_RANDOMIZE)),
    "make a program of its group": lambda: write(os.path.join(FOLDER, "probe"), 0o2755),
    "choose a scheduler": lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)),
}


def main():
    write(os.path.join(FOLDER, "allowed"))
    for name, attempt in ATTEMPTS.items():
        try:
            attempt()
            print(f"could {name}")
        except OSError as error:
            print(f"refused {name}: {error}")


main()
