import Foundation
import WSPerfCore

/// Prints the mistake, and exits with the status for wrong usage.
func refuse(_ message: String) -> Never {
    FileHandle.standardError.write(Data("harness: \(message)\n".utf8))
    exit(2)
}

guard CommandLine.arguments.count == 2 else { refuse("usage: harness ws://HOST:PORT/PATH") }
let result: LoadResult
do {
    // 100 connections, each of which sends 20 messages of 240 bytes, one every 100 ms.
    var plan = Plan(target: try Target(CommandLine.arguments[1]))
    plan.instances = 100
    plan.messages = 20
    plan.schedule = .periodic(every: .milliseconds(100))
    plan.payload = .random(RandomPayloadOptions(format: .text, length: .fixed(240)))
    plan.ramp = .rate(perSecond: 500)
    result = try await LoadEngine(plan: plan).run { snapshot in
        let delta = snapshot.statistics
        print("\(snapshot.elapsed / 1_000_000) ms: \(delta.sent) sent, \(delta.received) received")
    }
} catch {
    refuse("\(error)")
}

let statistics = result.statistics
/// A percentile is nil if there are no values, because nothing measured is not the same as 0.
func milliseconds(_ nanoseconds: UInt64?) -> String { nanoseconds.map { "\(Double($0 / 1000) / 1000) ms" } ?? "–" }
for (outcome, count) in statistics.outcomes.sorted(by: { $0.key < $1.key }) { print("\(outcome): \(count)") }
print("round trip: \(milliseconds(statistics.rttResponse.percentile(50))) median,", terminator: " ")
print("\(milliseconds(statistics.rttResponse.percentile(99))) at the 99th percentile")
print("send lag:   \(milliseconds(statistics.sendLag.percentile(99))) at the 99th percentile")

// What this harness expects from the server.
var failures: [String] = []
if !result.isValid { failures.append("not a measurement of the server: \(result.judgement.reason ?? "see problems")") }
if result.failed > 0 { failures.append("\(result.failed) connections did not succeed") }
if statistics.unanswered > 0 { failures.append("\(statistics.unanswered) messages were not answered") }
if let p99 = statistics.rttResponse.percentile(99) {
    if p99 > 500_000_000 { failures.append("a reply in a hundred took more than 500 ms") }
} else {
    failures.append("there was no reply to time")
}
for failure in failures { print("FAILED: \(failure)") }
exit(failures.isEmpty ? 0 : 1)
