"""A WSPerf worker in Python: one file that follows Docs/WireProtocol.md.

A listener launches it with the arguments of "How a worker is launched". Titles in quotation marks are sections of that
document. It is an example, not a fast client: it handles a few hundred messages per second in each process.

It supports these parts of a plan: `ws://` and `wss://` targets, `ramp`, `schedule: {kind: periodic}`,
`payload: {kind: random | fixed}`, `messages`, `duration`, `match: echo`, `headers`, `subprotocols`, `timeouts`. It refuses
every other kind, and names it.

Option of the example: `client: {kind: python, break_snapshot: 2}` breaks a rule in snapshot 2 on purpose.
"""

import argparse
import asyncio
import collections
import json
import os
import random
import re
import resource
import signal
import socket
import ssl
import struct
import sys
import time

import websockets
import zmq

PROTOCOL = 2
SNAPSHOT_VERSION = "2.3"
SOFTWARE = "python-worker 1"
WINDOW = 64  # Snapshots under way.
BACKLOG = 600  # Snapshots that wait behind them before neighbours are merged.
STATES = ["waiting", "prepared", "running", "stopping", "finished", "failed"]


def now():
    """Nanoseconds of the monotonic clock."""
    return time.monotonic_ns()


def say(text):
    """Writes to stderr. A broken pipe must not stop the delivery of results."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        pass


# "Snapshot body"


def varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


class Histogram:
    LARGEST = 1 << 42

    def __init__(self):
        self.count = self.saturated = self.sum = self.squares = self.max = 0
        self.min = self.LARGEST
        self.buckets = collections.Counter()

    def record(self, value):
        value = max(value, 0)
        if value > self.LARGEST:
            value = self.LARGEST
            self.saturated += 1
        self.count += 1
        self.sum += value
        self.squares += value * value
        self.min, self.max = min(self.min, value), max(self.max, value)
        shift = max(value.bit_length() - 11, 0)
        self.buckets[1024 * shift + (value >> shift)] += 1

    def merge(self, other):
        for name in ("count", "saturated", "sum", "squares"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.min, self.max = min(self.min, other.min), max(self.max, other.max)
        self.buckets.update(other.buckets)

    def encoded(self, broken=False):
        limits = (self.max, self.min - 1) if broken else (self.min, self.max)
        numbers = [self.count, self.saturated, *limits, self.sum, self.squares, len(self.buckets)]
        last = min(self.buckets) - 1
        for bucket in sorted(self.buckets):
            numbers += [bucket - last - 1, self.buckets[bucket]]
            last = bucket
        return b"".join(map(varint, numbers))


class Statistics:
    """Deltas since the previous snapshot. Empty fields are left out."""

    COUNTER, MAXIMUM, OUTCOMES, HISTOGRAM = 1, 2, 3, 4

    def __init__(self):
        self.counters = collections.Counter()
        self.outcomes = collections.Counter()
        self.last_start = 0
        self.histograms = collections.defaultdict(Histogram)

    def merge(self, other):
        self.counters.update(other.counters)
        self.outcomes.update(other.outcomes)
        self.last_start = max(self.last_start, other.last_start)
        for name, histogram in other.histograms.items():
            self.histograms[name].merge(histogram)

    def encoded(self, broken=False):
        fields = {name: (self.COUNTER, varint(value)) for name, value in self.counters.items() if value}
        if self.last_start:
            fields["last_start"] = (self.MAXIMUM, varint(self.last_start))
        if self.outcomes:
            pairs = b"".join(text(name) + varint(count) for name, count in sorted(self.outcomes.items()))
            fields["outcomes"] = (self.OUTCOMES, varint(len(self.outcomes)) + pairs)
        for name, histogram in self.histograms.items():
            fields[name] = (self.HISTOGRAM, histogram.encoded(broken))
        body = bytes([3]) + varint(len(fields))
        for name, (kind, value) in sorted(fields.items()):
            body += text(name) + bytes([kind]) + varint(len(value)) + value
        return body


def text(name):
    return varint(len(name)) + name.encode()


def snapshot_body(sequence, elapsed, final, statistics, broken=False):
    return bytes([2, final]) + varint(sequence) + varint(elapsed) + statistics.encoded(broken)


class Outbox:
    """ "Snapshots: exactly once": numbered when first sent, unchanged from then on, kept until acknowledged."""

    def __init__(self):
        self.under_way = []  # [sequence, final, body, time of the last sending or None]
        self.waiting = []  # (elapsed, final, statistics)
        self.sequence = 0
        self.has_final = False
        self.break_sequence = None

    def append(self, elapsed, final, statistics):
        self.has_final |= final
        self.waiting.append((elapsed, final, statistics))
        if len(self.waiting) > BACKLOG:
            (_, _, first), (elapsed, final, second) = self.waiting[:2]
            second.merge(first)
            self.waiting[:2] = [(elapsed, final, second)]
        self.admit()

    def admit(self):
        while self.waiting and len(self.under_way) < WINDOW:
            elapsed, final, statistics = self.waiting.pop(0)
            self.sequence += 1
            broken = self.sequence == self.break_sequence
            body = snapshot_body(self.sequence, elapsed, final, statistics, broken)
            self.under_way.append([self.sequence, final, body, None])

    def acknowledge(self, up_to, missing):
        self.under_way = [entry for entry in self.under_way if entry[0] > up_to]
        for entry in self.under_way:
            if entry[0] in missing and entry[3] is not None and now() - entry[3] >= 200_000_000:
                entry[3] = None
        self.admit()

    def due(self):
        for place, entry in enumerate(self.under_way):
            if entry[3] is None or (place < 2 and now() - entry[3] >= 1_000_000_000):
                entry[3] = now()
                yield entry[:3]

    @property
    def is_delivered(self):
        return self.has_final and not self.under_way and not self.waiting


# The plan


class PlanError(Exception):
    pass


def seconds(duration):
    match = re.fullmatch(r"([0-9.]+)(ns|us|ms|s|m|h)?", str(duration))
    if not match:
        raise PlanError(f"not a duration: {duration!r}")
    unit = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, None: 0}[match[2]]
    return float(match[1]) * unit


def receive_descriptors(count):
    """The plan's files, which the listener has sent over standard input."""
    if count == 0:
        return []
    with socket.socket(fileno=os.dup(0)) as lifeline:
        return socket.recv_fds(lifeline, 1, count)[1]


class Plan:
    def __init__(self, body, descriptors):
        """`descriptors`: the files that came with the plan, by their SHA-256."""
        offset = 0

        def text():
            nonlocal offset
            (length,) = struct.unpack_from("<I", body, offset)
            offset += 4 + length
            return body[offset - length : offset].decode()

        plan = text()
        (count,) = struct.unpack_from("<I", body, offset)
        offset += 4
        self.files = {}
        for _ in range(count):
            path, digest = text(), text()
            with open(f"/proc/self/fd/{descriptors[digest]}", "rb") as file:
                self.files[path] = file.read()
        # A long plan is one of the files.
        plan = json.loads(plan or self.files[""])

        def demand(what, value, *known):
            if value not in known:
                raise PlanError(f"the Python worker has no {what} {value!r}, only {', '.join(known)}")

        demand("client", plan["client"]["kind"], "python")
        demand("schedule", plan["schedule"]["kind"], "periodic")
        demand("payload", plan["payload"]["kind"], "random", "fixed")
        demand("match", plan["match"], "echo")
        demand("reconnect", plan["reconnect"], "never")
        if plan["in_flight"] is not None:
            raise PlanError("the Python worker has no in_flight")
        broken = plan["client"].get("break_snapshot")
        self.break_snapshot = None if broken is None else int(broken)
        self.target = plan["target"]
        self.instances = int(plan["instances"])
        self.interval = seconds(plan["schedule"]["interval"])
        self.phase = plan["schedule"].get("phase", "random")
        self.payload = plan["payload"]
        self.messages = float("inf") if plan["messages"] is None else int(plan["messages"])
        self.duration = float("inf") if plan["duration"] is None else seconds(plan["duration"])
        if not plan["send_messages"]:
            self.messages = 0
        ramp = plan["ramp"]
        if ramp.get("rate") is not None:
            self.step = 1 / float(ramp["rate"].removesuffix("/s"))
        else:
            self.step = seconds(ramp["over"]) / self.instances
        self.max_opening = int(ramp["max_opening"] or self.instances)
        timeouts = plan["timeouts"]
        self.connect, self.reply, self.close = (seconds(timeouts[key]) for key in ("connect", "reply", "close"))
        self.collect = seconds(plan["fleet"]["collect"])
        self.idle = None if timeouts["idle"] is None else seconds(timeouts["idle"])
        self.largest = int(plan["max_message_size"])
        self.headers = [tuple(part.strip() for part in header.split(":", 1)) for header in plan["headers"]]
        self.subprotocols = plan["subprotocols"] or None
        # The controller resolves it, and the worker enforces it.
        self.time_limit = seconds(plan["time_limit"])
        self.tls = self.context(plan["tls"]) if self.target.startswith("wss:") else None
        self.server_name = plan["tls"]["server_name"]

    def context(self, tls):
        context = ssl.create_default_context()
        if tls["ca"]:
            context = ssl.create_default_context(cadata=self.files[tls["ca"]].decode())
        if tls["certificate"]:
            raise PlanError("the Python worker has no client certificates")
        if not tls["verify"]:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def message(self):
        if self.payload["kind"] == "fixed":
            data = self.payload.get("data")
            if data is None:
                data = self.files[self.payload["file"]]
            return data if self.payload["format"] == "text" else bytes(data, "utf-8") if isinstance(data, str) else data
        length = self.payload["length"]
        if isinstance(length, dict):
            if set(length) != {"uniform"}:
                raise PlanError(f"the Python worker has no length {length!r}")
            length = random.randint(*map(int, length["uniform"]))
        length = int(length)
        if self.payload["format"] == "binary":
            return random.randbytes(length)
        return "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=length))


# The load: "What a worker must do and count"


class Load:
    def __init__(self, plan, index):
        self.plan = plan
        self.first = index * plan.instances  # The index of this worker's first connection in the run.
        self.statistics = Statistics()
        self.stopping = False
        self.open = set()
        self.closing = set()  # Tasks that have begun to close: `stop` must not change their outcome.
        self.tasks = []
        self.usage = resource.getrusage(resource.RUSAGE_SELF)

    def begin(self):
        self.began = now()
        self.places = asyncio.Semaphore(self.plan.max_opening)
        self.tasks = [asyncio.create_task(self.connection(number)) for number in range(self.plan.instances)]

    @property
    def is_over(self):
        return all(task.done() for task in self.tasks)

    def take(self):
        """The statistics since the last call."""
        taken, self.statistics = self.statistics, Statistics()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        taken.counters["cpu_user"] = int((usage.ru_utime - self.usage.ru_utime) * 1e9)
        taken.counters["cpu_system"] = int((usage.ru_stime - self.usage.ru_stime) * 1e9)
        self.usage = usage
        return taken

    def stop(self):
        """Opens and sends nothing more. Aborts connections that are not open, and closes open ones gracefully."""
        if not self.stopping:
            self.stopping = True
            for task in self.tasks:
                if task not in self.closing:
                    task.cancel()

    def abort(self):
        self.stop()
        for socket in list(self.open):
            socket.transport.abort()

    def count(self, name, by=1):
        self.statistics.counters[name] += by

    def record(self, name, value):
        self.statistics.histograms[name].record(value)

    async def connection(self, number):
        """One connection, from its place in the ramp to its outcome. It has exactly one outcome, whatever happens."""
        try:
            outcome = await self.attempt(self.began + int(number * self.plan.step * 1e9))
        except asyncio.CancelledError:
            outcome = "aborted"
        except Exception as error:  # A fault of this worker is also an outcome.
            say(f"connection {self.first + number}: {error!r}")
            outcome = "client_error"
        self.statistics.outcomes[outcome] += 1

    async def attempt(self, intended):
        await asyncio.sleep(max(intended - now(), 0) / 1e9)
        must_wait = self.places.locked()
        async with self.places:
            began = now()
            self.count("started")
            self.statistics.last_start = max(self.statistics.last_start, began - self.began)
            # A connection that had to wait for one of `max_opening` places is not late.
            self.record("open_lag", 0 if must_wait else began - intended)
            try:
                socket = await websockets.connect(
                    self.plan.target, open_timeout=self.plan.connect, close_timeout=self.plan.close,
                    max_size=self.plan.largest, max_queue=None, ping_interval=None, compression=None,
                    subprotocols=self.plan.subprotocols, additional_headers=self.plan.headers, proxy=None,
                    ssl=self.plan.tls, **({"server_hostname": self.plan.server_name} if self.plan.server_name else {}))
            except Exception as error:
                return not_opened(error)
        self.count("opened")
        self.record("handshake", now() - began)
        self.record("handshake_response", now() - intended)
        self.open.add(socket)
        waiting = collections.deque()  # (intended, actual) of the messages that have no reply yet.
        try:
            return await self.converse(socket, waiting)
        except asyncio.CancelledError:
            # `stop` sends a close frame with 1001. Messages without a reply by then are unanswered.
            await self.close(socket, 1001)
            return "aborted"
        finally:
            # `ended` counts only connections that opened. Others have only an outcome.
            self.count("ended")
            self.count("unanswered", len(waiting))
            self.open.discard(socket)

    async def converse(self, socket, waiting):
        receiver = asyncio.create_task(self.receive(socket, waiting))
        try:
            opened = now()
            interval = int(self.plan.interval * 1e9)
            due = opened + (int(random.random() * interval) if self.plan.phase == "random" else 0)
            end = opened + self.plan.duration * 1e9
            sent = 0
            while sent < self.plan.messages and due < end and not receiver.done():
                await asyncio.wait([receiver], timeout=max(due - now(), 0) / 1e9)
                if receiver.done():
                    break
                message = self.plan.message()
                actual = now()
                waiting.append((due, actual))
                await asyncio.wait_for(socket.send(message), self.plan.reply)
                self.count("sent")
                self.count("bytes_sent", len(message.encode() if isinstance(message, str) else message))
                self.record("send_lag", actual - due)
                sent += 1
                due += interval
            last = now()
            while waiting and not receiver.done():
                if now() - last >= self.plan.reply * 1e9:
                    self.closing.add(asyncio.current_task())
                    await self.close(socket, 1001)
                    return "reply_timeout"
                await asyncio.wait([receiver], timeout=0.005)
            if receiver.done():
                return closed(socket)
            self.closing.add(asyncio.current_task())
            await self.close(socket, 1000)
            return "succeeded" if socket.close_code == 1000 else "close_timeout"
        except TimeoutError:
            socket.transport.abort()
            return "send_timeout"
        except websockets.ConnectionClosed:
            return closed(socket)
        finally:
            receiver.cancel()
            while interval and sent < self.plan.messages and due < min(end, now()):
                self.count("unsent")
                due += interval

    async def receive(self, socket, waiting):
        while True:
            try:
                message = await asyncio.wait_for(socket.recv(decode=False), self.plan.idle)
            except (TimeoutError, websockets.ConnectionClosed):
                return
            self.count("received")
            self.count("bytes_received", len(message))
            if not waiting:
                self.count("unexpected")
                continue
            arrived = now()
            due, actual = waiting.popleft()
            self.record("rtt_response", arrived - due)
            self.record("rtt_service", arrived - actual)
            if arrived - actual > self.plan.reply * 1e9:
                self.count("late")

    async def close(self, socket, code):
        try:
            await socket.close(code)
        except Exception:
            socket.transport.abort()


def not_opened(error):
    """The outcome of a connection that did not open."""
    if isinstance(error, TimeoutError):
        return "timeout_upgrade"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, socket.gaierror):
        return "dns"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "tls_certificate"
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, websockets.InvalidStatus):
        return f"upgrade_status_{error.response.status_code}"
    if isinstance(error, (EOFError, ConnectionResetError)) or isinstance(error.__cause__, (EOFError, ConnectionError)):
        return "upgrade_closed"
    if isinstance(error, websockets.InvalidHandshake):
        return "upgrade_invalid"
    return "connect_error"


def closed(socket):
    """The outcome of an open connection that the server ended."""
    return f"closed_{socket.close_code or 1006}"


# "A worker, step by step"


class Worker:
    def __init__(self, options):
        self.options = options
        digests = options.files.split(",") if options.files else []
        self.files = dict(zip(digests, receive_descriptors(len(digests))))
        self.state = "waiting"
        self.reason = None
        self.sequence = 0
        self.is_welcomed = False
        self.outbox = Outbox()
        self.load = None
        self.status = None  # The exit status, once it is known.
        self.is_dismissed = False
        self.liveness = options.liveness_ms / 1000
        self.is_alone = False  # The controller is silent.
        begun = time.monotonic()
        self.heard = begun
        self.contact_by = begun + max(10, 2 * self.liveness)
        self.launch_by = begun + options.launch_ms / 1000 + self.liveness
        self.exit_by = self.abort_at = None
        self.status_at = self.hello_at = begun
        self.hello_interval = 0.1
        self.snapshot_at = self.limit_at = None

        context = zmq.Context()
        host, publish, report = re.fullmatch(r"(.+):(\d+):(\d+)", options.controller).groups()
        self.commands = context.socket(zmq.SUB)
        self.reports = context.socket(zmq.PUSH)
        for socket in (self.commands, self.reports):
            socket.ipv6 = True
            socket.linger = 500
        self.reports.immediate = True
        for topic in (f"peer/{options.id}/", "all/"):
            self.commands.subscribe(topic)
        self.commands.connect(f"tcp://{host}:{publish}")
        self.reports.connect(f"tcp://{host}:{report}")

    # Messages

    def send(self, kind, data, body=None):
        """Gives every message a new `seq`. Drops it if there is no room: messages that matter are repeated."""
        self.sequence += 1
        envelope = {
            "wsperf": PROTOCOL, "session": self.options.session, "run": self.options.run, "from": self.options.id,
            "seq": self.sequence, "type": kind, "data": data}
        parts = [b"controller/", json.dumps(envelope).encode()] + ([body] if body is not None else [])
        try:
            self.reports.send_multipart(parts, zmq.NOBLOCK)
        except zmq.Again:
            pass

    def receive(self, parts):
        if len(parts) not in (2, 3) or parts[0].decode("ascii", "replace") not in (f"peer/{self.options.id}/", "all/"):
            return
        try:
            envelope = json.loads(parts[1])
            version, session, kind = envelope["wsperf"], envelope.get("session"), envelope.get("type")
        except (ValueError, KeyError, AttributeError, TypeError):
            return
        if version != PROTOCOL:
            return self.exit(2, f"the controller speaks protocol version {version}; this worker speaks {PROTOCOL}")
        data, run = envelope.get("data", {}), envelope.get("run")
        if kind == "beacon" and (session != self.options.session or data.get("run") != self.options.run or data["closing"]):
            return self.dismiss()
        if session != self.options.session:
            return
        self.heard = time.monotonic()
        self.contact_by = None
        if self.is_alone:
            self.is_alone = False
            self.exit_by = None
        if kind == "welcome":
            self.is_welcomed = True
            self.status_at = 0
        elif kind == "refuse":
            self.exit(2, f"refused: {data['message']}")
        elif run != self.options.run:
            return
        elif kind == "acknowledge":
            self.outbox.acknowledge(data["up_to"], set(data["missing"]))
        elif kind in ("plan", "start", "stop", "abort"):
            self.status_at = 0  # Answer every command with a status, even a repeated one.
            if kind == "plan" and self.state == "waiting":
                self.prepare(parts[2])
            elif kind == "start" and self.state == "prepared":
                self.start("running")
            elif kind == "stop":
                self.stop()
            elif kind == "abort":
                self.stop()
                self.abort()

    # Steps

    def advance(self, state):
        if STATES.index(state) > STATES.index(self.state):
            self.state = state
            self.status_at = 0

    def prepare(self, body):
        try:
            self.load = Load(Plan(body, self.files), self.options.index)
            self.outbox.break_sequence = self.load.plan.break_snapshot
            self.load.plan.message()
            self.advance("prepared")
        except Exception as error:
            self.fail(str(error) if isinstance(error, PlanError) else f"the plan cannot be set up: {error!r}")

    def start(self, state):
        self.advance(state)
        self.load.begin()
        self.began = now()
        self.snapshot_at = time.monotonic() + 1
        self.limit_at = time.monotonic() + self.load.plan.time_limit

    def stop(self):
        if self.state == "prepared":
            self.start("stopping")  # Begin and end at once, so that every connection has an outcome.
        if self.state in ("running", "stopping"):
            self.advance("stopping")
            self.load.stop()

    def abort(self):
        if self.state in ("running", "stopping"):
            self.load.abort()

    def fail(self, reason):
        self.reason = self.reason or reason[:1000]
        say(self.reason)
        self.advance("failed")
        self.exit_by = time.monotonic() + self.liveness

    def end_by_itself(self, reason):
        """Ends the load without a command, gives the reason, and delivers, within the times of the plan."""
        at = time.monotonic()
        if self.state in ("waiting", "prepared"):
            return self.exit(1, reason)
        delivery = max(self.load.plan.collect, self.liveness) if self.load else self.liveness
        if self.state in ("running", "stopping"):
            self.reason = self.reason or reason
            self.stop()
            self.abort_at = self.abort_at or at + self.load.plan.close + 2
            self.status_at = 0
            delivery += self.load.plan.close + 3
        self.exit_by = self.exit_by or at + delivery

    def dismiss(self):
        """The controller no longer wants the results."""
        if not self.is_dismissed:
            self.is_dismissed = True
            self.reason = self.reason or (None if self.state == "finished" else "its run is over")
            self.abort()
            self.exit(2 if self.state == "failed" else 1 if self.reason else 0, self.reason)

    def exit(self, status, reason=None):
        if self.status is None:
            self.status = status
            if self.state == "failed":
                self.send("worker", {"state": self.state, "pid": os.getpid(), "reason": self.reason})
            elif reason:
                say(reason)

    def tick(self):
        at = time.monotonic()
        if self.contact_by and at >= self.contact_by:
            return self.exit(1, "no message from the controller arrived")
        if not self.contact_by and not self.exit_by and at - self.heard >= self.liveness:
            self.is_alone = True
            self.end_by_itself(f"the controller was silent for {self.liveness:g} s")
        if self.state in ("waiting", "prepared") and at >= self.launch_by:
            return self.exit(1, "the load never began")
        if self.limit_at and at >= self.limit_at and self.state == "running":
            self.load.stop()
        if self.abort_at and at >= self.abort_at:
            self.abort()
        if self.load and self.state in ("running", "stopping"):
            if self.load.is_over:
                self.outbox.append(now() - self.began, True, self.load.take())
                self.advance("finished")
            elif at >= self.snapshot_at:
                self.outbox.append(now() - self.began, False, self.load.take())
                self.snapshot_at += 1
        if self.outbox.is_delivered:
            return self.exit(1 if self.reason else 0, self.reason)
        if self.exit_by and at >= self.exit_by:
            return self.exit(2 if self.state == "failed" else 1, self.reason or "results could not be delivered")
        heartbeat = min(1.5 if self.state == "running" else 1, self.liveness / 3)
        if not self.is_welcomed:
            if at >= self.hello_at:
                self.send("hello", {
                    "role": "worker", "name": self.options.machine, "pid": os.getpid(), "software": SOFTWARE,
                    "snapshot_version": SNAPSHOT_VERSION})
                self.hello_at = at + self.hello_interval
                self.hello_interval = min(self.hello_interval * 2, 1)
            return
        if at >= self.status_at:
            status = {"state": self.state, "pid": os.getpid()}
            self.send("worker", status | ({"reason": self.reason} if self.reason else {}))
            self.status_at = at + heartbeat
        for sequence, final, body in self.outbox.due():
            header = {"sequence": sequence, "final": final}
            self.send("snapshot", header | ({"reason": self.reason} if self.reason else {}), body)
            self.status_at = at + heartbeat

    async def run(self):
        loop = asyncio.get_running_loop()
        signals = 0

        def interrupted():
            nonlocal signals
            signals += 1
            self.is_alone = False
            self.end_by_itself("ended by a signal")
            if signals > 1:
                self.abort()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, interrupted)
        if self.options.lifeline:

            def lifeline():
                if not os.read(0, 4096):
                    loop.remove_reader(0)
                    self.is_alone = False
                    self.end_by_itself("its listener is gone")

            loop.add_reader(0, lifeline)
        while self.status is None:
            before = time.monotonic()
            await asyncio.sleep(0.02)
            late = time.monotonic() - before - 0.02
            if late > 0.25:  # This process was stopped or starved, so the silence of others does not count.
                self.heard += late
                self.contact_by = self.contact_by and self.contact_by + late
            while self.status is None and self.commands.poll(0):
                self.receive(self.commands.recv_multipart(zmq.NOBLOCK))
            self.tick()
        if self.load:
            self.load.abort()
        self.commands.close()
        self.reports.close()
        return self.status


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("launched", choices=["launched"])
    for name in ("controller", "session", "run", "id", "machine"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("index", "liveness-ms", "launch-ms"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--files", default="")
    parser.add_argument("--lifeline", action="store_true")
    sys.exit(asyncio.run(Worker(parser.parse_args()).run()))


if __name__ == "__main__":
    main()
