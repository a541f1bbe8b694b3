# SPDX-License-Identifier: Apache-2.0
"""Three servers with a replicated stream: one of them may go at any time, and come back."""

import signal

from lab import WINDOW, ApiError, Load, Pump, Server, check_once, free_port, wait_for

NAMES = ("one", "two", "three")


class Cluster:
    """Three nats-servers on loopback; the stream `events` on all of them."""

    def __init__(self, lab, text=""):
        ports = [free_port() for _ in NAMES]
        routes = ", ".join(f'"nats-route://127.0.0.1:{port}"' for port in ports)
        self.servers = {name: Server(lab, name, text=f"""
            cluster {{ name: lab, listen: "127.0.0.1:{port}", routes: [{routes}] }}
            {text}""") for name, port in zip(NAMES, ports)}
        for server in self.servers.values():
            server.start()
        wait_for("the stream is made", self._add_stream, 60)
        wait_for("all replicas are there", lambda: len(self.current()) == 3, 60)

    def ask(self, work, timeout=2):
        """work(client) at some server that runs; None while none of them can say."""
        for server in self.servers.values():
            if server.running():
                try:
                    with server.client(timeout=timeout) as c:
                        return work(c)
                except (ApiError, OSError):
                    pass
        return None

    def _add_stream(self):
        return self.ask(lambda c: c.add_stream(num_replicas=3))

    def cluster(self):
        info = self.ask(lambda c: c.api("STREAM.INFO.events"))
        return info["cluster"] if info else {}

    def leader(self):
        """The name of the stream's leader, None while there is none that runs."""
        name = self.cluster().get("leader")
        return name if name and self.servers[name].running() else None

    def current(self):
        """The servers that have all that the stream holds."""
        cluster = self.cluster()
        return [cluster.get("leader")] * ("leader" in cluster) + [
            replica["name"] for replica in cluster.get("replicas", [])
            if replica.get("current") and not replica.get("offline")]

    @property
    def urls(self):
        return [server.url for server in self.servers.values()]

    def of(self, url):
        return next(name for name, server in self.servers.items() if server.url == url)


def connected_to(daemon):
    """The URL in the last line that says so."""
    return daemon.lines("connected to NATS url=")[-1].split("url=")[1].split()[0]


def flows(daemon, more=1000):
    before = daemon.ledger()["stored"]
    wait_for("records flow", lambda: daemon.ledger()["stored"] > before + more, 60)


def finish(cluster, daemon, pump, window=WINDOW):
    pump.finish()
    ledger = daemon.settled(pump.load.sent, timeout=60)
    assert ledger["stored"] == pump.load.sent and ledger["dropped"] == 0
    messages = wait_for("the stream can be read", lambda: cluster.ask(
        lambda c: c.messages(), timeout=20), 90)
    check_once(messages, pump.load, window)


def test_the_leader_of_the_stream_is_killed_under_load_and_comes_back(lab):
    cluster = Cluster(lab)
    leader = wait_for("a leader", cluster.leader, 60)
    # Connected elsewhere, so that it is the stream that goes away and not the connection.
    other = next(name for name in NAMES if name != leader)
    daemon = lab.daemon(server=cluster.servers[other], nats={"ack_timeout": "3s"})
    pump = Pump(daemon, Load(), 1500)
    flows(daemon)
    cluster.servers[leader].end(signal.SIGKILL)
    wait_for("another leader", lambda: cluster.leader() not in (None, leader), 60)
    flows(daemon)
    cluster.servers[leader].start()
    wait_for("all replicas are there", lambda: len(cluster.current()) == 3, 60)
    flows(daemon)
    finish(cluster, daemon, pump)
    assert not daemon.lines("lost the connection")
    assert len(daemon.lines("connected to NATS url=")) == 1
    assert len(daemon.lines("records wait in the queue")) <= 3  # a line for each cause at most


def test_the_server_that_we_are_connected_to_is_killed_under_load(lab):
    cluster = Cluster(lab)
    daemon = lab.daemon(nats={"url": cluster.urls})
    pump = Pump(daemon, Load(), 1500)
    flows(daemon)
    first = connected_to(daemon)
    cluster.servers[cluster.of(first)].end(signal.SIGKILL)
    wait_for("another connection", lambda: daemon.metric("output_connects_total") == 2, 60)
    flows(daemon)
    assert connected_to(daemon) != first
    cluster.servers[cluster.of(first)].start()
    wait_for("all replicas are there", lambda: len(cluster.current()) == 3, 60)
    flows(daemon)
    finish(cluster, daemon, pump)
    assert len(daemon.lines("lost the connection")) == 1
    assert len(daemon.lines("cannot connect to NATS")) <= 1
    assert len(daemon.lines("connected to NATS url=")) == 2


def test_a_server_in_lame_duck_mode_is_left_before_it_cuts(lab):
    cluster = Cluster(lab, 'lame_duck_duration: "60s"\nlame_duck_grace_period: "50s"')
    daemon = lab.daemon(nats={"url": cluster.urls})
    pump = Pump(daemon, Load(), 1500)
    flows(daemon)
    first = connected_to(daemon)
    leaving = cluster.servers[cluster.of(first)]
    leaving.send_signal(signal.SIGUSR2)
    wait_for("another connection", lambda: daemon.metric("output_connects_total") == 2, 60)
    assert leaving.running() and connected_to(daemon) != first
    flows(daemon)
    leaving.end(signal.SIGKILL)
    flows(daemon)
    finish(cluster, daemon, pump)
    assert len(daemon.lines("the NATS server is about to shut down", first)) == 1
    assert not daemon.lines("lost the connection")
    assert not daemon.lines("cannot connect")
