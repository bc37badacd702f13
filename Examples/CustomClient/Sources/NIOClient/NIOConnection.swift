import Foundation
import NIOCore
import NIOWebSocket
import Synchronization
public import WSPerfCore

/// One connection of a `NIOClient`. The engine and SwiftNIO call it on different threads, so a mutex protects the
/// shared state.
public final class NIOConnection: WebSocketConnection, Sendable {
    private struct State {
        var channel: (any Channel)?
        var isOpen = false
        var isAborted = false
        /// Bytes that were handed to the channel, and that the operating system has not taken yet.
        var queued = 0
        /// Whether the connection refused a message, and must tell the engine when there is room again.
        var isHeldBack = false
    }

    /// How many bytes may wait in the channel before the engine must wait.
    private static let queueLimit = 256 << 10

    let sink: ConnectionSink
    private let state = Mutex(State())

    init(sink: ConnectionSink) { self.sink = sink }

    // MARK: The engine's side

    public func send(_ kind: MessageKind, length: Int, fill: (inout OutputRawSpan) -> Void) -> SendOutcome {
        let (channel, refusal) = state.withLock { state -> ((any Channel)?, SendOutcome) in
            guard state.isOpen, let channel = state.channel else { return (nil, .closed) }
            guard state.queued < Self.queueLimit else {
                state.isHeldBack = true
                return (nil, .blocked)
            }
            state.queued += length
            return (channel, .sent)
        }
        guard let channel else { return refusal }
        var payload = channel.allocator.buffer(capacity: length)
        payload.writePayload(length: length, fill)
        let written = channel.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in self.wrote(length) }
        // `random()` asks the system for each key. A fast client needs its own generator.
        let opcode: WebSocketOpcode = kind == .text ? .text : .binary
        channel.writeAndFlush(
            WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: payload), promise: written)
        return .sent
    }

    public func close(_ code: CloseCode, reason: String) {
        let channel = state.withLock { state in
            state.isOpen = false
            return state.channel
        }
        guard let channel else { return }
        var payload = channel.allocator.buffer(capacity: 2 + reason.utf8.count)
        payload.write(webSocketErrorCode: WebSocketErrorCode(codeNumber: Int(code.rawValue)))
        payload.writeString(reason)
        channel.writeAndFlush(
            WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: payload), promise: nil)
    }

    public func abort() {
        let channel = state.withLock { state in
            state.isOpen = false
            state.isAborted = true
            return state.channel
        }
        // A linger time of zero turns the close into a reset, which works even if the server's buffer is full.
        if let socket = channel as? any SocketOptionProvider { _ = socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)) }
        channel?.close(promise: nil)
    }

    // MARK: SwiftNIO's side

    /// Both the bootstrap and the frame handler call this; the first call counts. On a busy machine, the bootstrap may
    /// report the connection only after the server has answered the upgrade.
    func connected(_ channel: any Channel) {
        let (isFirst, isAborted) = state.withLock { state in
            defer { state.channel = channel }
            return (state.channel == nil, state.isAborted)
        }
        if isAborted { return channel.close(promise: nil) }
        guard isFirst else { return }
        sink.connected()
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { $0.isOpen = false }
            self.sink.ended()
        }
    }

    func opened() {
        state.withLock { $0.isOpen = !$0.isAborted }
        sink.opened()
    }

    /// Returns whether the server sent its close frame first, so that the client must answer it.
    func closeReceived(_ code: CloseCode) -> Bool {
        let isFirst = state.withLock { state in
            defer { state.isOpen = false }
            return state.isOpen
        }
        sink.closeReceived(code)
        return isFirst
    }

    private func wrote(_ length: Int) {
        let hasRoomAgain = state.withLock { state in
            state.queued -= length
            guard state.isHeldBack, state.queued < Self.queueLimit else { return false }
            state.isHeldBack = false
            return true
        }
        if hasRoomAgain { sink.writable() }
    }
}

extension ByteBuffer {
    /// Appends exactly `length` bytes: those that `fill` writes, padded with the digit `0`.
    fileprivate mutating func writePayload(length: Int, _ fill: (inout OutputRawSpan) -> Void) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: length) { writable in
            // A buffer may have more room than requested, but the payload must have exactly `length` bytes.
            let bytes = UnsafeMutableRawBufferPointer(rebasing: writable[..<length])
            var span = OutputRawSpan(buffer: bytes, initializedCount: 0)
            fill(&span)
            let filled = span.finalize(for: bytes)
            for index in filled..<length { bytes[index] = UInt8(ascii: "0") }
            return length
        }
    }
}
