extension RunSummary {
    /// The content of `timeline.csv`: a head line, then one line for each second of the run.
    public func timelineCSV() -> String {
        ([TimelineRow.header] + timeline.map(\.csv)).joined(separator: "\n") + "\n"
    }
}
