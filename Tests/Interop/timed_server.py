#!/usr/bin/env python3
"""An echo server whose answers are late by arithmetic, so that a test knows what a client must measure.

It has one queue for all connections, first in, first out. A message waits in it until its answer is due:

  capacity --rate 150                     serving a message takes 1/150 s, and only one is served at a time
  stall --every 5 --pause 1 --after 2     answers at once, but not during one second of every five; the first pause
                                          begins 2 s after the first message
  delay --by 0.1                          answers each message 0.1 s after it came

It accepts and reads everything at once, so that what waits is in this queue and not in a socket. When an answer is due
is worked out from when the message came and from the answer before, never from when the server woke up: a late wake
makes one answer late, and none after it.

It prints its port on the first line of stdout, and serves until SIGTERM or SIGINT comes or, where its stdin is a pipe,
until that closes. Then it prints one line of JSON: messages, the most that waited at a time, and how late the server
itself was. Python's standard library is all that it needs.
"""

import argparse
import base64
import collections
import hashlib
import json
import os
import resource
import select
import signal
import socket
import stat
import struct
import sys
import time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
REQUEST_LIMIT = 16 << 10
MESSAGE_LIMIT = 1 << 20
# Messages that may wait. More is a mistake in the test, and not a reason to use up the machine's memory.
QUEUE_LIMIT = 1_000_000
# Answers sent between two looks at the sockets.
BATCH = 64


class Capacity:
    """One server with one queue: a message is served when those before it have been, and that takes 1/rate."""

    def __init__(self, rate):
        self.service = 1 / rate
        self.free = 0.0

    def due(self, arrival):
        self.free = max(arrival, self.free) + self.service
        return self.free


class Stall:
    """Answers at once outside its pauses, and at a pause's end within it. The first message starts the clock."""

    def __init__(self, every, pause, after):
        self.every, self.pause, self.after = every, pause, after
        self.start = None

    def due(self, arrival):
        if self.start is None:
            self.start = arrival + self.after
        since = (arrival - self.start) % self.every
        if arrival >= self.start and since < self.pause:
            return arrival + self.pause - since
        return arrival


class Delay:
    def __init__(self, by):
        self.by = by

    def due(self, arrival):
        return arrival + self.by


class ProtocolError(Exception):
    """What the client did against RFC 6455, or what this server does not do; with the close code that says so."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def frame(first, payload):
    length = len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 65536:
        return struct.pack("!BBH", first, 126, length) + payload
    return struct.pack("!BBQ", first, 127, length) + payload


def unmasked(payload, mask):
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(length, "little")


class Connection:
    __slots__ = ("socket", "server", "received", "unsent", "upgraded", "closing")

    def __init__(self, connected, server):
        self.socket, self.server = connected, server
        self.received, self.unsent = bytearray(), bytearray()
        self.upgraded = self.closing = False

    def readable(self):
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        if not data:
            return self.server.drop(self)
        if self.closing:
            return
        self.received += data
        try:
            if not self.upgraded:
                self.upgrade()
            if self.upgraded:
                self.take_frames(time.monotonic())
        except ProtocolError as error:
            print(f"timed_server: {error}", file=sys.stderr, flush=True)
            self.end(error.code)

    def upgrade(self):
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            if len(self.received) > REQUEST_LIMIT:
                raise ProtocolError(1002, f"a request of more than {REQUEST_LIMIT} bytes")
            return
        lines = bytes(self.received[:end]).split(b"\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
        key = headers.get(b"sec-websocket-key")
        if not lines[0].startswith(b"GET ") or key is None or headers.get(b"upgrade", b"").lower() != b"websocket":
            self.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return self.finish()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        self.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self.upgraded = True
        del self.received[: end + 4]

    def take_frames(self, now):
        data, at, limit = self.received, 0, len(self.received)
        while limit - at >= 2:
            first, second = data[at], data[at + 1]
            length, header = second & 0x7F, 2
            if length == 126:
                header = 4
            elif length == 127:
                header = 10
            if limit - at < header + 4:
                break
            if header > 2:
                length = int.from_bytes(data[at + 2 : at + header], "big")
            if not second & 0x80 or first & 0x70:
                raise ProtocolError(1002, "a frame that is not masked, or has reserved bits")
            if length > MESSAGE_LIMIT:
                raise ProtocolError(1009, f"a message of {length} bytes, more than {MESSAGE_LIMIT}")
            start = at + header + 4
            if limit - start < length:
                break
            payload = unmasked(bytes(data[start : start + length]), bytes(data[start - 4 : start]))
            at = start + length
            opcode = first & 0x0F
            if opcode in (1, 2) and first & 0x80:
                self.server.enqueue(now, self, frame(first, payload))
            elif opcode == 9:
                self.send(frame(0x8A, payload))
            elif opcode == 8:
                self.send(frame(0x88, payload[:2]))
                self.finish()
                break
            elif opcode != 10:
                raise ProtocolError(1003, f"a frame with opcode {opcode}: messages must be whole")
        del data[:at]

    def end(self, code):
        self.send(frame(0x88, struct.pack("!H", code)) if self.upgraded else b"")
        self.finish()

    def finish(self):
        """Ends it once all bytes are out; what waits for it is not answered any more."""
        self.closing = True
        if not self.unsent:
            self.server.drop(self)

    def send(self, data):
        if self.socket is None:
            return
        if not self.unsent:
            try:
                sent = self.socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                return self.server.drop(self)
            if sent == len(data):
                return
            data = data[sent:]
            self.server.poller.modify(self.socket, select.EPOLLIN | select.EPOLLOUT)
        self.unsent += data

    def writable(self):
        try:
            sent = self.socket.send(self.unsent)
        except BlockingIOError:
            return
        del self.unsent[:sent]
        if not self.unsent:
            if self.closing:
                return self.server.drop(self)
            self.server.poller.modify(self.socket, select.EPOLLIN)


class Server:
    def __init__(self, pacer, listener):
        self.pacer = pacer
        self.queue = collections.deque()
        self.connections = {}
        self.seen = {"connections": 0, "messages": 0, "answered": 0, "waiting_most": 0}
        self.late_most = self.late_sum = 0.0
        # Made before any connection, so that its number is small enough for `select`.
        self.poller = select.epoll()
        self.listener = listener
        listener.setblocking(False)
        self.poller.register(listener, select.EPOLLIN)

    def enqueue(self, now, connection, answer):
        queue = self.queue
        queue.append((self.pacer.due(now), connection, answer))
        self.seen["messages"] += 1
        if len(queue) > self.seen["waiting_most"]:
            self.seen["waiting_most"] = len(queue)
            if len(queue) > QUEUE_LIMIT:
                raise SystemExit(f"timed_server: more than {QUEUE_LIMIT} messages wait")

    def accept(self):
        while True:
            try:
                connected, _ = self.listener.accept()
            except BlockingIOError:
                return
            connected.setblocking(False)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections[connected.fileno()] = Connection(connected, self)
            self.poller.register(connected, select.EPOLLIN)
            self.seen["connections"] += 1

    def drop(self, connection):
        if connection.socket is not None:
            del self.connections[connection.socket.fileno()]
            connection.socket.close()
            connection.socket = None

    def answer_due(self):
        """Sends what is due, up to a batch of it."""
        queue = self.queue
        for _ in range(BATCH):
            if not queue:
                return
            due, connection, answer = queue[0]
            late = time.monotonic() - due
            if late < 0:
                return
            queue.popleft()
            self.late_sum += late
            self.late_most = max(self.late_most, late)
            self.seen["answered"] += 1
            connection.send(answer)

    def serve(self, watched):
        """Until `watched`, a descriptor, is at its end; None: until a signal comes."""
        if watched is not None:
            self.poller.register(watched, select.EPOLLIN | select.EPOLLHUP)
        poller, listener = self.poller, self.listener.fileno()
        while True:
            wait = None if not self.queue else max(0.0, self.queue[0][0] - time.monotonic())
            # Python rounds the timeout of `epoll.poll` up to milliseconds, and that of `select` to microseconds.
            ready, _, _ = select.select([poller], [], [], wait)
            for descriptor, events in poller.poll(0) if ready else ():
                if descriptor == listener:
                    self.accept()
                elif descriptor == watched:
                    if not os.read(watched, 4096):
                        return
                else:
                    self.happened(self.connections.get(descriptor), events)
            self.answer_due()

    def happened(self, connection, events):
        if connection is None:
            return
        try:
            if events & select.EPOLLOUT:
                connection.writable()
            if events & ~select.EPOLLOUT and connection.socket is not None:
                connection.readable()
        except OSError:
            self.drop(connection)

    def report(self):
        answered = max(self.seen["answered"], 1)
        return {
            **self.seen, "late_ms_mean": round(self.late_sum * 1e3 / answered, 3), "late_ms_max": round(self.late_most * 1e3, 3)
        }  # fmt: skip


def positive(text):
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"must be above 0 and below a million, not {text}")
    return value


def arguments():
    parser = argparse.ArgumentParser(
        prog="timed_server.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    modes = parser.add_subparsers(dest="mode", required=True, metavar="MODE")
    capacity = modes.add_parser("capacity", help="serves this many messages per second, on all connections together")
    capacity.add_argument("--rate", type=positive, required=True, help="messages a second")
    stall = modes.add_parser("stall", help="pauses at an interval: answers no connection")
    stall.add_argument("--every", type=positive, default=5.0, help="seconds from one pause to the next (5)")
    stall.add_argument("--pause", type=positive, default=1.0, help="seconds that a pause takes (1)")
    stall.add_argument("--after", type=positive, default=2.0, help="seconds from the first message to the first pause (2)")
    delay = modes.add_parser("delay", help="answers each message so much later")
    delay.add_argument("--by", type=positive, required=True, help="seconds")
    options = parser.parse_args()
    if options.mode == "stall" and options.pause >= options.every:
        parser.error("--pause must be shorter than --every")
    return options


def main():
    options = arguments()
    pacer = {
        "capacity": lambda: Capacity(options.rate),
        "stall": lambda: Stall(options.every, options.pause, options.after),
        "delay": lambda: Delay(options.by),
    }[options.mode]()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # /dev/null or a terminal says nothing about who started this.
    mode = os.fstat(0).st_mode
    watched = 0 if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    server = Server(pacer, socket.create_server(("127.0.0.1", options.port), backlog=4096))
    print(server.listener.getsockname()[1], flush=True)
    try:
        server.serve(watched)
    finally:
        print(json.dumps(server.report()), flush=True)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"timed_server: {error}")
