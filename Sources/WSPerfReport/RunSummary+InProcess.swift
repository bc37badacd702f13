public import WSPerfCore

extension RunSummary {
    /// The summary of a load that ran in this process, with no fleet around it.
    ///
    /// - Parameters:
    ///   - plan: The plan it ran by.
    ///   - result: What the engine returned.
    ///   - startedAt: Wall-clock time of its start, milliseconds since 1970-01-01 UTC.
    ///   - end: `.interrupted` if the load was stopped from outside.
    public init(plan: Plan, result: LoadResult, startedAt: Int64 = 0, end: RunEnd = .finished) {
        var accumulator = RunAccumulator(
            run: "in-process", startedAt: startedAt, plan: RecordedPlan(plan), shares: 1,
            share: UInt64(max(0, result.planned)))
        accumulator.timeLimitPassed = result.timeLimitReached
        let worker = WorkerInfo(id: "in-process", index: 0, machine: "local", pid: 0)
        accumulator.fold(.workerReady(worker))
        accumulator.fold(
            .snapshot(
                worker: worker.id,
                EncodedSnapshot(
                    Snapshot(sequence: 1, elapsed: result.elapsed, isFinal: true, statistics: result.statistics))))
        for problem in result.problems { accumulator.fold(.notice(problem)) }
        accumulator.fold(.workerEnded(worker: worker.id, WorkerEnd(lost: false, reason: "")))
        accumulator.fold(.ended(end, elapsed: result.elapsed))
        self = accumulator.summary()
        // One entry that stands for the whole run would say nothing.
        timeline = []
    }
}
