internal import Dispatch
internal import Glibc

/// Calls a function on SIGINT, SIGTERM and SIGHUP, which a lost terminal sends.
///
/// ```swift
/// let interrupts = InterruptSource { controller.interrupt() }
/// ```
public final class InterruptSource: Sendable {
    private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

    /// Calls `onInterrupt` on a separate thread for each SIGINT, SIGTERM and SIGHUP from now on. A process that was
    /// started with SIGHUP ignored (`nohup`) keeps ignoring it. Also makes the process ignore
    /// SIGPIPE, so that it survives when the reader of its output ends.
    ///
    /// - Parameter onTerminate: Called for SIGTERM and SIGHUP instead of `onInterrupt`.
    public init(
        onTerminate: (@Sendable () -> Void)? = nil, _ onInterrupt: @escaping @Sendable () -> Void
    ) {
        signal(SIGPIPE, SIG_IGN)
        let queue = DispatchQueue(label: "wsperf.interrupt")
        let previous = signal(SIGHUP, SIG_IGN)
        let isIgnored = unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
        sources = ([SIGINT, SIGTERM] + (isIgnored ? [] : [SIGHUP])).map { number in
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
