# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of docs/capacity.md: pure, for what no single machine can show."""

import math

WINDOW = 4096             # messages in flight at most
WINDOW_BYTES = 8 << 20    # and bytes of them
BATCH_BYTES = 64 << 10    # publish.batch.bytes
HEADROOM = 2              # a core is planned to be busy half of the time
BASE_MIB = 24             # of a collector beside queue.memory
BATCH_FROM = 5000         # records a second from which batches pay
DUPLICATE_WINDOW = 120    # seconds for which the stream knows an id
ID_BYTES = 240            # of the server's memory for each


def by_window(trip, batch=1, record=400):
    """Records a second that the window lets through: `trip` in seconds, a record in bytes."""
    message = records_of_message(batch, record)
    messages = min(WINDOW, WINDOW_BYTES // (message * record))
    return messages * message / trip


def why_no_figure(sent, done, lost):
    """Why a run says nothing about a record, or None."""
    if sent == 0:
        return "nothing was sent"
    if done == 0:
        return f"all of {sent:,} records were lost"
    if done != sent and lost == 0:
        return f"{sent:,} records were sent, {done:,} are counted and none is lost"
    return None


def span(seconds):
    """For people."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def lasting(size, record, rate):
    """How long a queue of so many bytes holds what comes in."""
    return span(size / (record * rate))


def binary(size):
    """Bytes for people, with two digits at least."""
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB")):
        if size >= unit:
            return f"{size / unit:.{1 if size < 10 * unit else 0}f} {name}"
    return f"{math.ceil(size / (1 << 20))} MiB"


def cores(rate, us):
    """That are busy half of the time at most."""
    return max(0.1, math.ceil(rate * us / 1e6 * HEADROOM * 10) / 10)


def records_of_message(batch, record):
    """A batch is closed by its bytes, too."""
    return min(batch, max(1, BATCH_BYTES // int(record))) if batch > 1 else 1


def choose(figures, title, rate, batch, outage=3600):
    """What a rate needs, of `figures` those of mode spill, of the queue on disk and
    of what the stream stores."""
    count = batch if rate >= BATCH_FROM else 1
    cost, size = figures[title, count, "spill"], figures[title, count, "disk"]
    memory = max(64 << 20, min(rate * size * 4 * 2, 1 << 30))  # 2 s before it spills at a quarter
    ids = rate / records_of_message(count, size) * DUPLICATE_WINDOW * ID_BYTES
    return {"batch": count, "collector": cores(rate, cost["us"]),
            "server": cores(rate, cost["server_us"]), "memory": memory,
            "ram": memory + (BASE_MIB << 20), "disk": rate * size * outage, "ids": ids,
            "day": rate * figures[title, count, "stream"] * 86400}
