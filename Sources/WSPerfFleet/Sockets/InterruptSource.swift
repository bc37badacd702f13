internal import Dispatch
internal import Glibc

/// Calls a function on SIGINT and SIGTERM.
///
/// ```swift
/// let interrupts = InterruptSource { controller.interrupt() }
/// ```
public final class InterruptSource: Sendable {
    private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

    /// Calls `onInterrupt` on a separate thread for each SIGINT and SIGTERM from now on. Also makes the process ignore
    /// SIGPIPE, so that it survives when the reader of its output ends.
    ///
    /// - Parameter onTerminate: Called for SIGTERM instead of `onInterrupt`.
    public init(
        onTerminate: (@Sendable () -> Void)? = nil, _ onInterrupt: @escaping @Sendable () -> Void
    ) {
        signal(SIGPIPE, SIG_IGN)
        let queue = DispatchQueue(label: "wsperf.interrupt")
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            let handler = number == SIGTERM ? onTerminate ?? onInterrupt : onInterrupt
            source.setEventHandler(handler: DispatchWorkItem(block: handler))
            source.resume()
            return source
        }
    }

    deinit { for source in sources { source.cancel() } }
}
