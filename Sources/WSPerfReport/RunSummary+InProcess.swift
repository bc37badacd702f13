public import WSPerfCore

extension RunSummary {
    /// The summary of a load that ran in this process, without a fleet.
    ///
    /// - Parameters:
    ///   - plan: The plan of the load.
    ///   - result: The engine's result.
    ///   - startedAt: Wall-clock time of its start, milliseconds since 1970-01-01 UTC.
    ///   - end: `.interrupted` if the load was stopped from outside.
    public init(plan: Plan, result: LoadResult, startedAt: Int64 = 0, end: RunEnd = .finished) {
        var accumulator = RunAccumulator(
            run: "in-process", startedAt: startedAt, plan: RecordedPlan(plan), shares: 1,
            share: UInt64(max(0, result.planned)))
        accumulator.timeLimitPassed = result.timeLimitReached
        let worker = WorkerInfo(id: "in-process", index: 0, machine: "local", pid: 0, waited: 0)
        accumulator.fold(.workerReady(worker))
        accumulator.fold(
            Snapshot(sequence: 1, elapsed: result.elapsed, isFinal: true, statistics: result.statistics), of: worker.id)
        for problem in result.problems { accumulator.fold(.notice(problem)) }
        accumulator.fold(.workerEnded(worker: worker.id, WorkerEnd(lost: false, reason: "")))
        accumulator.fold(.ended(end, elapsed: result.elapsed))
        self = accumulator.summary()
        // A single entry for the whole run would say nothing.
        timeline = []
    }
}
