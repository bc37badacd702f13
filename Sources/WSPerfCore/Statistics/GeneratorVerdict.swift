/// Whether the load generator itself kept up: it opened connections and sent messages when it could.
///
/// Judged by the 99th percentiles of the open lag and of the send lag, whichever is larger. Both count from the moment
/// when the connection could have opened or sent, so neither includes delays caused by the server. The response time
/// plays no part, because a machine that is too busy makes its own response times long.
public enum GeneratorVerdict: String, Sendable, Hashable, CaseIterable {
    /// Both are at most 10 ms.
    case keptUp = "kept_up"
    /// One is between 10 ms and 100 ms: read the figures with care.
    case strained
    /// One is more than 100 ms: the run is not valid.
    case tooSlow = "too_slow"
    /// Both are at most 10 ms, but that proves nothing; see `GeneratorJudgement`.
    case notJudged = "not_judged"
}

/// A verdict about the load generator, and why.
///
/// ```swift
/// let judgement = GeneratorJudgement(statistics, isClosedLoopWithoutPauses: plan.isClosedLoopWithoutPauses)
/// if judgement.verdict == .tooSlow { print("not valid:", judgement.reason ?? "") }
/// ```
public struct GeneratorJudgement: Sendable, Hashable {
    public let verdict: GeneratorVerdict
    /// What was late, by how much, and what limited the generator as far as the numbers tell; or why there is no
    /// judgement. The end of a sentence; nil if the generator kept up.
    public let reason: String?

    /// A lag up to this is `keptUp`, nanoseconds.
    static let strainedLimit: UInt64 = 10_000_000
    /// A lag up to this is `strained`, nanoseconds.
    static let tooSlowLimit: UInt64 = 100_000_000

    /// Judges what was counted.
    ///
    /// A lag over the limits always counts. Small lags prove nothing if each message was sent because a reply had come,
    /// if more than one message in a hundred found its socket's buffer full, or if nothing was opened or sent.
    public init(_ statistics: LoadStatistics, isClosedLoopWithoutPauses: Bool) {
        let lags = [
            ("messages were sent", statistics.sendLag.percentile(99)),
            ("connections were opened", statistics.openLag.percentile(99)),
        ]
        let late = lags.compactMap { what, lag in lag.flatMap { $0 > Self.strainedLimit ? (what: what, lag: $0) : nil }
        }
        if let worst = late.map(\.lag).max() {
            verdict = worst > Self.tooSlowLimit ? .tooSlow : .strained
            let what = late.map { "\($0.what) \(Self.text($0.lag)) late" }.joined(separator: " and ")
            reason = "\(what) (99th percentile)" + (Self.limit(statistics).map { "; \($0)" } ?? "")
        } else if lags.allSatisfy({ $0.1 == nil }) {
            (verdict, reason) = (.notJudged, "nothing was opened or sent")
        } else if isClosedLoopWithoutPauses {
            (verdict, reason) = (.notJudged, "the replies decided when messages were sent (in_flight, no pauses)")
        } else if statistics.blocked > statistics.sent / 100 {
            (verdict, reason) = (.notJudged, "more than one message in a hundred found its socket's buffer full")
        } else {
            (verdict, reason) = (.keptUp, nil)
        }
    }

    /// What kept the generator from being on time, as far as its loops' times tell; nil if they are not known.
    private static func limit(_ statistics: LoadStatistics) -> String? {
        guard let busy = statistics.loopUtilisation, let processor = statistics.loopCPUShare else { return nil }
        guard busy >= 0.9 else {
            return
                "its event loops were busy only \(percent(busy)) of the time: the load came in bursts, or the machine"
                + " or its hypervisor held the process up"
        }
        guard Double(statistics.loopCPU) >= 0.75 * Double(statistics.loopBusy) else {
            return "its event loops waited for a processor (busy \(percent(busy)) of the time, on a processor"
                + " \(percent(processor))): the machine was busy with something else"
        }
        return "its event loops were busy \(percent(busy)) of the time: give the plan more threads or processes"
    }

    private static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

    /// `12.5 ms`, `250 ms`, `2.5 s`
    private static func text(_ nanoseconds: UInt64) -> String {
        func tenths(_ unit: UInt64) -> String {
            let rounded = (nanoseconds / (unit / 20) + 1) / 2
            return rounded % 10 == 0 || rounded >= 1000 ? "\((rounded + 5) / 10)" : "\(rounded / 10).\(rounded % 10)"
        }
        return nanoseconds < 999_500_000 ? "\(tenths(1_000_000)) ms" : "\(tenths(1_000_000_000)) s"
    }
}
