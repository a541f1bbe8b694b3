# SPDX-License-Identifier: Apache-2.0
"""Tables that a measurement puts into a document, between markers of their names."""

import contextlib
import os
import re
import sys


def write_whole(path, text):
    """An error or an end in the middle leaves the file that was there."""
    new = "%s.new" % path
    try:
        with open(new, "w", encoding="utf-8") as out:
            out.write(text)
        with contextlib.suppress(FileNotFoundError, PermissionError):
            old = os.stat(path)
            os.chmod(new, old.st_mode & 0o7777)
            os.chown(new, old.st_uid, old.st_gid)  # measurements run as root, trees are of users
        os.replace(new, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)


def put(path, name, text):
    """Replaces what is between `<!-- table: NAME -->` and `<!-- end -->`."""
    document = path.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- table: {re.escape(name)} -->\n).*?(<!-- end -->)", re.S)
    if not pattern.search(document):
        sys.exit(f"{path} has no place for {name}: add <!-- table: {name} --> and <!-- end -->")
    write_whole(path, pattern.sub(lambda m: m[1] + text + m[2], document))
