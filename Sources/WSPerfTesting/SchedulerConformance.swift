public import WSPerfCore

/// Checks, without any connection, that a scheduler keeps the rules of `MessageScheduler`.
///
/// ```swift
/// let findings = SchedulerConformance { connection, random in BurstScheduler() }.check()
/// #expect(findings.isEmpty)
/// ```
public struct SchedulerConformance<Scheduler: MessageScheduler> {
    /// The number of messages to ask for with each seed and connection.
    public var messages = 10_000
    private let make: (_ connection: Int, _ random: inout SeededGenerator) -> Scheduler

    /// - Parameter make: Makes a connection's scheduler, as for `Registry.register(scheduler:)`.
    public init(_ make: @escaping (_ connection: Int, _ random: inout SeededGenerator) -> Scheduler) {
        self.make = make
    }

    public func check() -> [Finding] {
        var findings: [Finding] = []
        for seed: UInt64 in 1...5 {
            for connection in 0..<5 {
                let first = sequence(seed, connection)
                if let problem = problem(first) {
                    findings.append(Finding("seed \(seed), connection \(connection)", problem))
                }
                if first != sequence(seed, connection) {
                    findings.append(
                        Finding("seed \(seed), connection \(connection)", "the same seed gave another sequence"))
                }
            }
        }
        return findings
    }

    private func sequence(_ seed: UInt64, _ connection: Int) -> [ScheduledMessage] {
        var random = SeededGenerator(seed: seed, stream: UInt64(connection))
        var scheduler = make(connection, &random)
        var found: [ScheduledMessage] = []
        while found.count < messages, let next = scheduler.next(using: &random) { found.append(next) }
        return found
    }

    private func problem(_ sequence: [ScheduledMessage]) -> String? {
        var last: Int64 = 0
        for (index, message) in sequence.enumerated() {
            if message.offset < 0 { return "message \(index) is due before the connection opens" }
            if message.offset < last { return "message \(index) is due before the previous one" }
            if let length = message.length, length < 0 { return "message \(index) has a negative length" }
            last = message.offset
        }
        return nil
    }
}
