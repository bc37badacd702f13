import NIOCore

/// Sits between the socket and `TestServerConnection` if the server serves TLS: decrypts incoming data and encrypts
/// outgoing data.
///
/// It stores no data and passes everything on at once, in both directions. So the channel has the same limits and the
/// same backpressure as without TLS.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        /// In the handshake, or open in both directions.
        case open
        /// This side sent close_notify and still reads.
        case outputClosed
        /// This side sent close_notify and closes the connection when it receives the client's.
        case closing
        /// The TCP connection is closed or about to be.
        case closed
    }

    private let session: TLSSession
    private let buffers: TLSBuffers
    private var state = State.open
    private var closePromise: EventLoopPromise<Void>?
    private var closeDeadline: Scheduled<Void>?

    /// How long a client may take to answer close_notify (monotonic clock).
    private static let closeTimeout = TimeAmount.seconds(1)

    init(context: TLSServerContext, buffers: TLSBuffers) throws {
        session = try TLSSession(context, buffers)
        self.buffers = buffers
    }

    func channelInactive(context: ChannelHandlerContext) {
        enterClosed()
        closePromise?.succeed()
        closePromise = nil
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { enterClosed() }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .closed else { return }
        let standing = session.receive(Self.unwrapInboundIn(data))
        // The handshake's next step, or an alert.
        flushOutput(context)
        if buffers.plaintext.readableBytes > 0, state != .closing {
            context.fireChannelRead(Self.wrapInboundOut(buffers.plaintext))
        }
        switch standing {
        case .open: break
        case .closedByPeer:
            if state == .open {
                session.sendCloseNotify()
                flushOutput(context)
            }
            closeNow(context)
        case .failed(let failure):
            fail(context, failure)
        }
    }

    // MARK: Writing

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard state == .open, session.isEstablished else {
            promise?.fail(state == .outputClosed ? ChannelError.outputClosed : ChannelError.ioOnClosedChannel)
            return
        }
        do {
            try session.send(Self.unwrapOutboundIn(data))
            // An empty write is passed on too: its promise tells that everything before it was sent.
            context.write(Self.wrapOutboundOut(session.takeOutput() ?? ByteBuffer()), promise: promise)
        } catch {
            promise?.fail(error)
            flushOutput(context)
            fail(context, error)
        }
    }

    private func flushOutput(_ context: ChannelHandlerContext) {
        guard let output = session.takeOutput() else { return }
        context.writeAndFlush(Self.wrapOutboundOut(output), promise: nil)
    }

    // MARK: Closing

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .input: promise?.fail(ChannelError.operationUnsupported)
        case .output:
            sayGoodbye(context, then: .outputClosed)
            context.close(mode: .output, promise: promise)
        case .all: closeAll(context, promise)
        }
    }

    private func closeAll(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        if let promise {
            if let closePromise { closePromise.futureResult.cascade(to: promise) } else { closePromise = promise }
        }
        if state == .closing { return }
        sayGoodbye(context, then: .closing)
        guard state == .closing else { return closeNow(context) }
        closeDeadline = context.eventLoop.assumeIsolated().scheduleTask(in: Self.closeTimeout) { [self] in
            closeNow(context)
        }
    }

    /// Sends close_notify if the handshake is over and it was not sent before.
    private func sayGoodbye(_ context: ChannelHandlerContext, then next: State) {
        guard state == .open, session.isEstablished else { return }
        state = next
        session.sendCloseNotify()
        flushOutput(context)
    }

    private func fail(_ context: ChannelHandlerContext, _ failure: TLSFailure) {
        enterClosed()
        context.fireErrorCaught(failure)
        closeNow(context)
    }

    /// Closes the TCP connection.
    private func closeNow(_ context: ChannelHandlerContext) {
        enterClosed()
        let promise = closePromise
        closePromise = nil
        context.close(promise: promise)
    }

    private func enterClosed() {
        state = .closed
        closeDeadline?.cancel()
        closeDeadline = nil
    }
}

@available(*, unavailable)
extension TLSHandler: Sendable {}
