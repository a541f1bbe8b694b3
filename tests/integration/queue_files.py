# SPDX-License-Identifier: Apache-2.0
"""The files of a queue's directory, and file systems that are small."""

import struct
import subprocess
import unittest


class Segment:
    """A file of the queue, read as docs and sr/segment.h say. No check of any crc."""

    def __init__(self, path):
        self.path = path
        self.bytes = path.read_bytes()
        (self.version, header_len) = struct.unpack_from("=II", self.bytes, 12)
        (self.run, self.number) = struct.unpack_from("=QQ", self.bytes, 24)
        self.entries = []  # (offset of its bytes, how many)
        at = header_len
        while at + 16 <= len(self.bytes):
            length = struct.unpack_from("=I", self.bytes, at)[0]
            self.entries.append((at + 16, length))
            at += (16 + length + 3) // 4 * 4

    def ids(self):
        """The Nats-Msg-Id of each entry."""
        return [f"{self.run:016x}-{self.number}-{i}" for i in range(len(self.entries))]

    def damage(self, entry):
        """Turns one bit in the middle of an entry's bytes."""
        offset, length = self.entries[entry]
        self.patch(offset + length // 2, bytes([self.bytes[offset + length // 2] ^ 1]))

    def patch(self, offset, data):
        with open(self.path, "r+b") as f:
            f.seek(offset)
            f.write(data)


def segments(folder):
    """The segments that lie in a queue's directory, in their order; not one just being made."""
    return [Segment(p) for p in sorted(folder.glob("*.seg")) if p.stat().st_size > 0]


class Disk:
    """A small file system of its own, of `size` bytes."""

    def __init__(self, lab, size, name="disk"):
        self.dir = lab.dir / name
        self.dir.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.dir],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise unittest.SkipTest(f"needs the right to mount a tmpfs: {done.stderr.strip()}")
        lab.disks.append(self)
        self.ballast = self.dir / "ballast"

    def fill(self):
        with open(self.ballast, "ab", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass

    def free(self):
        self.ballast.unlink()

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", self.dir], check=True)

    def close(self):
        subprocess.run(["umount", self.dir], check=True)
