internal import Synchronization
internal import WSPerfCore

/// Keeps the last bytes of a child's stderr, and the line with the reason for a crash, even if a long backtrace follows
/// it.
final class OutputTail: Sendable {
    private struct State {
        /// The last bytes, at least `FleetLimits.stderr` of them.
        var bytes: [UInt8] = []
        var total = 0
        /// The beginning of the current line, up to `lineLimit`.
        var line: [UInt8] = []
        /// The last line in which the Swift runtime reported a crash, and how many bytes ago it began.
        var fatal: (line: [UInt8], age: Int)?
    }

    private static let lineLimit = 400
    private static let newline = UInt8(ascii: "\n")
    private let state = Mutex(State())

    func append(_ new: [UInt8]) {
        state.withLock { state in
            for (number, piece) in new.split(separator: Self.newline, omittingEmptySubsequences: false).enumerated() {
                if number > 0 {
                    Self.endLine(&state)
                    Self.keep([Self.newline], &state)
                }
                state.line += piece.prefix(Self.lineLimit - state.line.count)
                Self.keep(piece, &state)
            }
        }
    }

    private static func keep(_ new: ArraySlice<UInt8>, _ state: inout State) {
        state.total += new.count
        state.fatal?.age += new.count
        state.bytes += new.suffix(FleetLimits.stderr)
        if state.bytes.count > 4 * FleetLimits.stderr {
            state.bytes.removeFirst(state.bytes.count - FleetLimits.stderr)
        }
    }

    private static func endLine(_ state: inout State) {
        if WorkerExit.tellsOfCrash(state.line) { state.fatal = (state.line, state.line.count) }
        state.line.removeAll(keepingCapacity: true)
    }

    /// Printable text of at most `FleetLimits.stderr` bytes. If it was cut, it begins at the start of a line.
    var text: String {
        let state = state.withLock { $0 }
        var lines = state.bytes.suffix(FleetLimits.stderr)
        var head: [UInt8] = []
        if let fatal = state.fatal, fatal.age > lines.count {
            head = fatal.line + Array("\n…\n".utf8)
            lines = lines.suffix(FleetLimits.stderr - head.count)
        }
        if state.total > lines.count, let end = lines.firstIndex(of: Self.newline) { lines = lines[(end + 1)...] }
        while lines.last == Self.newline { lines.removeLast() }
        let bytes = head + lines
        var text = PlanText.printable(
            String(decoding: bytes, as: UTF8.self), limit: FleetLimits.stderr, keepingLines: true)
        // Escaping makes text longer.
        while text.utf8.count > FleetLimits.stderr {
            if head.isEmpty { text.removeFirst() } else { text.removeLast() }
        }
        return text
    }
}
