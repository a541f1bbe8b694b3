# SPDX-License-Identifier: Apache-2.0
"""Compressed datagrams: inflated within limits, or dead letters as they came."""

import gzip
import json
import zlib

from lab import SUBJECT, Daemon

LINE = b"<34>1 2003-10-11T22:14:15.003Z host su - - - hello"


def test_compressed_datagrams_are_messages_and_bombs_are_dead_letters(lab):
    server = lab.server()
    client = server.client()
    client.add_stream()
    daemon = Daemon(lab, server=server, listeners=[{"format": "rfc5424"}]).start()
    bomb, damaged = zlib.compress(bytes(1 << 20), 9), gzip.compress(LINE)[:-9]
    large = zlib.compress(LINE + bytes(range(32, 127)) * 1000, 9)
    daemon.feed([zlib.compress(LINE), gzip.compress(LINE), LINE, bomb, damaged, large])
    ledger = daemon.settled(6)
    assert ledger["decoded"] == 3 and ledger["deadlettered"] == 3
    for reason in ("compressed_ratio", "compressed_damaged", "compressed_too_large"):
        assert daemon.metric("undecodable_total", reason=reason) == 1
    messages = client.messages()
    records = [json.loads(m.body) for m in messages if m.subject == SUBJECT]
    assert [r["full_message"] for r in records] == [LINE.decode()] * 3
    daemon.stop()


def test_inflating_can_be_turned_off(lab):
    daemon = Daemon(lab, output="discard", listeners=[{"inflate_max": 0}]).start()
    daemon.feed([zlib.compress(LINE)])
    assert daemon.settled(1)["deadlettered"] == 1
    assert daemon.metric("undecodable_total", reason="not_utf8") == 1
