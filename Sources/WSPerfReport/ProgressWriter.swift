internal import Glibc
public import WSPerfCore

/// Shows a run's progress on a file descriptor. On a terminal, it is one line, rewritten at most five times a second.
/// Elsewhere, it writes a plain line at most every two seconds, and one at each change of phase.
///
/// It writes when events arrive and has no timer. Confined to one thread.
public final class ProgressWriter {
    private let descriptor: Int32
    private let console: Console
    private let isTerminal: Bool
    private var line = ProgressLine()
    /// When it last wrote, nanoseconds of the monotonic clock; nil before the first time.
    private var lastWrite: UInt64?
    private var hasLine = false
    /// The last progress line that was written, because a line says something only if it is new.
    private var lastText = ""

    /// - Parameter descriptor: Where to write; stderr by default. It stays open.
    public convenience init(descriptor: Int32 = 2) { self.init(descriptor: descriptor, console: Console()) }

    init(descriptor: Int32 = 2, console: Console) {
        self.descriptor = descriptor
        self.console = console
        isTerminal = isatty(descriptor) == 1
    }

    /// Takes the next event, and rewrites the line if it is time.
    public func record(_ event: RunEvent) { record(event, at: Self.now()) }

    /// The same at a given time, nanoseconds of the monotonic clock.
    func record(_ event: RunEvent, at time: UInt64) {
        line.fold(event)
        switch event {
        case .phase: write(at: time)
        case .notice(let text): interrupt(with: text)
        case .ended: finish(at: time)
        case .started, .workerReady, .snapshot, .workerEnded, .thresholdFailed, .failed:
            let pause: UInt64 = isTerminal ? 200_000_000 : 2_000_000_000
            if lastWrite.map({ time >= $0 &+ pause }) ?? true { write(at: time) }
        }
    }

    /// Writes a separate line; on a terminal it is above the progress line.
    public func interrupt(with text: String) {
        console.write((isTerminal && hasLine ? "\r\u{1b}[K" : "") + text.printable() + "\n", to: descriptor)
        hasLine = false
    }

    private func finish(at time: UInt64) {
        write(at: time)
        if isTerminal, hasLine { console.write("\n", to: descriptor) }
        hasLine = false
    }

    private func write(at time: UInt64) {
        let text = line.text
        guard !text.isEmpty, isTerminal || text != lastText else { return }
        lastText = text
        lastWrite = time
        hasLine = true
        // If nobody reads it now, the next line will be newer.
        console.offer(isTerminal ? "\r" + text.prefix(width) + "\u{1b}[K" : text + "\n", to: descriptor)
    }

    /// The terminal's columns minus one, so that the cursor stays on the line.
    private var width: Int {
        var size = winsize()
        let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1
        return isKnown ? Int(size.ws_col) - 1 : 79
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

@available(*, unavailable)
extension ProgressWriter: Sendable {}
