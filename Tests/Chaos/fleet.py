"""The processes of one run, its journal, and the checks of its report. Used by chaos.py and partitions.py."""

import filecmp
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time

import wire

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOKEN = "WSPERF_CHAOS"
# The stock worker; it also writes its results to a file.
WORKER = "TallyingWorker"

PHASES = [
    "waiting_for_listeners", "launching", "waiting_for_workers", "connecting", "sending", "draining", "collecting",
    "done",
]  # fmt: skip
FILES = {"plan.json", "plan.yaml", "journal.wsj", "summary.json", "summary.txt", "summary.md", "junit.xml", "report.html", "timeline.csv"}
# Extra time for a busy machine. No check needs anything to be faster than this.
SLACK = 20.0


class Finding(Exception):
    """A check that failed."""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Process:
    """A process of a run, as /proc describes it."""

    def __init__(self, pid, arguments, state):
        self.pid, self.arguments, self.state = pid, arguments, state
        self.role = os.path.basename(arguments[0]) if arguments else "?"
        if self.role == WORKER:
            self.role = "wsperf-worker"
        self.worker = None
        if "--id" in arguments[:-1]:
            self.worker = arguments[arguments.index("--id") + 1]

    def __repr__(self):
        return f"{self.role}[{self.pid}] {self.state}"


def processes(token):
    """All living processes with this token in their environment."""
    mark = f"{TOKEN}={token}\0".encode()
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                if mark not in file.read():
                    continue
            with open(f"/proc/{entry}/stat") as file:
                state = file.read().rsplit(")", 1)[1].split()[0]
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                arguments = file.read().decode(errors="replace").split("\0")[:-1]
        except OSError:
            continue
        if state not in "ZX":
            found.append(Process(int(entry), arguments, state))
    return found


def send(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def sweep(token):
    """Kills all of them by process id. Returns those that were alive."""
    before = processes(token)
    for _ in range(200):
        left = processes(token)
        if not left:
            break
        for process in left:
            send(process.pid, signal.SIGKILL)
        time.sleep(0.05)
    return before


class Journal:
    """Reads a run's journal as it grows."""

    def __init__(self, path):
        self.path, self.offset = path, 0
        self.events, self.phase, self.ended = [], None, None
        # By worker: its `worker_ready` event; workers with a last snapshot; the number of snapshots.
        self.ready, self.final, self.snapshots = {}, set(), {}

    def poll(self):
        try:
            with open(self.path, "rb") as file:
                if self.offset == 0:
                    head = file.readline()
                    if not head.endswith(b"\n"):
                        return
                    self.offset = len(head)
                file.seek(self.offset)
                data = file.read()
        except FileNotFoundError:
            return
        at = 0
        while len(data) - at >= 8:
            (length,) = struct.unpack_from("<I", data, at)
            if len(data) - at - 8 < length:
                break
            content = data[at + 8 : at + 8 + length]
            at += 8 + length
            (header,) = struct.unpack_from("<I", content)
            self._take(json.loads(content[4 : 4 + header]), content[4 + header :])
        self.offset += at

    def _take(self, event, body):
        self.events.append(event)
        kind, worker = event["event"], event.get("worker")
        if kind == "phase":
            self.phase = event["phase"]
        elif kind == "worker_ready":
            self.ready[worker] = event
        elif kind == "snapshot":
            self.snapshots[worker] = self.snapshots.get(worker, 0) + 1
            if body[1] & 1:
                self.final.add(worker)
        elif kind == "ended":
            self.ended = event["end"]

    def is_at(self, phase):
        return self.phase is not None and PHASES.index(self.phase) >= PHASES.index(phase)

    @property
    def notices(self):
        return [event["text"] for event in self.events if event["event"] == "notice"]


class Fleet:
    """Directories and processes of one run. `wire_` puts the controller at its one end and all else at the other."""

    def __init__(self, directory, binaries, token, wire_=None):
        self.directory, self.binaries, self.token, self.wire = directory, binaries, token, wire_
        self.run = os.path.join(directory, "run")
        self.logs = os.path.join(directory, "logs")
        self.tally = os.path.join(directory, "tally")
        # Nothing may ever be left in these.
        self.clean = [os.path.join(directory, name) for name in ("cwd", "tmp", "home")]
        for path in [self.logs, self.tally, *self.clean]:
            os.makedirs(path)
        self.host = wire.ADDRESSES[0] if wire_ else "127.0.0.1"
        self.publish, self.report, self.target_port = free_ports(3)
        self.listeners, self.targets, self.controllers = {}, {}, 0

    def spawn(self, name, executable, *arguments, side=1):
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TMPDIR": self.clean[1], "HOME": self.clean[2],
            TOKEN: self.token, "WSPERF_TALLY": self.tally,
        }  # fmt: skip
        if "LD_LIBRARY_PATH" in os.environ:
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        namespace = self.wire.namespaces[side] if self.wire else None

        def prepare():
            wire.die_with_parent()
            if namespace is not None:
                wire.enter(namespace)

        out = open(os.path.join(self.logs, name + ".out"), "ab")
        err = open(os.path.join(self.logs, name + ".err"), "ab")
        with out, err:
            return subprocess.Popen(
                [os.path.join(self.binaries, executable), *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                cwd=self.clean[0], env=environment, preexec_fn=prepare, start_new_session=True,
            )  # fmt: skip

    def start_target(self, side=1):
        name = f"target-{side}"
        log = os.path.join(self.logs, name + ".out")
        before = os.path.getsize(log) if os.path.exists(log) else 0
        self.targets[side] = self.spawn(
            name, "wsperf-controller", "target", "--port", str(self.target_port), side=side
        )
        until = time.monotonic() + 30
        while os.path.getsize(log) == before:
            if self.targets[side].poll() is not None or time.monotonic() > until:
                raise Finding("the target does not start")
            time.sleep(0.01)

    @property
    def target(self):
        """The one beside the listeners."""
        return self.targets.get(1)

    def start_listener(self, name, side=1):
        self.listeners[name] = self.spawn(
            name, "wsperf-listener", "--controller", f"{self.host}:{self.publish}:{self.report}", "--name", name,
            "--worker", os.path.join(self.binaries, WORKER), side=side,
        )  # fmt: skip

    def start_controller(self, plan, *options, local=False, run=None):
        """Returns the process and the journal it will write."""
        self.controllers += 1
        run = run or self.run
        # Outside of the directories that must stay empty; JSON is YAML.
        path = os.path.join(self.directory, f"plan-{self.controllers}.yaml")
        with open(path, "w") as file:
            json.dump(plan, file, indent=1)
        where = ["--local", "--worker", os.path.join(self.binaries, WORKER)] if local else ["--bind", self.host]
        process = self.spawn(
            f"controller-{self.controllers}", "wsperf-controller", "run", path, *where, "--publish-port",
            str(self.publish), "--report-port", str(self.report), "--output", run, "--quiet", *options, side=0,
        )  # fmt: skip
        return process, Journal(os.path.join(run, "journal.wsj"))

    def log(self, name):
        with open(os.path.join(self.logs, name), errors="replace") as file:
            return file.read()

    def wait(self, process, seconds, what):
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Finding(f"{what} has not ended after {seconds:.0f} s") from None

    # What must be true afterwards

    def rebuilt(self, run=None):
        """Runs `report` on a copy of the run directory without its results; returns the copy and the exit status."""
        run = run or self.run
        copy = run + "-rebuilt"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(run, copy)
        for name in ("summary.json", "summary.txt", "timeline.csv"):
            if os.path.exists(os.path.join(copy, name)):
                os.remove(os.path.join(copy, name))
        status = self.wait(self.spawn("report", "wsperf-controller", "report", copy), 60, "report")
        return copy, status

    def summary(self, run=None):
        path = os.path.join(run or self.run, "summary.json")
        try:
            with open(path) as file:
                return json.load(file)
        except (OSError, ValueError) as error:
            raise Finding(f"no report: {error}") from None

    def check_rebuilt(self, summary):
        """`report` gives the same bytes again."""
        copy, status = self.rebuilt()
        if status != summary["run"]["exit"]:
            raise Finding(f"report ends with {status}, the run with {summary['run']['exit']}")
        for name in ("summary.json", "summary.txt", "timeline.csv"):
            if not filecmp.cmp(os.path.join(self.run, name), os.path.join(copy, name), shallow=False):
                raise Finding(f"report makes another {name} than the run")

    def check_sums(self, summary, plan):
        connections, workers = summary["connections"], summary["workers"]
        planned = plan["machines"] * plan["processes"] * plan["instances"]
        if connections["planned"] != planned:
            raise Finding(f"planned is {connections['planned']} and not {planned}")
        if sum(connections["outcomes"].values()) != planned:
            raise Finding(f"outcomes add up to {sum(connections['outcomes'].values())} of {planned}")
        if connections["succeeded"] != connections["outcomes"].get("succeeded", 0):
            raise Finding("succeeded is not the outcome succeeded")
        if summary["run"]["valid"] != (not summary["run"]["invalid_because"]):
            raise Finding("valid and invalid_because do not agree")
        sums, total = {}, 0
        for worker in workers:
            if sum(worker["outcomes"].values()) != worker["planned"]:
                raise Finding(f"outcomes of worker {worker['id']} do not add up")
            for outcome, count in worker["outcomes"].items():
                sums[outcome] = sums.get(outcome, 0) + count
            total += worker["planned"]
        for outcome in {*sums, *connections["outcomes"]}:
            extra = connections["outcomes"].get(outcome, 0) - sums.get(outcome, 0)
            # Shares of workers that never came are in the totals alone.
            if extra and (total == planned or extra < 0 or outcome not in ("lost", "aborted")):
                raise Finding(f"{outcome}: {connections['outcomes'].get(outcome, 0)} in all, {sums.get(outcome, 0)} of workers")
        for key in ("sent", "received"):
            if summary["messages"][key] != sum(worker[key] for worker in workers):
                raise Finding(f"{key} of the workers do not add up to the run's")
        if summary["rtt_ms"]["response"]["count"] > summary["messages"]["received"]:
            # With match: ping there are replies that are no messages.
            if plan.get("match") != "ping":
                raise Finding("more times than replies")

    def check_tallies(self, summary, journal, exact):
        """What workers say they measured is what the report says; of those not in `exact`, it may say less."""
        tallies = {}
        for name in os.listdir(self.tally):
            with open(os.path.join(self.tally, name)) as file:
                tallies[name.removesuffix(".json")] = json.load(file)
        complete = True
        for worker in summary["workers"]:
            name, tally = worker["id"], tallies.get(worker["id"])
            must = name in exact or name in journal.final
            if not must:
                complete = False
            if tally is None:
                if must:
                    raise Finding(f"worker {name} never came to its end")
                continue
            if must:
                same = all(worker[key] == tally[key] for key in ("outcomes", "sent", "received"))
                if not same:
                    raise Finding(f"worker {name} measured {tally}, the report says {worker}")
            else:
                for outcome, count in worker["outcomes"].items():
                    if outcome not in ("lost", "aborted") and count > tally["outcomes"].get(outcome, 0):
                        raise Finding(f"worker {name} never reported {count} {outcome}")
                if worker["sent"] > tally["sent"] or worker["received"] > tally["received"]:
                    raise Finding(f"the report has more messages than worker {name}")
        if not complete:
            return
        mine = [tallies[worker["id"]] for worker in summary["workers"]]
        messages, connections = summary["messages"], summary["connections"]
        for key in ("sent", "received", "bytes_sent", "bytes_received", "unanswered", "unexpected", "late", "untimed",
                    "blocked", "unsent"):  # fmt: skip
            if messages[key] != sum(tally[key] for tally in mine):
                raise Finding(f"messages.{key} is {messages[key]}, the workers' {sum(tally[key] for tally in mine)}")
        for key in ("started", "opened"):
            if connections[key] != sum(tally[key] for tally in mine):
                raise Finding(f"connections.{key} is not the sum of the workers'")
        if summary["rtt_ms"]["response"]["count"] != sum(tally["rtt_response"] for tally in mine):
            raise Finding("rtt_ms.response.count is not the sum of the workers'")
        interruptions = {}
        for tally in mine:
            for outcome, count in tally["interruptions"].items():
                interruptions[outcome] = interruptions.get(outcome, 0) + count
        if connections["interruptions"] != interruptions:
            raise Finding("interruptions are not the sum of the workers'")

    def check_files(self):
        for path in self.clean:
            left = [os.path.join(root, name) for root, _, names in os.walk(path) for name in names]
            if left:
                raise Finding(f"left outside of the run directory: {left}")
        if os.path.isdir(self.run) and set(os.listdir(self.run)) - FILES:
            raise Finding(f"left in the run directory: {set(os.listdir(self.run)) - FILES}")

    def end_listeners(self, seconds, number=signal.SIGTERM):
        """Ends what is left of the listeners, and expects nothing of theirs to outlive them."""
        for process in processes(self.token):
            if process.state == "T":
                send(process.pid, signal.SIGCONT)
        for listener in self.listeners.values():
            if listener.poll() is None:
                listener.send_signal(number)
        for name, listener in self.listeners.items():
            status = self.wait(listener, seconds, f"listener {name} after signal {number}")
            if number == signal.SIGTERM and status not in (130, 0, -9, -15, -1, -2):
                raise Finding(f"listener {name} ended with {status}")
        self.expect_nobody(seconds)

    def expect_nobody(self, seconds):
        until = time.monotonic() + seconds
        while True:
            targets = {target.pid for target in self.targets.values()}
            left = [one for one in processes(self.token) if one.pid not in targets]
            if not left:
                return
            if time.monotonic() > until:
                raise Finding(f"still there after {seconds:.0f} s: {left}")
            time.sleep(0.05)

    def close(self):
        """Ends all processes that are left."""
        sweep(self.token)
        for child in [*self.listeners.values(), *self.targets.values()]:
            child.wait(10)
