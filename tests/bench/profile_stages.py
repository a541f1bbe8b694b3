# SPDX-License-Identifier: Apache-2.0
"""Which stage of a record's way a piece of code belongs to: the table of tests/bench/profile.

Code that is in no row, of libc, of the kernel or of helpers like sr/buf.h, belongs to the stage of
whoever called it.
"""

import re

WAIT = "wait"
STAGES = [WAIT, "recv", "frame", "decode", "encode", "queue", "publish", "other"]

# The end of a source file's path, the first row that fits. What a collector does around its decoder
# (access rules, fair use, exporters) is counted as decoding.
FILES = [(re.compile(r"(^|/)(%s)$" % pattern), stage) for pattern, stage in [
    (r"shell/(udp|udp_way|socket|tcp\w*|tls\w*|proxy_head|answers)\.[ch]", "recv"),
    (r"core/(proxy|fair)\.c", "recv"),
    (r"frame/\w+\.[ch]|shell/(stream|worker_stream)\.[ch]", "frame"),
    (r"netflow/decode/stream\.[ch]", "frame"),
    (r"shell/(sink_file|publisher|pub_\w+)\.[ch]|core/(ack|window)\.c", "publish"),
    (r"shell/(lane|queue|queue_segments|spool|spooler|batch|worker|worker_requests|wake|durable|"
     r"counters\w*|kept|stats\w*|tap|snapshot)\.[ch]|core/(segment|crc32c|records|share)\.[ch]|"
     r"sr/(wake|segment|counters|stats|queue)\.h", "queue"),
    (r"decode/(gelf|json\w*|protobuf\w*|direct|publish|enrich|shown|identifier|names|hint|mapping|"
     r"varint|words|severity|raw|flow_finish)\.[ch]", "encode"),
    (r"core/(json\w*|peer|deadletter|base\w+)\.[ch]|sr/json\.h", "encode"),
    (r"decode/\w+\.[ch]|usm/\w+\.[ch]|mib/\w+\.[ch]", "decode"),
    (r"collectors/(syslog|netflow|trapd)/\w+\.[ch]|shell/(sources|access)\.c|core/(network|rate)\.c",
     "decode"),
]]

# Of the kernel: what a thread that waits costs, and its going to sleep and waking.
WAITS = re.compile(r"nanosleep|epoll_(p?wait|wait)|poll_schedule|schedule_hrtimeout|ep_poll")

# Threads other than the receiving ones, by the beginning of their names.
THREADS = [("receive", None), ("publish", "publish"), ("nats", "publish"), ("connect", "publish")]


def of_file(path):
    """The stage of a source file; None: its caller's."""
    for pattern, stage in FILES:
        if pattern.search(path):
            return stage
    return None


def of_thread(name):
    """The stage of all that a thread does; None: it does several."""
    for prefix, stage in THREADS:
        if name.startswith(prefix):
            return stage
    return "other"


def of_stack(frames):
    """
    The stage of a sample of a receiving thread. `frames` begin where it was: each is the name of a
    function and the files of the code there, inlined code first.
    """
    for name, files in frames:
        if WAITS.search(name):
            return WAIT
        for path in files:
            stage = of_file(path)
            if stage is not None:
                return stage
    return "recv"  # its loop, and what that reads of connections
