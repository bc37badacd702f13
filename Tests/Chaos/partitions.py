"""Network partitions: partitions.py --binaries DIR [CASE…]. Run by Tests/WSPerfProcessTests/PartitionTests.swift.

The controller is in one network namespace, with one listener and a target. Two more listeners, their workers and another
target are in a second namespace. The network between the two is cut, in both directions or in one, or made slow or lossy.
The workers on the controller's side must always complete.

Prints a line for each case. All cases run at the same time. Exit status: 0 if all checks hold, 1 if not, 77 with a reason
if the machine does not permit namespaces.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback

import fleet
import wire
from fleet import Finding

LIVENESS = 4.0
LOAD = 14.0
COLLECT = 15.0
CLOSE = 2.0
# Within this time after a controller became silent, its workers and listeners have ended.
ALONE = LIVENESS + CLOSE + 3 + COLLECT + 4


def plan(port, collect=COLLECT):
    return {
        "target": f"ws://127.0.0.1:{port}/", "machines": 3, "processes": 2, "instances": 10, "interval": "100ms",
        "duration": f"{LOAD:.0f}s", "timeouts": {"connect": "3s", "reply": "3s", "close": f"{CLOSE:.0f}s"}, "time_limit": "40s",
        "fleet": {"join": "30s", "launch": "30s", "liveness": f"{LIVENESS:.0f}s", "collect": f"{collect:.0f}s"},
    }  # fmt: skip


class Partition:
    def __init__(self, case, binaries, directory):
        self.case, self.directory = case, directory
        self.wire = wire.Wire(seed=20)
        self.fleet = fleet.Fleet(directory, binaries, f"{os.getpid()}-{directory}", self.wire)

    def until(self, what, condition, seconds=60):
        """Waits until the controller's journal meets a condition."""
        limit = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > limit:
                raise Finding(f"{what}: not within {seconds} s; notices: {self.journal.notices}")
            time.sleep(0.02)
            self.journal.poll()

    def noticed(self, text):
        return sum(text in notice for notice in self.journal.notices)

    def reported(self, count):
        """The number of workers that have sent at least `count` snapshots."""
        return sum(number >= count for number in self.journal.snapshots.values())

    def __call__(self):
        self.fleet.start_target()
        self.fleet.start_target(side=0)
        for name, side in (("near", 0), ("m0", 1), ("m1", 1)):
            self.fleet.start_listener(name, side)
        self.plan = plan(self.fleet.target_port, 30 if self.case == "late" else COLLECT)
        if self.case == "delay":
            self.wire.delay(0.2)
        if self.case == "loss":
            self.wire.loss(0.2)
        self.controller, self.journal = self.fleet.start_controller(self.plan)
        # Each worker has reported its load twice. A lossy network may lose a worker before that.
        self.until("load", lambda: self.reported(2) == 6 or self.case == "loss" and self.controller.poll() is not None)
        getattr(self, self.case)()
        self.status = self.fleet.wait(self.controller, 100, "the controller")
        self.journal.poll()
        self.summary = self.fleet.summary()
        self.fleet.check_sums(self.summary, self.plan)
        self.fleet.check_rebuilt(self.summary)
        near = [worker for worker in self.summary["workers"] if worker["machine"] == "near"]
        for worker in near:
            self.expect(not worker["lost"] and worker["outcomes"] == {"succeeded": 10}, "near workers must complete")
        self.far = [worker for worker in self.summary["workers"] if worker["machine"] != "near"]
        self.expect(len(self.far) == 4 and len(near) == 2, "there must be six workers")
        self.outcomes = dict(self.summary["connections"]["outcomes"])
        self.outcomes["succeeded"] -= 20
        getattr(self, "after_" + self.case)()
        self.wire.heal()
        self.fleet.end_listeners(ALONE + fleet.SLACK)
        self.fleet.check_files()
        return f"{self.case}: {self.status}, {self.summary['connections']['outcomes']}"

    def expect(self, condition, what):
        if not condition:
            raise Finding(f"{what}; status {self.status}, {self.summary['run']}, {self.summary['connections']['outcomes']}")

    def expect_whole(self):
        """Nothing was lost."""
        reasons = [why for why in self.summary["run"]["invalid_because"] if "the load generator was too slow" not in why]
        self.expect(not reasons, "the run must be valid")
        self.expect(self.outcomes == {"succeeded": 40}, "all must succeed")
        self.fleet.check_tallies(self.summary, self.journal, {worker["id"] for worker in self.summary["workers"]})

    def expect_lost(self):
        self.expect(self.status == 3 and not self.summary["run"]["valid"], "the run must not be valid")
        self.expect(all(worker["lost"] for worker in self.far), "all far workers must be lost")
        self.expect(self.outcomes == {"succeeded": 0, "lost": 40}, "all far connections must be lost")
        self.expect(all(worker["sent"] > 0 for worker in self.far), "results that arrived must count")
        self.fleet.check_tallies(self.summary, self.journal, set())
        # They notice the silence of the controller and end.
        left = [one for one in fleet.processes(self.fleet.token) if one.role == "wsperf-worker"]
        until = time.monotonic() + ALONE + fleet.SLACK
        while left and time.monotonic() < until:
            time.sleep(0.05)
            left = [one for one in fleet.processes(self.fleet.token) if one.role == "wsperf-worker"]
        self.expect(not left, f"no worker must outlive the run: {left}")

    # Cut for good

    def cut(self):
        self.wire.cut()

    after_cut = expect_lost

    # Cut, and healed before a worker is missed

    def short(self):
        self.wire.cut()
        time.sleep(LIVENESS / 3)
        self.wire.heal()

    def after_short(self):
        self.expect(self.noticed("silent") == 0, "no worker must be thought lost")
        self.expect_whole()

    # Cut, and healed when all are thought lost but have not given up: their results count once

    def long(self):
        self.wire.cut()
        self.until("silence", lambda: self.noticed("lost unless it comes back") == 4)
        self.wire.heal()
        self.until("return", lambda: self.noticed("is back") == 4 or self.controller.poll() is not None)

    def after_long(self):
        self.expect(self.noticed("is back") == 4, "all must come back")
        self.expect(not any(worker["lost"] for worker in self.far), "their results must arrive")
        self.expect("lost" not in self.outcomes, "none must be lost")
        self.fleet.check_tallies(self.summary, self.journal, {worker["id"] for worker in self.summary["workers"]})
        # They were stopped, or ended their load because the controller was silent. The report says so.
        self.expect(self.status == 3, "the run must not be valid")
        reasons = self.summary["run"]["invalid_because"]
        self.expect(sum("silent for" in why for why in reasons) == 4, "the report must give the reason")

    # Cut 1 s before the end, and healed after 8 s: listeners and workers are thought lost, but the load was whole

    def late(self):
        self.until("the last second", lambda: self.reported(int(LOAD) - 1) == 6)
        self.wire.cut()
        time.sleep(2 * LIVENESS)
        self.wire.heal()

    def after_late(self):
        self.expect(self.noticed("is lost: silent for") == 2, "both listeners must be thought lost")
        self.expect(self.noticed("is back") == 4, "all workers must come back")
        self.expect(not any(worker["lost"] for worker in self.summary["workers"]), "nothing must be lost")
        self.expect_whole()

    # Only messages from the controller arrive

    def deaf(self):
        self.wire.cut("back")

    after_deaf = expect_lost

    # Only messages to the controller arrive. Without acknowledgements, TCP gives up in both directions.

    def dumb(self):
        self.wire.cut("there")

    after_dumb = expect_lost

    # A bad network from the start

    def loss(self):
        pass

    def after_loss(self):
        # At 20 % loss a worker may be silent for longer than `liveness`. Then the report says so, and nothing counts twice.
        if self.noticed("silent") == 0 and self.status == 0:
            self.expect_whole()
        else:
            self.fleet.check_tallies(self.summary, self.journal, set())
            self.expect(self.status == 3 or self.outcomes == {"succeeded": 40}, "the report must be honest")

    def delay(self):
        pass

    def after_delay(self):
        self.expect(self.noticed("silent") == 0, "no worker must be thought lost")
        self.expect_whole()

    def close(self):
        self.fleet.close()
        self.wire.close()


CASES = ["cut", "short", "long", "late", "deaf", "dumb", "loss", "delay"]


def run(case, binaries):
    """Runs one case in its own process. Returns its exit status."""
    directory = tempfile.mkdtemp(prefix="wsperf-partition-")
    partition, keeps = None, False
    try:
        partition = Partition(case, binaries, directory)
        print(partition(), flush=True)
        return 0
    except wire.Unavailable as error:
        print(error, flush=True)
        return 77
    except Finding as finding:
        keeps = True
        print(f"{case}: {finding}; kept: {directory}", flush=True)
        return 1
    finally:
        if partition:
            partition.close()
        if not keeps:
            shutil.rmtree(directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES) + "; all of them by default")
    parser.add_argument("--binaries", required=True, type=os.path.abspath)
    options = parser.parse_args()
    # If the parent ends first, this process and its children end too.
    wire.die_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        wire.Wire().close()
    except wire.Unavailable as error:
        print(error)
        return 77
    children = []
    for case in options.cases or CASES:
        child = os.fork()
        if child == 0:
            wire.die_with_parent()
            status = 1
            try:
                status = run(case, options.binaries)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(child)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return max(map(abs, statuses))


if __name__ == "__main__":
    sys.exit(main())
