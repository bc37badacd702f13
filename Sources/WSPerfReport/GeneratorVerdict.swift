import WSPerfCore

/// Whether the load generator itself kept up with what it was to send.
///
/// Judged by the 99th percentile of the send lag. It only counts where it is more than a tenth of the 99th percentile of
/// the response time, of which it is a part: below that it does not colour the result.
public enum GeneratorVerdict: String, Sendable, Hashable, CaseIterable {
    /// The 99th percentile of the send lag is at most 10 ms, or at most a tenth of that of the response time.
    case keptUp = "kept_up"
    /// It is between 10 ms and 100 ms, and more than a tenth of that of the response time: read the figures with care.
    case strained
    /// It is more than 100 ms and more than a tenth of that of the response time: the run is not valid.
    case tooSlow = "too_slow"
    /// Nothing was sent, or the server decided when: the plan limits the replies awaited (`in_flight`), or more than one
    /// message in a hundred found its socket's buffer full.
    case notJudged = "not_judged"

    static let strainedLimit: UInt64 = 10_000_000
    static let tooSlowLimit: UInt64 = 100_000_000

    init(_ statistics: LoadStatistics, inFlightIsLimited: Bool) {
        guard !statistics.sendLag.isEmpty, !inFlightIsLimited, statistics.blocked <= statistics.sent / 100 else {
            self = .notJudged
            return
        }
        let lag = statistics.sendLag.percentile(99)
        if lag <= Self.strainedLimit || lag <= statistics.rttResponse.percentile(99) / 10 {
            self = .keptUp
        } else {
            self = lag <= Self.tooSlowLimit ? .strained : .tooSlow
        }
    }
}
