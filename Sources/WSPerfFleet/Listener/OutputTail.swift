internal import Synchronization
internal import WSPerfCore

/// Keeps the last bytes of a child's output. Of a crash it keeps the beginning: the line with the reason and the frames
/// of the thread that crashed, because registers and a long list of loaded images follow them.
final class OutputTail: Sendable {
    private struct State {
        /// The last bytes, at least `FleetLimits.stderr` of them.
        var bytes: [UInt8] = []
        var total = 0
        /// The beginning of the current line, up to `lineLimit`.
        var line: [UInt8] = []
        /// The last line in which the Swift runtime reported a crash, and how many bytes ago it began.
        var fatal: (line: [UInt8], age: Int)?
        /// The beginning of what was printed about the last crash.
        var crash = Crash()
    }

    private struct Crash {
        var bytes: [UInt8] = []
        var isOver = false
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
        if WorkerExit.tellsOfCrash(state.line) {
            state.fatal = (state.line, state.line.count)
            state.crash = Crash()
            add(state.line, to: &state.crash)
        } else if !state.crash.bytes.isEmpty || beginsCrash(state.line) {
            if begins(state.line, with: crashEnds) { state.crash.isOver = true }
            add(state.line, to: &state.crash)
        }
        state.line.removeAll(keepingCapacity: true)
    }

    /// How a crash report without a line of the Swift runtime begins: Swift's backtracer, and the sanitizers.
    private static func beginsCrash(_ line: [UInt8]) -> Bool {
        begins(line, with: ["*** Program crashed", "*** Signal"])
            || begins(line, with: ["=="]) && line.firstRange(of: Array("==ERROR: ".utf8)) != nil
    }

    /// What follows the frames of the thread that crashed.
    private static let crashEnds = ["Registers:", "Images", "SUMMARY:"]

    private static func begins(_ line: [UInt8], with words: [String]) -> Bool {
        words.contains { line.starts(with: $0.utf8) }
    }

    private static func add(_ line: [UInt8], to crash: inout Crash) {
        guard !crash.isOver, !line.isEmpty else { return }
        guard crash.bytes.count + line.count < FleetLimits.stderr else {
            crash.isOver = true
            return
        }
        crash.bytes += line + [newline]
    }

    /// What a process printed before a signal ended it: if it printed something about a crash, the beginning of that.
    var crashText: String {
        let crash = state.withLock { state in
            var last = state
            Self.endLine(&last)
            return last.crash
        }
        guard !crash.bytes.isEmpty else { return text }
        return Self.printable(crash.bytes.dropLast(), cuttingHead: false)
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
        return Self.printable(head + lines, cuttingHead: head.isEmpty)
    }

    private static func printable(_ bytes: some Sequence<UInt8>, cuttingHead: Bool) -> String {
        var text = PlanText.printable(
            String(decoding: Array(bytes), as: UTF8.self), limit: FleetLimits.stderr, keepingLines: true)
        // Escaping makes text longer.
        while text.utf8.count > FleetLimits.stderr {
            if cuttingHead { text.removeFirst() } else { text.removeLast() }
        }
        return text
    }
}
