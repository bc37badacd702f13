internal import CInstructions

/// One operation to measure.
struct Benchmark {
    let name: String
    /// Repeats the operation this many times.
    let run: (Int) -> Void
}

/// Keeps the compiler from removing unused results.
@inline(never)
func use<Value>(_ value: borrowing Value) {}

struct Measurement {
    var nanoseconds: Double
    var instructions: Double?
}

extension Benchmark {
    /// Per operation: the shortest time of nine repetitions (longer times come from other work on the machine), and the
    /// median of the instruction counts.
    func measure(counter: Int32) -> Measurement {
        let clock = ContinuousClock()
        func nanoseconds(_ count: Int) -> Double {
            let (seconds, attoseconds) = clock.measure { run(count) }.components
            return Double(seconds) * 1e9 + Double(attoseconds) / 1e9
        }
        // Repeat often enough to take about 20 ms.
        var count = 64
        while nanoseconds(count) < 2e7, count < 1 << 28 { count *= 2 }
        var least = Double.infinity
        var counts: [Double] = []
        for _ in 0..<9 {
            let before = counter >= 0 ? instructions_read(counter) : 0
            least = min(least, nanoseconds(count))
            if counter >= 0 { counts.append(Double(instructions_read(counter) - before)) }
        }
        counts.sort()
        return Measurement(
            nanoseconds: least / Double(count),
            instructions: counts.isEmpty ? nil : counts[counts.count / 2] / Double(count))
    }
}
