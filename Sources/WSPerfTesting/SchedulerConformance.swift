public import WSPerfCore

/// Checks that a scheduler keeps to what `MessageScheduler` promises, without any connection.
///
/// ```swift
/// let findings = SchedulerConformance { connection, random in BurstScheduler() }.check()
/// #expect(findings.isEmpty)
/// ```
public struct SchedulerConformance<Scheduler: MessageScheduler> {
    /// Messages asked for, per connection and seed.
    public var messages = 10_000
    private let make: (_ connection: Int, _ random: inout SeededGenerator) -> Scheduler

    /// - Parameter make: What `Registry.register(scheduler:)` is given: makes a connection's scheduler.
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
            if message.offset < 0 { return "message \(index) is to be sent before the connection opened" }
            if message.offset < last { return "message \(index) is to be sent before the one before it" }
            if let length = message.length, length < 0 { return "message \(index) has a negative length" }
            last = message.offset
        }
        return nil
    }
}
