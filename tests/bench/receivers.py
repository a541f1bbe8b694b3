# SPDX-License-Identifier: Apache-2.0
"""Who receives in the measurements: one table, one way to start each, one place for its configuration.

To measure another program, add a line to RECEIVERS, as short as
    Receiver("flowd", "netflow", "flowd -g -f @CONFIG@", config="flowd.conf"),
@WORDS@ in a command or a configuration are replaced: @PORT@ of 127.0.0.1 to listen on, @FOLDER@ to write
to (emptied before each run), @BUFFER@ bytes of the socket's buffer, @CERTIFICATES@ the folder of
make_certificates(), @CONFIG@ the expanded file of peers/. A program is ours when it is in the build, else
one of peers.py or one in PATH.
"""

import contextlib
import dataclasses
import os
import re
import shutil
import signal
import typing
import urllib.request

import peers
from measure import (HERE, Process, built, listens, on_processor, socket_of, wait_for,
                     wait_until_idle)

PORTS = {"syslog": 15514, "netflow": 15055, "trap": 15162}
METRICS = "127.0.0.1:15621"
BUFFER = 4 << 20  # bytes that a receiver of datagrams asks the kernel for, if it allows them
SESSIONS = 10100  # that a receiver of connections allows


# ---- How records are counted ----

def our_metric(name):
    """A sum of our counters, while we run."""
    def count(run):
        with urllib.request.urlopen("http://%s/metrics" % METRICS, timeout=10) as answer:
            text = answer.read().decode()
        return sum(map(int, re.findall(r"^serviceradar_%s(?:\{[^}]*\})? (\d+)" % name, text, re.M)))
    return count


our_decoded = our_metric("decoded_total")
our_flows = our_metric("netflow_records_published_total")


def messages(run):
    """Lines with a number: the different ones, -1 when some are there twice. Whole after the end."""
    lines, numbers = 0, set()
    with contextlib.suppress(FileNotFoundError), open(run.out, "rb") as records:
        for chunk in iter(lambda: records.read(1 << 24) + records.readline(), b""):
            lines += chunk.count(b"\n")
            numbers.update(re.findall(rb"seq (\d{7})", chunk))
    return len(numbers) if lines == len(numbers) else -1


def traps_in_log(run):
    """Each notification in snmptrapd's log has one line that tells where it came from."""
    with open(run.out, "rb") as log:
        return sum(b"->[127.0.0.1]:%d" % run.port in line for line in log)


def flows_in_log(run):
    """nfcapd tells at its end."""
    with open(run.log, "rb") as log:
        return sum(map(int, re.findall(rb"Flows: (\d+)", log.read())))


# ---- The table ----

@dataclasses.dataclass(frozen=True)
class Receiver:
    name: str
    protocol: str             # syslog, netflow or trap
    command: str              # the program and its arguments, between spaces
    writes: str = ""          # what becomes of a record, in a few words
    config: str = ""          # a file in peers/ that @CONFIG@ is made of
    out: str = ""             # the file or folder of its records, in @FOLDER@
    count: typing.Callable = None  # records so far; None: only the kernel tells what was dropped
    ended: bool = False       # that is right after the end only
    stop: int = signal.SIGTERM
    transports: tuple = ("udp",)
    prompt: str = ""          # how it writes where latency is measured; "": cannot be seen in a file
    prompt_words: dict = dataclasses.field(default_factory=dict)  # for @WORDS@ then
    words: dict = dataclasses.field(default_factory=dict)  # for @WORDS@ of its configuration
    shows_marks: bool = True  # the text of a record is in the file

    def program(self):
        return self.command.split()[0]

    def is_ours(self):
        return self.program().startswith("serviceradar-")

    def path(self):
        """Where the program is, or None."""
        if self.is_ours():
            path = built("bin", self.program())
            return path if os.path.exists(path) else None
        return peers.path_of(self.program())


def ours(program, *settings):
    """The command of one of ours with these settings."""
    common = ["queue.dir=@FOLDER@/queue", "metrics.listen=" + METRICS,
              "listeners.0.listen=@TRANSPORT@://127.0.0.1:@PORT@"]
    return " ".join([program] + ["--set " + s for s in common + list(settings)] + ["@OURS@"])


FILE = ("output=file", "file.path=@FOLDER@/out.json")
DELIMITED = ("output=file", "file.framing=delimited", "file.path=@FOLDER@/out.bin")
STREAMS = ("udp", "tcp", "tls")
USERS = "users_file=@CONFIG@"
# It reads no MIB, looks up no names and writes numbers, which is less work than its defaults.
SNMPTRAPD = ("snmptrapd -f -C -c @CONFIG@ -Lf @FOLDER@/traps.log -n -On -m : "
             "udp:127.0.0.1:@PORT@")

RECEIVERS = [
    Receiver("ours, `rfc5424`", "syslog",
             ours("serviceradar-syslog", "listeners.0.format=rfc5424", *FILE), "JSON lines",
             out="out.json", count=messages, ended=True, transports=STREAMS, prompt="as it comes"),
    Receiver("ours, `smart`", "syslog",
             ours("serviceradar-syslog", "listeners.0.format=smart", *FILE), "JSON lines",
             out="out.json", count=messages, ended=True, transports=STREAMS, prompt="as it comes"),
    Receiver("rsyslog", "syslog", "rsyslogd -n -M @MODULES@ -f @CONFIG@ -i @FOLDER@/rsyslogd.pid",
             "JSON lines", "rsyslog.conf", "out.json", messages, True, transports=STREAMS,
             prompt="after each batch (`flushOnTXEnd`)", prompt_words={"FLUSH": "on"},
             words={"FLUSH": "off"}),
    Receiver("syslog-ng", "syslog",
             "syslog-ng -F --no-caps --module-path @MODULES@ -f @CONFIG@ -R @FOLDER@/persist "
             "-c @FOLDER@/control -p @FOLDER@/syslog-ng.pid", "JSON lines", "syslog-ng.conf",
             "out.json", messages, True, transports=STREAMS, prompt="after each line (`flush-lines(1)`)",
             prompt_words={"FLUSH_LINES": "1"}, words={"FLUSH_LINES": "1000"}),
    Receiver("ours", "netflow", ours("serviceradar-netflow", "output=discard"),
             "protobuf, discarded", count=our_flows),
    Receiver("ours, to a file", "netflow", ours("serviceradar-netflow", *DELIMITED),
             "protobuf, delimited", out="out.bin", count=our_flows, prompt="as it comes",
             shows_marks=False),
    # One file for the whole run, and no compression.
    Receiver("nfcapd", "netflow",
             "nfcapd -b 127.0.0.1 -p @PORT@ -w @FOLDER@/out -t 3600 -B @BUFFER@",
             "blocks of its own", out="out/", count=flows_in_log, ended=True),
    Receiver("nfacctd", "netflow", "nfacctd -f @CONFIG@", "keeps sums, prints none", "nfacctd.conf",
             stop=signal.SIGINT),
    Receiver("ours", "trap", ours("serviceradar-trapd", "output=discard", USERS),
             "JSON, discarded", "trapd-users.yaml", count=our_decoded),
    Receiver("ours, to a file", "trap", ours("serviceradar-trapd", USERS, *FILE),
             "JSON lines", "trapd-users.yaml", "out.json", our_decoded, prompt="as it comes"),
    Receiver("snmptrapd", "trap", SNMPTRAPD, "lines of text", "snmptrapd.conf", "traps.log",
             traps_in_log, prompt="as it comes", words={"FORGET": "yes"}),
]


def receivers(protocol, transport="udp"):
    """Those of a protocol, in the order of the table."""
    return [r for r in RECEIVERS if r.protocol == protocol and transport in r.transports]


def receiver(name, protocol):
    return next(r for r in receivers(protocol) if r.name == name)


# ---- Starting one ----

RSYSLOG_INPUTS = {
    # A thread that takes up to 256 datagrams with one call and asks for the time after eight calls.
    "udp": 'module(load="imudp" threads="1" batchSize="256" timeRequery="8")\n'
           'input(type="imudp" address="127.0.0.1" port="@PORT@" rcvbufSize="@BUFFER@" ruleset="r")',
    # The input that is made for plain TCP.
    "tcp": 'module(load="imptcp" threads="1")\n'
           'input(type="imptcp" address="127.0.0.1" port="@PORT@" ruleset="r")',
    "tls": 'module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" '
           'streamDriver.authMode="anon" maxSessions="@SESSIONS@")\n'
           'input(type="imtcp" address="127.0.0.1" port="@PORT@" ruleset="r")',
}
# Of connections, whose messages syslog() expects with their length before them: room for 1,000 messages of
# each at least, and up to 1,000 at a time.
STREAM_OF_SYSLOG_NG = ("flags(store-raw-message) max-connections(200) "
                       "log-iw-size(200000) log-fetch-limit(1000)")
SYSLOG_NG_INPUTS = {
    "udp": 'source s { network(transport("udp") ip("127.0.0.1") port(@PORT@) so-rcvbuf(@BUFFER@) '
           "flags(syslog-protocol, store-raw-message) log-iw-size(10000) log-fetch-limit(1000)); };",
    "tcp": 'source s { syslog(transport("tcp") ip("127.0.0.1") port(@PORT@) %s); };' % (
        STREAM_OF_SYSLOG_NG),
    "tls": 'source s { syslog(transport("tls") ip("127.0.0.1") port(@PORT@) %s '
           'tls(key-file("@CERTIFICATES@/server.key") cert-file("@CERTIFICATES@/server.pem") '
           "peer-verify(optional-untrusted))); };" % STREAM_OF_SYSLOG_NG,
}


def our_words(transport, settings):
    if transport == "udp":
        found = ["listeners.0.receive_buffer=@BUFFER@"]
    else:
        found = ["listeners.0.connections=%d" % SESSIONS, "listeners.0.connections_per_source=0"]
    if transport == "tls":
        found += ["listeners.0.tls.cert_file=@CERTIFICATES@/server.pem",
                  "listeners.0.tls.key_file=@CERTIFICATES@/server.key"]
    return [word for setting in found + list(settings) for word in ("--set", setting)]


def words_of(which, transport, folder, buffer, settings, changes):
    """What the @WORDS@ of a command and its configuration stand for, longer ones first."""
    words = {"TRANSPORT": transport, "OURS": our_words(transport, settings),
             "CONFIG": os.path.join(folder, "config")}
    if which.program() == "rsyslogd":
        words["INPUT"] = RSYSLOG_INPUTS[transport]
        words["MODULES"] = peers.folder_of("rsyslogd", "usr/lib/*/rsyslog")
    if which.program() == "syslog-ng":
        words["INPUT"] = SYSLOG_NG_INPUTS[transport]
        words["FLOW_CONTROL"] = "" if transport == "udp" else "flags(flow-control);"
        words["MODULES"] = peers.folder_of("syslog-ng", "usr/lib/syslog-ng/[0-9]*")
    words.update(which.words)
    words.update(changes)
    words.update(PORT=PORTS[which.protocol], FOLDER=folder, BUFFER=buffer, SESSIONS=SESSIONS)
    return words


def command_of(which, words):
    """The arguments, of which one may have spaces in it: a path does. @OURS@ stands for several."""
    found = []
    for word in which.command.split():
        found += words["OURS"] if word == "@OURS@" else [word]
    return [expand(word, words) for word in found]


def expand(text, words):
    for name, value in words.items():
        text = text.replace("@%s@" % name, str(value))
    left = re.search(r"@[A-Z_]+@", text)
    if left:
        raise peers.Missing("nothing is said for %s" % left.group(0))
    return text


def allowed_buffer():
    """BUFFER, or what the kernel grants to one that has no rights, which some of these do not use."""
    with open("/proc/sys/net/core/rmem_max") as most:
        return min(BUFFER, int(most.read()))


class Run(Process):
    """A receiver, on the first processor unless told otherwise, ready for input when the block begins."""

    def __init__(self, which, folder, transport="udp", settings=(), changes=None, buffer=None,
                 pinned=True):
        self.pinned = pinned
        certificates, folder = folder, os.path.join(folder, "receiver")
        self.which, self.folder, self.transport = which, folder, transport
        self.port = PORTS[which.protocol]
        self.out = os.path.join(folder, which.out)
        shutil.rmtree(folder, ignore_errors=True)  # of the one before
        os.mkdir(folder)
        if which.path() is None:
            raise peers.Missing("%s is neither unpacked nor installed" % which.program())
        if which.out.endswith("/"):
            os.mkdir(self.out)
        words = words_of(which, transport, folder, buffer or allowed_buffer(), settings,
                         dict(changes or {}, CERTIFICATES=certificates))
        if which.config:
            with open(os.path.join(HERE, "peers", which.config)) as text:
                config = expand(text.read(), words)
            with open(os.open(words["CONFIG"], os.O_CREAT | os.O_WRONLY, 0o600), "w") as out:
                out.write(config)
        variables = None if which.is_ours() else peers.environment(which.program())
        if which.program() == "snmptrapd":
            variables.update(SNMP_PERSISTENT_DIR=folder, SNMPCONFPATH=folder)
        super().__init__([which.path()] + command_of(which, words)[1:],
                         os.path.join(folder, "log"), which.stop, variables)

    def is_ready(self):
        if self.popen.poll() is not None:
            raise peers.Missing("it ended at once: " + self.last_words())
        if self.transport == "udp":
            return socket_of(self.port) is not None
        return listens(self.port)

    def must_live(self):
        if self.popen.poll() is not None:
            raise RuntimeError("it ended in the middle: " + self.last_words())

    def last_words(self):
        with open(self.log, "rb") as log:
            lines = log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it says nothing"

    def __enter__(self):
        with on_processor(0) if self.pinned else contextlib.nullcontext():
            super().__enter__()
        try:
            wait_for("%s to listen" % self.which.name, self.is_ready, 15, 0.01)
            wait_until_idle(self)  # nfacctd makes room for seconds after it listens
        except BaseException:
            self.__exit__()
            raise
        return self

    def counted(self):
        """Records so far, or None when nothing but its end tells."""
        return self.which.count(self) if self.which.count and not self.which.ended else None

    def counted_after(self):
        """Records, after its end; None: it does not tell."""
        return self.which.count(self) if self.which.count and self.which.ended else None
