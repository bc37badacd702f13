/// One line of a run's timeline.
public struct TimelineRow: Sendable, Hashable {
    /// Where it begins: seconds of the workers' monotonic clocks since each began its load.
    public var second: UInt64
    /// Seconds it covers.
    public var width: UInt64
    /// Connections that opened in it.
    public var opened: UInt64
    /// Connections open at its end.
    public var open: UInt64
    /// Messages sent in it.
    public var sent: UInt64
    /// Messages received in it.
    public var received: UInt64
    /// Connections that came to an outcome other than `succeeded` and `aborted` in it.
    public var errors: UInt64
    /// Median response time of the replies received in it, nanoseconds; nil if there was none.
    public var rttMedian: UInt64?
    /// 99th percentile of the same.
    public var rttP99: UInt64?
    /// Messages offered and not sent (`LoadStatistics.unsent`), counted where their connection's sending ended.
    public var unsent: UInt64
}

extension TimelineRow {
    /// The head line of `timeline.csv`.
    static let header = "second,width_s,opened,open,sent,received,errors,rtt_p50_ms,rtt_p99_ms,unsent"

    /// This row as a line of `timeline.csv`, without its line feed.
    var csv: String {
        let counts = [second, width, opened, open, sent, received, errors].map { String($0) }
        let times = [rttMedian, rttP99].map { $0.map { JSONValue.milliseconds($0).compact() } ?? "" }
        return (counts + times + [String(unsent)]).joined(separator: ",")
    }
}
