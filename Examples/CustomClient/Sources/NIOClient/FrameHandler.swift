import NIOCore
import NIOWebSocket
import WSPerfCore

/// Reports complete messages to the engine, and answers pings and close frames.
final class FrameHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame
    private let connection: NIOConnection

    init(connection: NIOConnection) { self.connection = connection }

    func handlerAdded(context: ChannelHandlerContext) {
        connection.connected(context.channel)
        connection.opened()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = Self.unwrapInboundIn(data)
        // SwiftNIO's decoder accepts these frames, because it serves clients and servers alike.
        guard frame.maskKey == nil, frame.reservedBits.isEmpty else { return fail(context, .protocolError) }
        let payload = frame.data
        switch frame.opcode {
        case .text: connection.sink.received(.text, payload: payload.readableBytesSpan)
        case .binary: connection.sink.received(.binary, payload: payload.readableBytesSpan)
        case .ping: answer(context, .pong, payload)
        case .pong: break
        case .connectionClose:
            let code = payload.getInteger(at: payload.readerIndex, as: UInt16.self)
            if connection.closeReceived(code.map(CloseCode.init) ?? .noStatus) {
                answer(
                    context, .connectionClose, payload.getSlice(at: payload.readerIndex, length: code == nil ? 0 : 2))
            }
        default: fail(context, .protocolError)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(context, error is IOError ? .reset : .protocolError)
    }

    private func answer(_ context: ChannelHandlerContext, _ opcode: WebSocketOpcode, _ payload: ByteBuffer?) {
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: payload ?? ByteBuffer())
        context.writeAndFlush(Self.wrapOutboundOut(frame), promise: nil)
    }

    private func fail(_ context: ChannelHandlerContext, _ outcome: Outcome) {
        connection.sink.ended(outcome)
        context.close(promise: nil)
    }
}
