# SPDX-License-Identifier: Apache-2.0
"""What can happen to a receiving socket."""

import os
import shutil
import subprocess

import pytest

from lab import Load, wait_for


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ss") is None,
                    reason="needs ss and the right to end sockets")
def test_a_socket_with_an_error_is_received_from_again(lab):
    daemon = lab.daemon(output="discard")
    daemon.send(Load().lines(5))
    daemon.await_received(5)
    port = daemon.address()[1]
    killed = subprocess.run(["ss", "-K", "-u", "-a", "sport", "=", f":{port}"],
                            capture_output=True, text=True, timeout=10, check=False)
    if str(port) not in killed.stdout:
        pytest.skip("this kernel ends no sockets")
    daemon.send(Load().lines(5))
    daemon.settled(10)
    wait_for("the error is told", lambda: daemon.lines("a receiving socket had an error"))
