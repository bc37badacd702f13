/// One line of a run's timeline.
public struct TimelineRow: Sendable, Hashable {
    /// Its start: seconds since each worker began its load (the worker's monotonic clock).
    public var second: UInt64
    /// The number of seconds that it covers.
    public var width: UInt64
    /// Connections that opened in this time.
    public var opened: UInt64
    /// Connections open at its end.
    public var open: UInt64
    /// Messages sent in this time.
    public var sent: UInt64
    /// Messages received in this time.
    public var received: UInt64
    /// Connections that ended in this time with an outcome other than `succeeded` and `aborted`.
    public var errors: UInt64
    /// Median response time of the replies received in this time, nanoseconds; nil without replies.
    public var rttMedian: UInt64?
    /// 99th percentile of the response times.
    public var rttP99: UInt64?
    /// Messages that were due but not sent (`LoadStatistics.unsent`), counted when their connection stopped sending.
    public var unsent: UInt64
}

extension TimelineRow {
    /// The header line of `timeline.csv`.
    static let header = "second,width_s,opened,open,sent,received,errors,rtt_p50_ms,rtt_p99_ms,unsent"

    /// This row as a line of `timeline.csv`, without its line feed.
    var csv: String {
        let counts = [second, width, opened, open, sent, received, errors].map { String($0) }
        let times = [rttMedian, rttP99].map { $0.map { JSONValue.milliseconds($0).compact() } ?? "" }
        return (counts + times + [String(unsent)]).joined(separator: ",")
    }
}

extension RunSummary {
    /// The content of `timeline.csv`: a header line, then one line for each second of the run.
    public func timelineCSV() -> String {
        ([TimelineRow.header] + timeline.map(\.csv)).joined(separator: "\n") + "\n"
    }
}
