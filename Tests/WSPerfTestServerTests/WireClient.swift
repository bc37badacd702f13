import Foundation
import NIOCore
import NIOPosix

/// A client that shows what is on the wire: bytes, heads and frames. It checks and answers none of them.
struct WireClient {
    struct Frame: Equatable {
        var first: UInt8
        var payload: [UInt8]
        var isMasked = false

        var opcode: UInt8 { first & 0xF }
        var text: String { String(decoding: payload, as: UTF8.self) }
        /// Of a close frame; nil if it has none.
        var code: UInt16? { payload.count < 2 ? nil : UInt16(payload[0]) << 8 | UInt16(payload[1]) }

        static func text(_ text: String) -> Frame { Frame(first: 0x81, payload: Array(text.utf8)) }
    }

    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private let tls: TLSClient?
    private var received = ByteBuffer()
    private var isOver = false

    /// Received, but not taken yet.
    var unread: [UInt8] { Array(received.readableBytesView) }

    /// Sends from a task other than the one that receives.
    var sender: @Sendable ([UInt8]) async throws -> Void {
        { [outbound, tls] bytes in
            try await outbound.write(ByteBuffer(bytes: tls.map { try $0.encrypt(bytes) } ?? bytes))
        }
    }

    /// Connects, runs `body` and disconnects.
    static func connect<Value: Sendable>(
        port: Int, tls: TLSClient.Files? = nil, _ body: (inout WireClient) async throws -> Value
    ) async throws -> Value {
        let session = try tls.map { try TLSClient($0) }
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var client = WireClient(inbound: inbound.makeAsyncIterator(), outbound: outbound, tls: session)
            try await client.shakeHands()
            return try await body(&client)
        }
    }

    /// Connects and upgrades, expecting a 101.
    static func open<Value: Sendable>(
        port: Int, _ path: String = "/echo", tls: TLSClient.Files? = nil,
        _ body: (inout WireClient) async throws -> Value
    ) async throws -> Value {
        try await connect(port: port, tls: tls) { client in
            try await client.request(path)
            guard let head = try await client.head(), head.hasPrefix("HTTP/1.1 101 ") else { throw NotUpgraded() }
            return try await body(&client)
        }
    }

    struct NotUpgraded: Error {}
    /// The TCP connection ended before TLS did.
    struct Truncated: Error {}

    private mutating func shakeHands() async throws {
        guard let tls else { return }
        var arrival = try tls.receive([])
        while true {
            try await outbound.write(ByteBuffer(bytes: arrival.ciphertext))
            if arrival.isEstablished { break }
            guard let next = try await inbound.next() else { throw Truncated() }
            arrival = try tls.receive(Array(next.readableBytesView))
        }
        received.writeBytes(arrival.plaintext)
    }

    // MARK: Sending

    func send(_ bytes: [UInt8]) async throws { try await sender(bytes) }

    /// Encrypts bytes and sends each byte of the ciphertext separately.
    func dribble(_ bytes: [UInt8]) async throws {
        for byte in try tls?.encrypt(bytes) ?? bytes { try await outbound.write(ByteBuffer(bytes: [byte])) }
    }

    /// Sends close_notify: nothing more will be sent.
    func goodbye() async throws { try await outbound.write(ByteBuffer(bytes: tls?.goodbye() ?? [])) }

    func request(_ path: String = "/echo", headers: [String] = Self.upgradeHeaders, method: String = "GET") async throws
    {
        let lines = ["\(method) \(path) HTTP/1.1", "Host: localhost"] + headers
        try await send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
    }

    static let upgradeHeaders = [
        "Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13",
        // The key of the example in RFC 6455 §1.3.
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]

    func send(text: String) async throws { try await send(Self.frame(0x81, Array(text.utf8))) }

    func send(_ first: UInt8, _ payload: [UInt8]) async throws { try await send(Self.frame(first, payload)) }

    /// A masked frame.
    static func frame(_ first: UInt8, _ payload: [UInt8], masked: Bool = true) -> [UInt8] {
        var bytes = [first]
        let mask: UInt8 = masked ? 0x80 : 0
        switch payload.count {
        case ..<126: bytes.append(mask | UInt8(payload.count))
        case ..<65_536: bytes += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default:
            bytes.append(mask | 127)
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(payload.count >> shift & 255)) }
        }
        guard masked else { return bytes + payload }
        let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        bytes += key
        bytes.reserveCapacity(bytes.count + payload.count)
        for (index, byte) in payload.enumerated() { bytes.append(byte ^ key[index & 3]) }
        return bytes
    }

    // MARK: Receiving

    /// Waits for more bytes; false at the end of the stream. With TLS that is the server's close_notify, and a TCP
    /// connection that ends without one throws `Truncated`.
    mutating func more() async throws -> Bool {
        guard !isOver else { return false }
        guard let tls else {
            guard var next = try await inbound.next() else { return false }
            received.writeBuffer(&next)
            return true
        }
        while true {
            guard let next = try await inbound.next() else { throw Truncated() }
            let arrival = try tls.receive(Array(next.readableBytesView))
            if !arrival.ciphertext.isEmpty { try await outbound.write(ByteBuffer(bytes: arrival.ciphertext)) }
            received.writeBytes(arrival.plaintext)
            isOver = arrival.isClosed
            if !arrival.plaintext.isEmpty { return true }
            if isOver { return false }
        }
    }

    /// Waits until the server has closed the TCP connection, and ignores everything else.
    mutating func end() async throws { while try await inbound.next() != nil {} }

    /// The next response head, including its empty line; nil if the stream ends first.
    mutating func head() async throws -> String? {
        while true {
            let text = String(decoding: received.readableBytesView, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                let head = String(text[..<end.upperBound])
                received.moveReaderIndex(forwardBy: head.utf8.count)
                return head
            }
            guard try await more() else { return nil }
        }
    }

    /// The next frame; nil if the stream ends first.
    mutating func frame() async throws -> Frame? {
        while true {
            if let frame = takeFrame() { return frame }
            guard try await more() else { return nil }
        }
    }

    /// All bytes until the stream ends.
    mutating func rest() async throws -> [UInt8] {
        while try await more() {}
        return Array(received.readableBytesView)
    }

    private mutating func takeFrame() -> Frame? {
        var bytes = received
        guard let first: UInt8 = bytes.readInteger(), let second: UInt8 = bytes.readInteger() else { return nil }
        var length = Int(second & 127)
        if length == 126 {
            guard let long: UInt16 = bytes.readInteger() else { return nil }
            length = Int(long)
        } else if length == 127 {
            guard let long: UInt64 = bytes.readInteger() else { return nil }
            length = Int(long)
        }
        if second & 128 != 0 { bytes.moveReaderIndex(forwardBy: min(4, bytes.readableBytes)) }
        guard let payload = bytes.readBytes(length: length) else { return nil }
        received = bytes
        return Frame(first: first, payload: payload, isMasked: second & 128 != 0)
    }
}
