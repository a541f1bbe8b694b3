# SPDX-License-Identifier: Apache-2.0
"""What docs/operating.md says of the log is what the programs log."""

import re

from lab import ROOT

PAGE = ROOT / "docs" / "operating.md"
PLACEHOLDER = "\0"  # stands for what differs from line to line


def texts_of_the_code():
    """All string literals, joined where C joins them, with what is filled in left open."""
    found = []
    for folder in ("common", "collectors"):
        for file in (ROOT / folder).rglob("*.c"):
            code = re.sub(r'"\s*\n\s*"', "", file.read_text())
            found += re.findall(r'"((?:[^"\\\n]|\\.)*)"', code)
    return [re.sub(r"%[-0-9.*]*(?:ll|z)?[a-z]", PLACEHOLDER, text) for text in found]


def lines_of_the_table():
    text = PAGE.read_text()
    table = text[text.index("## What the log says"):text.index("## Exit codes")]
    rows = re.findall(r"^\| `([^`]+)`", table, re.M)
    assert len(rows) > 50
    return rows


def is_said(row, texts):
    """True when a text of the code has the words of the row, or gives them when it is filled in."""
    words = re.sub(r"reason=.*|^\.\.\. |^FILE: |^fd://NAME: ", "", row).strip(" .")
    piece = words.replace(" ... ", f" {PLACEHOLDER} ").removesuffix(":")
    if not piece or any(piece in text for text in texts):
        return True
    patterns = (text.split("=")[0].rsplit(" ", 1)[0] for text in texts if text.count("=") > 0)
    return any(re.fullmatch(re.escape(pattern).replace(PLACEHOLDER, ".+"), piece)
               for pattern in patterns if pattern.strip(PLACEHOLDER + " "))


def test_every_line_of_the_log_that_the_page_explains_is_logged():
    texts = texts_of_the_code()
    assert [row for row in lines_of_the_table() if not is_said(row, texts)] == []
