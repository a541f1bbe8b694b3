# SPDX-License-Identifier: Apache-2.0
"""Tables that a measurement puts into a document, between markers of their names."""

import contextlib
import os


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


def replaced(text, name, inside):
    """The text with what is between `<!-- table: NAME -->` and the next `<!-- end -->` replaced.

    ValueError: it does not have that place, or has it twice.
    """
    begin, end = f"<!-- table: {name} -->\n", "<!-- end -->"
    before, *after = text.split(begin)
    if len(after) != 1 or end not in after[0]:
        raise ValueError(f"the page needs the lines {begin.strip()} and {end}, once")
    return before + begin + inside.strip() + "\n" + after[0][after[0].index(end):]


def put(path, name, inside):
    """Into the file, which is left as it was when that fails; ValueError as above."""
    write_whole(path, replaced(path.read_text(encoding="utf-8"), name, inside))
