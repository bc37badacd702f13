import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
public import WSPerfCore

/// A client on SwiftNIO's WebSocket support: `client: {kind: nio}` in a plan.
///
/// It runs on SwiftNIO's threads and does not use the engine's event loop. It speaks `ws://` only, sends no pings, and
/// counts name resolution as part of the TCP connection.
public struct NIOClient: WebSocketClient {
    private let group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    private let headers: HTTPHeaders
    private let maxMessageSize: Int

    /// Throws `PlanError` for any option, because the client has none, and for a target that is not `ws://`.
    public init(_ context: ComponentContext) throws {
        let options = context.options.reader(at: "client")
        if context.plan.target.isSecure {
            options.report("the nio client has no TLS: the target must be ws://, not wss://")
        }
        try options.finish()

        var headers = HTTPHeaders([("Host", context.plan.target.authority)])
        for header in context.plan.headers { headers.add(name: header.name, value: header.value) }
        let subprotocols = context.plan.subprotocols.joined(separator: ", ")
        if !subprotocols.isEmpty { headers.add(name: "Sec-WebSocket-Protocol", value: subprotocols) }
        self.headers = headers
        maxMessageSize = min(context.plan.maxMessageSize, Int(Int32.max))
    }

    public func connect(to target: Target, on loop: WSPerfCore.EventLoop, sink: ConnectionSink) -> NIOConnection {
        let connection = NIOConnection(sink: sink)
        ClientBootstrap(group: group)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try prepare(channel, for: connection, target) }
            }
            .connect(host: target.host, port: Int(target.port))
            .whenComplete { result in
                switch result {
                case .success(let channel): connection.connected(channel)
                case .failure(let error): sink.ended(outcome(of: error))
                }
            }
        return connection
    }

    /// Sets up the pipeline, which asks for the upgrade and then carries frames.
    private func prepare(_ channel: any Channel, for connection: NIOConnection, _ target: Target) throws {
        let upgrader = NIOTypedWebSocketClientUpgrader(maxFrameSize: maxMessageSize) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandlers([
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 65_536,
                        maxAccumulatedFrameSize: maxMessageSize),
                    FrameHandler(connection: connection),
                ])
            }
        }
        let request = HTTPRequestHead(version: .http1_1, method: .GET, uri: target.path, headers: headers)
        let configuration = NIOTypedHTTPClientUpgradeConfiguration(
            upgradeRequestHead: request, upgraders: [upgrader],
            notUpgradingCompletionHandler: { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(RefusalHandler(sink: connection.sink))
                }
            })
        var pipeline = NIOUpgradableHTTPClientPipelineConfiguration(upgradeConfiguration: configuration)
        // The server's first frames may arrive in the same segment as its answer.
        pipeline.leftOverBytesStrategy = .forwardBytes
        try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(configuration: pipeline)
            .whenFailure { error in
                connection.sink.ended(
                    error is HTTPParserError ? .upgradeInvalid : outcome(of: error, opening: .upgradeInvalid))
                channel.close(promise: nil)
            }
    }

    /// The outcome of a connection that could not be opened.
    private func outcome(of error: any Error, opening other: Outcome = .connectError) -> Outcome {
        var cause = error
        if let error = error as? NIOConnectionError {
            guard let attempt = error.connectionErrors.last else { return .dns }
            cause = attempt.error
        }
        switch (cause as? IOError)?.errnoCode {
        case ECONNREFUSED: return .refused
        case ENETUNREACH, EHOSTUNREACH: return .unreachable
        case EADDRNOTAVAIL: return .portsExhausted
        case EMFILE, ENFILE: return .descriptorsExhausted
        case ECONNRESET, EPIPE: return .upgradeClosed
        default: return cause is ChannelError ? .upgradeClosed : other
        }
    }
}

/// Reports the server's answer if it is not an upgrade.
private final class RefusalHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    private let sink: ConnectionSink

    init(sink: ConnectionSink) { self.sink = sink }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = Self.unwrapInboundIn(data) else { return }
        let status = Int(head.status.code)
        sink.ended(status == 101 ? .upgradeInvalid : .upgradeStatus(status))
        context.close(promise: nil)
    }
}
