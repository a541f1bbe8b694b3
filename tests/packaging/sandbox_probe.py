# SPDX-License-Identifier: Apache-2.0
"""Tries what a service must not be able to do, and prints the names of what it could. Its argument is
the folder that it may write to.
"""

import ctypes
import mmap
import os
import resource
import signal
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER = 0x10000000
SYS_BPF_OF = {"x86_64": 321, "aarch64": 280}
ADDR_NO_RANDOMIZE = 0x0040000


def sure(code):
    if code < 0:
        raise OSError(ctypes.get_errno(), "refused")


def read(path):
    with open(path, "rb") as f:
        return f.read(1)


def write(path):
    with open(path, "wb"):
        pass
    os.unlink(path)


def set_group_id():
    path = os.path.join(sys.argv[1], "probe")
    with open(path, "wb"):
        os.chmod(path, 0o2755)
    os.unlink(path)


def map_code():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def see_processes_of_others():
    if not os.path.exists("/proc/1"):
        raise PermissionError


def see_files_of_others():
    if not os.path.exists("/tmp/of-others"):
        raise FileNotFoundError


def make_real_time():
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


ATTEMPTS = {
    "write to /var/tmp where others see it": lambda: write("/dev/shm/probe"),
    "see files of others in /tmp": see_files_of_others,
    "see processes of others": see_processes_of_others,
    "read the system's settings": lambda: read("/proc/sys/kernel/hostname"),
    "read the network's state": lambda: read("/proc/net/udp"),
    "read a home": lambda: read("/home/somebody/file"),
    "open a device": lambda: read("/dev/tty0probe"),
    "make a namespace": lambda: sure(libc.unshare(CLONE_NEWUSER)),
    "talk to the kernel by netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
    "map memory to write and to run": map_code,
    "change how it is laid out": lambda: sure(libc.personality(ADDR_NO_RANDOMIZE)),
    "make a file that runs with its group": set_group_id,
    "choose a scheduler": make_real_time,
    "raise its limits": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
}


def main():
    write(os.path.join(sys.argv[1], "allowed"))
    for name, attempt in ATTEMPTS.items():
        try:
            attempt()
        except OSError:
            continue
        print(f"could {name}")
    print("done")


main()
