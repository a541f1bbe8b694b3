# SPDX-License-Identifier: Apache-2.0
import pytest

from lab import Lab


@pytest.fixture
def lab(tmp_path):
    """Stops what a test started, and shows its logs when it failed."""
    one = Lab(tmp_path)
    try:
        yield one
        for process in one.processes:
            if process.running() and hasattr(process, "ledger"):
                process.end()
            process.check()
    finally:
        one.close()
