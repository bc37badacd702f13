"""Randomized runs whose processes are killed, stopped and cut off at random; see Scripts/chaos."""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import fleet
import wire
from fleet import PHASES, SLACK, Finding

TARGETS = [
    "/", "/", "/", "/", "/fault/refuse", "/fault/hang", "/fault/drop-reset", "/fault/wrong-accept", "/fault/not-http",
    "/fault/early?count=3", "/fault/silent?after=5", "/fault/lose?nth=7", "/fault/twice", "/fault/late?by=300ms",
    "/fault/reorder?window=3", "/fault/fragment", "/fault/interleave", "/fault/resize?length=9", "/fault/corrupt",
    "/fault/close?code=1011&after=6", "/fault/eof?after=4", "/fault/reset?after=4", "/fault/stall?after=5",
    "/fault/garbage?after=3", "/fault/masked?after=3", "/fault/rsv", "/fault/utf8?after=2", "/fault/huge-frame?after=2",
    "/fault/flood?count=300&after=2", "/fault/no-close", "/fault/no-fin", "/fault/ping?every=50ms",
    "/fault/push?every=100ms", "/fault/broadcast?room=chaos", "/fault/close?code=0&after=9",
]  # fmt: skip


def seconds(value):
    return f"{round(value * 1000)}ms"


def random_plan(rng):
    load = rng.uniform(2, 8)
    machines, processes = rng.randint(1, 4), rng.randint(1, 3)
    instances = max(1, rng.randint(10, 200) // (machines * processes))
    connections = machines * processes * instances
    # Small enough for a slow machine.
    interval = max(0.03, connections / rng.uniform(100, 800))
    match = rng.choice(["echo", "echo", "tagged", "ping", "none"])
    least = rng.randint(48, 64) if match == "tagged" else rng.randint(0, 64)
    plan = {
        "machines": machines, "processes": processes, "instances": instances,
        "threads": min(instances, rng.choice([1, 1, 2, 3])),
        "match": match, "seed": rng.getrandbits(32),
        "payload": {
            "kind": "random", "format": rng.choice(["text", "binary"]),
            "length": {"uniform": [least, rng.choice([64, 512, 4096, 40000])]},
        },
        "ramp": rng.choice([{"rate": f"{rng.randint(20, 500)}/s"}, {"over": seconds(rng.uniform(0.1, 3))}]),
        "timeouts": {
            "connect": seconds(rng.uniform(1, 3)), "reply": seconds(rng.uniform(1, 3)), "close": seconds(rng.uniform(0.5, 2)),
        },
        "fleet": {
            "join": "12s", "launch": "12s", "liveness": seconds(rng.choice([1.5, 2, 3, 5])), "collect": "6s",
        },
        "on_lost_worker": rng.choice(["continue", "continue", "continue", "abort"]),
    }  # fmt: skip
    if rng.random() < 0.5:
        plan["schedule"] = {"kind": "periodic", "interval": seconds(interval), "phase": rng.choice(["random", "aligned"])}
    else:
        kind = rng.choice(["exponential", "uniform", "normal"])
        plan["schedule"] = {"kind": "randomized", "distribution": kind, "interval": seconds(interval)}
    if rng.random() < 0.5:
        plan["duration"] = seconds(load)
    else:
        plan["messages"] = max(1, int(load / interval))
    if match != "none" and rng.random() < 0.25:
        plan["in_flight"] = rng.randint(1, 4)
    if rng.random() < 0.3:
        plan["max_unanswered"] = rng.randint(1, 20)
    if rng.random() < 0.3:
        plan["reconnect"] = {
            "backoff": {"initial": "50ms", "max": "400ms", "jitter": 0.5}, "limit": rng.randint(1, 6),
            "schedule": rng.choice(["continue", "restart"]),
        }  # fmt: skip
    if rng.random() < 0.2:
        plan["timeouts"]["idle"] = seconds(rng.uniform(1, 3))
    plan["time_limit"] = seconds(rng.uniform(2, 5) if rng.random() < 0.15 else load + 12)
    return plan, rng.choice(TARGETS)


def random_faults(rng, plan, local, wired):
    liveness = value(plan["fleet"]["liveness"])
    faults = []
    count = rng.choice([0, 1, 1, 1, 2, 2, 3])
    for _ in range(count):
        who = rng.choice(["worker"] * 4 + ["listener"] * 3 + ["controller"] * 2 + ["target"] * 2 + ["wire"] * 6 * wired)
        fault = {
            "at": rng.choices(PHASES[:7], [1, 2, 2, 3, 8, 2, 2])[0], "after": round(rng.choice([0, rng.uniform(0, 3)]), 2),
            "who": who, "pick": rng.random(),
        }  # fmt: skip
        if who == "wire":
            what = rng.choice(["cut", "cut", "there", "back", "loss", "delay"])
            fault["what"] = what
            fault["for"] = rng.choice([0.3 * liveness, 0.6 * liveness, 1.8 * liveness, 3 * liveness, None])
            if what == "delay" or what == "loss":
                fault["for"] = None
        else:
            fault["what"] = rng.choice(
                {
                    "worker": ["KILL", "KILL", "TERM", "HUP", "STOP", "STOP"],
                    "listener": ["KILL", "KILL", "TERM", "HUP", "STOP", "STOP"],
                    "controller": ["KILL", "KILL", "TERM", "INT", "HUP", "STOP"],
                    "target": ["KILL", "STOP"],
                }[who]
            )
            if fault["what"] == "STOP" or who == "target":
                # Well before the limit or well after it, or for good.
                fault["for"] = rng.choice([0.1, 0.4 * liveness, 2 * liveness, None])
                if who == "controller" and fault["for"] is None:
                    fault["for"] = 4 * liveness
            if who == "controller" and fault["what"] in ("TERM", "INT") and rng.random() < 0.3:
                fault["twice"] = round(rng.uniform(0, 1), 2)
        faults.append(fault)
    return faults


def value(text):
    return int(text[:-2]) / 1000 if text.endswith("ms") else float(text[:-1])


class Run:
    """One run: from its seed to a line, or a Finding."""

    def __init__(self, seed, directory, binaries, wires):
        self.rng = random.Random(seed)
        self.plan, self.path = random_plan(self.rng)
        self.wired = wires and self.rng.random() < 0.35
        self.local = not self.wired and self.rng.random() < 0.25
        self.faults = random_faults(self.rng, self.plan, self.local, self.wired)
        self.second = self.rng.random() < 0.5
        self.liveness = value(self.plan["fleet"]["liveness"])
        self.wire = wire.Wire(seed) if self.wired else None
        self.directory, self.binaries = directory, binaries
        self.fleet = None
        # Workers that something was done to which may cost them their results, by identity; True for all of them.
        self.disturbed, self.all_disturbed, self.target_disturbed = set(), False, False
        self.harmed_listeners, self.paused, self.interrupted_at = set(), 0.0, None
        # Signals that ended a worker, by its identity; and what was done, in words.
        self.killed, self.done = {}, []
        self.touched, self.quiet = set(), True

    def describe(self):
        return {
            "plan": self.plan, "target": self.path, "local": self.local, "wire": self.wired, "faults": self.faults,
            "done": self.done,
        }  # fmt: skip

    def __call__(self):
        token = f"{os.getpid()}-{self.directory}"
        self.fleet = fleet.Fleet(self.directory, self.binaries, token, self.wire)
        try:
            self.fleet.start_target()
            self.plan["target"] = f"ws://127.0.0.1:{self.fleet.target_port}{self.path}"
            return self.conduct()
        finally:
            with open(os.path.join(self.directory, "run.json"), "w") as file:
                json.dump(self.describe(), file, indent=1)
            self.fleet.close()
            if self.wire:
                self.wire.close()

    # The run

    def conduct(self):
        if not self.local:
            for index in range(self.plan["machines"]):
                self.fleet.start_listener(f"m{index}")
        self.controller, self.journal = self.fleet.start_controller(self.plan, local=self.local)
        begun = time.monotonic()
        waiting = [dict(fault) for fault in self.faults]
        later = []  # (when, what to do)
        allowed = (
            12 + 12 + value(self.plan["time_limit"]) + value(self.plan["timeouts"]["close"]) + 2 + 6 + 2 + SLACK
        )
        while self.controller.poll() is None:
            self.journal.poll()
            now = time.monotonic()
            for fault in list(waiting):
                if self.journal.is_at(fault["at"]):
                    fault.setdefault("due", now + fault["after"])
                if fault.get("due", now + 1) <= now:
                    waiting.remove(fault)
                    self.inflict(fault, later)
            for entry in [entry for entry in later if entry[0] <= now]:
                later.remove(entry)
                entry[1]()
            if now - begun > allowed + self.paused:
                raise Finding(f"the controller has not ended after {now - begun:.0f} s")
            time.sleep(0.01)
        self.took = time.monotonic() - begun
        self.journal.poll()
        # The wire and the target are whole again before what follows.
        for entry in later:
            entry[1]()
        if self.wire:
            self.heal()
        status = self.controller.returncode
        if status < 0:
            return self.after_death(status)
        return self.after_end(status)

    def heal(self):
        self.wire.heal()
        self.wire.loss(0)
        self.wire.delay(0)

    def victims(self, role):
        return sorted((one for one in fleet.processes(self.fleet.token) if one.role == role), key=lambda one: one.pid)

    def of(self, listener):
        """Identities of the workers a listener has now."""
        found = set()
        for one in self.victims("wsperf-worker"):
            try:
                with open(f"/proc/{one.pid}/status") as file:
                    if f"PPid:\t{listener}\n" in file.read():
                        found.add(one.worker)
            except OSError:
                pass
        return found

    def is_short_cut(self, length):
        # After a cut, TCP waits up to as long again before its next attempt. After 4 s without an answer it gives up, and
        # ZeroMQ connects within a second. Beacons come every second.
        return length is not None and min(2 * length, max(length, 4) + 1) + 1 < self.liveness

    def inflict(self, fault, later):
        who, what, length = fault["who"], fault["what"], fault.get("for")
        number = getattr(signal, "SIG" + what, None)
        again = time.monotonic() + length if length is not None else None
        # What lasts about as long as the limit may go either way; twice is longer than once.
        is_short = length is not None and length < 0.7 * self.liveness
        phase = self.journal.phase
        if who == "worker" or who == "listener":
            candidates = self.victims("wsperf-" + who)
            if not candidates:
                self.done.append(f"no {who} to {what} while {phase}")
                return
            victim = candidates[int(fault["pick"] * len(candidates))]
            harm = not (what == "STOP" and is_short) or victim.pid in self.touched
            self.touched.add(victim.pid)
            self.quiet = False
            if harm:
                if who == "worker":
                    self.disturbed.add(victim.worker)
                else:
                    self.harmed_listeners.add(victim.pid)
                    self.disturbed |= self.of(victim.pid) or {None}
            if who == "worker" and what in ("KILL", "HUP"):
                self.journal.poll()
                if victim.worker not in self.journal.final:
                    self.killed.setdefault(victim.worker, (number, phase))
            fleet.send(victim.pid, number)
            if who == "listener" and harm:
                # It may have launched some in between.
                self.disturbed |= self.of(victim.pid)
            if what == "STOP" and again is not None:
                later.append((again, lambda: fleet.send(victim.pid, signal.SIGCONT)))
            self.done.append(f"{what} {who} {victim.worker or victim.pid} for {length} while {phase}")
        elif who == "controller":
            self.journal.poll()
            if self.controller.poll() is not None:
                return
            self.done.append(f"{what} controller for {length} while {phase}")
            self.quiet = False
            if what == "STOP":
                if not is_short or "controller" in self.touched:
                    self.all_disturbed = True
                self.touched.add("controller")
                self.paused += length
                fleet.send(self.controller.pid, number)
                later.append((again, lambda: fleet.send(self.controller.pid, signal.SIGCONT)))
            else:
                if what in ("TERM", "INT", "HUP") and self.interrupted_at is None and self.journal.ended is None:
                    self.interrupted_at = phase
                fleet.send(self.controller.pid, number)
                if "twice" in fault:
                    self.all_disturbed = True
                    later.append((time.monotonic() + fault["twice"], lambda: self.controller.poll() is None and fleet.send(self.controller.pid, number)))
                if self.interrupted_at in PHASES[:3]:
                    self.all_disturbed = True
        elif who == "target":
            self.done.append(f"{what} target for {length} while {phase}")
            self.target_disturbed = True
            target = self.fleet.target
            if target.poll() is not None:
                return
            fleet.send(target.pid, number)
            if what == "STOP":
                later.append((again or time.monotonic() + 20, lambda: target.poll() is None and fleet.send(target.pid, signal.SIGCONT)))
            else:
                target.wait()
                if again is not None:
                    later.append((again, self.fleet.start_target))
        else:
            self.done.append(f"{what} wire for {length} while {phase}")
            self.quiet = False
            if what == "loss":
                # With bad luck, all of a second's packets.
                self.all_disturbed = True
                self.wire.loss(0.2)
            elif what == "delay":
                self.wire.delay(0.2)
            else:
                way = "both" if what == "cut" else what
                if not self.is_short_cut(length) or "wire" in self.touched:
                    self.all_disturbed = True
                self.touched.add("wire")
                self.wire.cut(way)
                if again is not None:
                    later.append((again, lambda: self.wire.heal(way)))

    # Afterwards

    def after_end(self, status):
        summary = self.fleet.summary()
        run = summary["run"]
        name = "controller-1"
        if status not in (0, 3, 130):
            # A plan a worker could not set up, or a listener that could not launch: not here.
            raise Finding(f"the controller ended with {status}: {self.fleet.log(name + '.err')[-500:]}")
        if status != run["exit"]:
            raise Finding(f"exit status {status}, but {run['exit']} in the report")
        if (status == 0) != run["valid"]:
            raise Finding(f"exit status {status}, and valid: {run['valid']}")
        with open(os.path.join(self.fleet.run, "summary.txt")) as file:
            if file.read() not in self.fleet.log(name + ".out"):
                raise Finding("summary.txt is not what was printed")
        self.fleet.check_sums(summary, self.plan)
        self.fleet.check_rebuilt(summary)
        workers = {worker["id"]: worker for worker in summary["workers"]}
        # Before they joined, a listener's workers are not known by name.
        all_disturbed = self.all_disturbed or None in self.disturbed
        unharmed = set() if all_disturbed or run["end"] == "incomplete" else set(workers) - self.disturbed
        self.fleet.check_tallies(summary, self.journal, unharmed)
        for worker in workers.values():
            identity = worker["id"]
            if worker["lost"] and run["valid"]:
                raise Finding(f"worker {identity} is lost, and the run valid")
            if identity in unharmed and worker["lost"]:
                raise Finding(f"nothing was done to worker {identity}, and it is lost: {worker['reason']}")
            if "lost" in worker["outcomes"] and not worker["lost"]:
                raise Finding(f"connections of worker {identity} are lost and it is not")
            if identity in self.killed and identity not in self.journal.final and not worker["lost"]:
                if run["end"] != "interrupted":
                    raise Finding(f"worker {identity} was killed before its last results, and is not lost")
            if identity in self.killed and worker["lost"] and not self.harmed_listeners and not all_disturbed:
                if worker["signal"] != self.killed[identity][0] and run["end"] == "finished":
                    raise Finding(f"worker {identity} died of {self.killed[identity][0]}, the report says {worker['signal']}")
        nothing = not all_disturbed and not self.disturbed and self.interrupted_at is None
        reasons = [why for why in run["invalid_because"] if "the load generator was too slow" not in why]
        if nothing and reasons:
            raise Finding(f"nothing was done to the run, and it is not valid: {reasons}")
        # Workers keep the plan's time limit themselves.
        limited = run["duration_s"] > value(self.plan["time_limit"]) - 1
        if run["valid"] and "aborted" in summary["connections"]["outcomes"] and not limited:
            raise Finding("connections did not do what the plan says, and the run is valid")
        if nothing and not self.fleet.wire and any("silent" in notice for notice in summary["notices"]):
            raise Finding("nobody was silent for long, and the report says so")
        if status == 130 and self.interrupted_at is None:
            raise Finding("nobody interrupted it")
        if self.interrupted_at in PHASES[:5] and status != 130 and run["end"] not in ("incomplete", "overdue"):
            raise Finding(f"interrupted while {self.interrupted_at}, and it ended with {status}")
        if run["end"] == "overdue" and nothing:
            raise Finding("nothing was done to the run, and it is overdue")
        if self.local:
            self.fleet.expect_nobody(self.patience)
        else:
            self.fleet.end_listeners(self.patience, self.rng.choice([signal.SIGTERM, signal.SIGTERM, signal.SIGKILL]))
        self.fleet.check_files()
        valid = "valid" if run["valid"] else "not valid"
        return f"{status} {run['end']}, {valid}, {run['duration_s']:.1f} s, {summary['connections']['outcomes']}"

    @property
    def patience(self):
        """What a process left alone may take to go."""
        # `GracePeriods.kill` after the silence was noticed; `collect` is 6 s.
        return self.liveness + value(self.plan["timeouts"]["close"]) + 3 + max(6, self.liveness) + 4 + SLACK

    def after_death(self, status):
        """The controller was killed."""
        end = f"controller killed while {self.journal.phase}"
        if -status not in (signal.SIGKILL, signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            raise Finding(f"the controller died of signal {-status}")
        if -status in (signal.SIGTERM, signal.SIGINT) and self.journal.phase is not None:
            raise Finding(f"the controller died of signal {-status} without a report")
        if os.path.exists(self.journal.path):
            copy, code = self.fleet.rebuilt()
            if self.journal.phase is not None:
                summary = self.fleet.summary(copy)
                if self.journal.ended is None and (code != 3 or summary["run"]["valid"] or summary["run"]["end"]):
                    raise Finding(f"its controller died, and the report says {code}, {summary['run']}")
                self.fleet.check_sums(summary, self.plan)
                self.fleet.check_tallies(summary, self.journal, set())
        if self.local:
            self.fleet.expect_nobody(self.patience)
        else:
            # Workers go by themselves; listeners wait for the next controller.
            for process in fleet.processes(self.fleet.token):
                if process.state == "T":
                    fleet.send(process.pid, signal.SIGCONT)
            until = time.monotonic() + self.patience
            while self.victims("wsperf-worker"):
                if time.monotonic() > until:
                    raise Finding(f"workers outlive their controller: {self.victims('wsperf-worker')}")
                time.sleep(0.05)
            alive = {name: one for name, one in self.fleet.listeners.items() if one.poll() is None}
            for name, one in self.fleet.listeners.items():
                if one.poll() is not None and one.pid not in self.harmed_listeners:
                    raise Finding(f"listener {name} ended with its controller: {one.returncode}")
            if self.second and alive:
                end += self.run_again(len(alive))
            self.fleet.end_listeners(self.patience)
        self.fleet.check_files()
        return end

    def run_again(self, machines):
        """A new controller on the same listeners."""
        target = self.fleet.target
        if target.poll() is not None:
            self.fleet.start_target()
        fleet.send(self.fleet.target.pid, signal.SIGCONT)
        plan = {
            "target": f"ws://127.0.0.1:{self.fleet.target_port}/", "machines": machines, "instances": 10, "messages": 3,
            "interval": "100ms", "fleet": {"join": "30s"},
        }  # fmt: skip
        run = os.path.join(self.directory, "second")
        process, _ = self.fleet.start_controller(plan, run=run)
        status = self.fleet.wait(process, 120, "the second controller")
        summary = self.fleet.summary(run)
        reasons = [why for why in summary["run"]["invalid_because"] if "the load generator was too slow" not in why]
        if reasons or status not in (0, 3) or summary["connections"]["outcomes"] != {"succeeded": 10 * machines}:
            raise Finding(f"the second run on these listeners: {status}, {reasons}, {summary['connections']['outcomes']}")
        return ", then a second run on its listeners"


def job(seed, directory, binaries, wires):
    """In a process of its own: writes the line or the finding into the directory."""
    kind, text = "finding", ""
    run = None
    try:
        run = Run(seed, directory, binaries, wires)
        kind, text = "ok", run()
    except Finding as finding:
        text = str(finding)
    except wire.Unavailable as error:
        text = f"no wire: {error}"
    except BaseException:
        text = traceback.format_exc()
    done = ("; ".join(run.done) if run else "") or "nothing done"
    shape = ""
    if run:
        plan = run.plan
        where = "local" if run.local else "wire" if run.wired else "listeners"
        shape = f"{plan['machines']}×{plan['processes']}×{plan['instances']} {where} {run.path}"
    with open(os.path.join(directory, "result.json"), "w") as file:
        json.dump({"kind": kind, "text": text, "shape": shape, "done": done}, file)


def probe():
    try:
        wire.Wire().close()
        return True
    except wire.Unavailable as error:
        print(f"chaos: no partitions on this machine: {error}", flush=True)
        return False


def main():
    parser = argparse.ArgumentParser(
        prog="Scripts/chaos",
        description="Random plans, while workers, listeners, the controller, the target and the network between them are "
        "killed, stopped and cut off at random. Ends with 1 at the first finding, whose directory it keeps.",
    )
    parser.add_argument("minutes", nargs="?", type=float, default=10, metavar="MINUTES")
    parser.add_argument("--seed", type=int, help="of the first run; each further one has the next")
    parser.add_argument("--runs", type=int, help="number of runs, without a time limit; 1 to repeat one")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (2)")
    parser.add_argument("--binaries", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()

    base = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 10**9)
    scratch = tempfile.mkdtemp(prefix="wsperf-chaos-")
    print(f"chaos: seed {base}, {options.minutes:g} minutes, in {scratch}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    running, next_seed, finished, findings = {}, base, 0, 0
    until = time.monotonic() + options.minutes * 60
    try:
        wires = probe()
        while True:
            more = (
                next_seed - base < options.runs if options.runs is not None else time.monotonic() < until
            ) and not findings
            if more and len(running) < options.jobs:
                directory = os.path.join(scratch, str(next_seed))
                os.mkdir(directory)
                sys.stdout.flush()
                pid = os.fork()
                if pid == 0:
                    wire.die_with_parent()
                    # The parent ends it.
                    signal.signal(signal.SIGINT, signal.SIG_IGN)
                    signal.signal(signal.SIGTERM, signal.SIG_DFL)
                    signal.signal(signal.SIGHUP, signal.SIG_DFL)
                    try:
                        job(next_seed, directory, options.binaries, wires)
                    finally:
                        os._exit(0)
                running[pid] = (next_seed, directory, time.monotonic())
                next_seed += 1
                continue
            if not running:
                break
            pid, _ = os.waitpid(-1, os.WNOHANG)
            for other, (seed, directory, begun) in running.items():
                if time.monotonic() - begun > 400:
                    os.kill(other, signal.SIGKILL)
            if pid == 0:
                time.sleep(0.05)
                continue
            seed, directory, _ = running.pop(pid)
            left = fleet.sweep(f"{pid}-{directory}")
            try:
                with open(os.path.join(directory, "result.json")) as file:
                    result = json.load(file)
            except (OSError, ValueError):
                result = {"kind": "finding", "text": f"the job ended without a result; left: {left}", "shape": "", "done": ""}
            finished += 1
            print(f"{seed}: {result['shape']}: {result['done']}: {result['text']}", flush=True)
            if result["kind"] == "finding":
                findings += 1
                print(
                    f"chaos: FINDING: {result['text']}\n"
                    f"  kept: {directory} (run.json: plan and faults; logs/, run/, tally/)\n"
                    f"  again: Scripts/chaos --seed {seed} --runs 1",
                    flush=True,
                )
            else:
                shutil.rmtree(directory, ignore_errors=True)
    finally:
        for pid, (_, directory, _) in running.items():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            fleet.sweep(f"{pid}-{directory}")
        if not findings:
            shutil.rmtree(scratch, ignore_errors=True)
    print(f"chaos: {finished} runs, {findings} findings", flush=True)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
