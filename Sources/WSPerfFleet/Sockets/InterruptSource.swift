internal import Dispatch
internal import Glibc

/// Calls a function on SIGINT and SIGTERM, and if wanted on SIGHUP, which a lost terminal sends.
///
/// ```swift
/// let interrupts = InterruptSource { controller.interrupt() }
/// ```
public final class InterruptSource: Sendable {
    private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

    /// Calls `onInterrupt` on a separate thread for each SIGINT and SIGTERM from now on. Also makes the process ignore
    /// SIGPIPE, so that it survives when the reader of its output ends.
    ///
    /// - Parameters:
    ///   - hangup: Whether SIGHUP counts as SIGTERM. A process that was started with SIGHUP ignored (`nohup`) keeps
    ///     ignoring it.
    ///   - onTerminate: Called for SIGTERM instead of `onInterrupt`.
    public init(
        hangup: Bool = false, onTerminate: (@Sendable () -> Void)? = nil,
        _ onInterrupt: @escaping @Sendable () -> Void
    ) {
        signal(SIGPIPE, SIG_IGN)
        let queue = DispatchQueue(label: "wsperf.interrupt")
        var numbers = [SIGINT, SIGTERM]
        if hangup {
            let previous = signal(SIGHUP, SIG_IGN)
            let isIgnored = unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
            if !isIgnored { numbers.append(SIGHUP) }
        }
        sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            let handler = number != SIGINT ? onTerminate ?? onInterrupt : onInterrupt
            source.setEventHandler(handler: DispatchWorkItem(block: handler))
            source.resume()
            return source
        }
    }

    deinit { for source in sources { source.cancel() } }
}
