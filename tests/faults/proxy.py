# SPDX-License-Identifier: Apache-2.0
"""The wire between a collector and its server, which can be cut in several ways."""

import contextlib
import socket
import struct
import threading


class _Pair:
    """One connection through the proxy."""

    def __init__(self, client, server):
        self.sockets = (client, server)
        self.closed = False

    def reset(self):
        self.closed = True
        for s in self.sockets:
            with contextlib.suppress(OSError):
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)  # wakes the threads, as close() does not
            s.close()


class Proxy:
    """Relays TCP from its own port to another one.

    The wire is "open", or "stalled" (connections are accepted, nothing passes and nothing gets
    lost), or "mute" (what the server says is thrown away).
    """

    def __init__(self, port, target):
        self.port, self.target = port, target
        self.changed = threading.Condition()
        self.wire, self.pairs, self.listener = "open", set(), None
        self.listen()

    def listen(self):
        """Accepts connections, again after refuse()."""
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def refuse(self):
        """Resets all connections, and new ones are refused until listen()."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()
        self.reset()

    def reset(self):
        """Resets the connections that there are."""
        with self.changed:
            pairs, self.pairs = self.pairs, set()
            for pair in pairs:
                pair.reset()
            self.changed.notify_all()

    def set(self, wire):
        with self.changed:
            self.wire = wire
            self.changed.notify_all()

    def close(self):
        self.refuse()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client, listener), daemon=True).start()

    def _connect(self, client, listener):
        server = socket.socket()
        pair = _Pair(client, server)
        try:
            server.connect(("127.0.0.1", self.target))
            for s in pair.sockets:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            pair.reset()
            return
        with self.changed:
            if listener is not self.listener or listener.fileno() < 0:
                pair.reset()  # the wire was cut meanwhile
                return
            self.pairs.add(pair)
        threading.Thread(target=self._pump, args=(pair, 0), daemon=True).start()
        self._pump(pair, 1)

    def _pump(self, pair, source):
        try:
            while data := pair.sockets[source].recv(65536):
                with self.changed:
                    self.changed.wait_for(lambda: self.wire != "stalled" or pair.closed)
                    if pair.closed:
                        return
                    mute = self.wire == "mute" and source == 1
                if not mute:
                    pair.sockets[1 - source].sendall(data)
        except OSError:
            pass
        with self.changed:
            self.pairs.discard(pair)
            if not pair.closed:
                pair.reset()
