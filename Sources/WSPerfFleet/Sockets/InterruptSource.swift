internal import Dispatch
internal import Foundation

/// Turns SIGINT and SIGTERM into calls, for as long as the process lives.
///
/// ```swift
/// let interrupts = InterruptSource { controller.interrupt() }
/// ```
public final class InterruptSource: Sendable {
    private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

    /// Calls `onInterrupt` on a thread of its own at each SIGINT and SIGTERM from now on. Also makes this process ignore
    /// SIGPIPE: a reader that went away must not end it.
    public init(_ onInterrupt: @escaping @Sendable () -> Void) {
        signal(SIGPIPE, SIG_IGN)
        let queue = DispatchQueue(label: "wsperf.interrupt")
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler(handler: DispatchWorkItem(block: onInterrupt))
            source.resume()
            return source
        }
    }

    deinit { for source in sources { source.cancel() } }
}
