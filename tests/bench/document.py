# SPDX-License-Identifier: Apache-2.0
"""Tables that a measurement puts into a document, between markers of their names."""

import re
import sys


def put(path, name, text):
    """Replaces what is between `<!-- table: NAME -->` and `<!-- end -->`."""
    document = path.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- table: {re.escape(name)} -->\n).*?(<!-- end -->)", re.S)
    if not pattern.search(document):
        sys.exit(f"{path} has no place for {name}: add <!-- table: {name} --> and <!-- end -->")
    path.write_text(pattern.sub(lambda m: m[1] + text + m[2], document), encoding="utf-8")
