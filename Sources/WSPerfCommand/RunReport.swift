internal import WSPerfFleet
public import WSPerfReport

/// Reports from the journals of runs.
public enum RunReport {
    /// Rebuilds the results of a run, or of all runs of a sweep, and prints them. Returns the exit status: the highest
    /// of the runs.
    public static func conduct(_ directory: String, force: Bool) throws(RunDirectoryError) -> Int32 {
        let (runs, comparison) = try RunSeries.rebuild(directory, force: force) { _ = StandardError.fail($0) }
        for (index, run) in runs.enumerated() {
            StandardStream.output.write((index > 0 ? "\n" : "") + run.text)
        }
        if let comparison { StandardStream.output.write("\n" + comparison.text()) }
        return runs.map(\.exitStatus).max() ?? 0
    }
}
