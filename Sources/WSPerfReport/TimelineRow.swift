internal import Glibc
public import WSPerfCore

/// One line of a run's timeline.
public struct TimelineRow: Sendable, Hashable {
    /// Percentiles of the times of an entry, nanoseconds; nil if it has none.
    public struct Percentiles: Sendable, Hashable {
        /// Response times of the replies received in this time: the 50th, 90th, 99th and 99.9th percentile, and the
        /// largest.
        public var response: [UInt64]?
        /// 99th percentile of the send lag of the messages sent in this time.
        public var sendLagP99: UInt64?
        /// 99th percentile of the response time of the handshakes that ended in this time.
        public var handshakeP99: UInt64?

        init(response: Histogram, sendLag: Histogram, handshake: Histogram) {
            let values = [50, 90, 99, 99.9, 100].compactMap { response.percentile($0) }
            self.response = values.isEmpty ? nil : values
            sendLagP99 = sendLag.percentile(99)
            handshakeP99 = handshake.percentile(99)
        }
    }

    /// The most kinds of outcomes of an entry; further ones count as `other`.
    static let maximumOutcomes = 16
    static let otherOutcomes: Outcome = {
        guard let other = Outcome(rawValue: "other") else { preconditionFailure("a good name is refused") }
        return other
    }()

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
    /// Payload bytes of these messages.
    public var bytesSent: UInt64
    public var bytesReceived: UInt64
    /// Connections that ended in this time with an outcome other than `succeeded` and `aborted`.
    public var errors: UInt64
    /// All connections that ended in this time, by their outcomes.
    public var outcomes: [Outcome: UInt64]
    public var percentiles: Percentiles
    /// How many response times lie in each cell of the heat map; see `cell(of:)`. Without zeros at the end.
    var responses: [UInt64]
    /// Messages that were due but not sent (`LoadStatistics.unsent`), counted when their connection stopped sending.
    public var unsent: UInt64
    /// Share of the time, 0 to 1, in which the workers' event loops did not wait; nil if unknown.
    public var loopUtilisation: Double?

    /// Median response time, nanoseconds; nil without replies.
    public var rttMedian: UInt64? { percentiles.response?[0] }
    /// 99th percentile of the response times.
    public var rttP99: UInt64? { percentiles.response?[2] }
}

extension TimelineRow {
    /// Cells of the heat map in each doubling of the response time.
    static let cellsPerDoubling = 4
    /// Where the first cell begins: 1.024 µs. It also has what is below.
    static let firstCell = 10

    /// The cell of a response time: four in each doubling.
    private static func cell(of nanoseconds: UInt64) -> Int {
        guard nanoseconds >> firstCell > 0 else { return 0 }
        return Int(((log2(Double(nanoseconds)) - Double(firstCell)) * Double(cellsPerDoubling)).rounded(.down))
    }

    /// Where a cell begins, nanoseconds.
    static func start(ofCell cell: Int) -> Double {
        exp2(Double(firstCell) + Double(cell) / Double(cellsPerDoubling))
    }

    static func cells(of times: Histogram) -> [UInt64] {
        guard let largest = times.max else { return [] }
        var cells = [UInt64](repeating: 0, count: cell(of: largest) + 1)
        for bucket in times.nonZeroBuckets {
            cells[min(cell(of: bucket.values.lowerBound), cells.count - 1)] &+= bucket.count
        }
        return cells
    }

    /// The header line of `timeline.csv`.
    static let header =
        "second,width_s,opened,open,sent,received,errors,rtt_p50_ms,rtt_p99_ms,unsent,rtt_p90_ms,rtt_p999_ms,rtt_max_ms,"
        + "bytes_sent,bytes_received,send_lag_p99_ms,handshake_p99_ms,loop_utilisation,outcomes"

    /// This row as a line of `timeline.csv`, without its line feed.
    var csv: String {
        func milliseconds(_ value: UInt64?) -> String { value.map { JSONValue.milliseconds($0).compact() } ?? "" }
        let response = percentiles.response
        var columns: [String] = [second, width, opened, open, sent, received, errors].map { String($0) }
        columns += [milliseconds(rttMedian), milliseconds(rttP99), String(unsent)]
        columns += [milliseconds(response?[1]), milliseconds(response?[3]), milliseconds(response?[4])]
        columns += [String(bytesSent), String(bytesReceived)]
        columns += [milliseconds(percentiles.sendLagP99), milliseconds(percentiles.handshakeP99)]
        columns.append(loopUtilisation.map { JSONValue.number(($0 * 1000).rounded() / 1000).compact() } ?? "")
        let ended = outcomes.sorted { $0.key < $1.key }
        columns.append(ended.map { "\($0.key)=\($0.value)" }.joined(separator: ";"))
        return columns.joined(separator: ",")
    }
}

extension RunSummary {
    /// The content of `timeline.csv`: a header line, then one line for each second of the run.
    public func timelineCSV() -> String {
        ([TimelineRow.header] + timeline.map(\.csv)).joined(separator: "\n") + "\n"
    }
}
