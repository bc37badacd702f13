import Testing
import WSPerfTestServer

@Suite(.timeLimit(.minutes(1)))
struct FaultTests {
    typealias Frame = WireClient.Frame

    /// The frames after the first reply, byte for byte.
    static let violations: [(String, Frame)] = [
        ("masked", Frame(first: 0x81, payload: [105, 103, 111, 104, 110], isMasked: true)),
        ("rsv?bits=2", Frame(first: 0xA1, payload: Array("hello".utf8))),
        ("opcode?opcode=5", Frame(first: 0x85, payload: Array("hello".utf8))),
        ("utf8", Frame(first: 0x81, payload: [0x68, 0xC0, 0xAF, 0xFF])),
        ("control?length=130", Frame(first: 0x89, payload: [UInt8](repeating: 0x70, count: 130))),
        ("fragmented-control", Frame(first: 0x09, payload: Array("hello".utf8))),
        ("continuation", Frame(first: 0x80, payload: Array("hello".utf8))),
        ("close?code=1011&reason=a%20b", Frame(first: 0x88, payload: [3, 243] + Array("a b".utf8))),
        ("close?code=0", Frame(first: 0x88, payload: [])),
        ("close?code=1006", Frame(first: 0x88, payload: [3, 238])),
    ]

    @Test(arguments: violations)
    func `a violation follows the reply to the message it waits for`(path: String, violation: Frame) async throws {
        try await served { server in
            for after in [0, 1, 3] {
                let whole = "/fault/" + path + (path.contains("?") ? "&" : "?") + "after=\(after)"
                try await WireClient.open(port: server.port, whole) { client in
                    for index in 0..<after {
                        try await client.send(text: "message \(index)")
                        #expect(try await client.frame() == .text("message \(index)"))
                    }
                    var expected = violation
                    if violation.isMasked { expected.payload = zip("hello".utf8, [1, 2, 3, 4, 1]).map { $0 ^ $1 } }
                    #expect(try await client.frame() == expected)
                }
            }
        }
    }

    @Test func `noise, and a frame that never ends`() async throws {
        try await served { server in
            try await WireClient.open(port: server.port, "/fault/garbage?after=0&length=200") { client in
                while client.unread.count < 200 { guard try await client.more() else { break } }
                #expect(client.unread.first == 0xFF)
            }
            try await WireClient.open(port: server.port, "/fault/huge-frame?after=0") { client in
                while client.unread.count < 10 { guard try await client.more() else { break } }
                #expect(client.unread == [0x82, 127, 0x40, 0, 0, 0, 0, 0, 0, 0])
            }
        }
    }

    @Test func `a server that closes waits for the answer and counts it`() async throws {
        try await served { server in
            try await WireClient.open(port: server.port, "/fault/close?after=0&code=4000") { client in
                #expect(try await client.frame()?.code == 4000)
                try await client.send(text: "too late")
                try await client.send(0x88, [0x0F, 0xA0])
                #expect(try await client.frame() == nil)
            }
            let counters = try await server.counters(within: .seconds(10)) { $0.connected == 0 }
            #expect(counters.closeCodes == [4000: 1] && counters.faults == [.close: 1] && counters.messagesSent == 0)
        }
    }

    @Test func `a connection is closed when its time is over, busy or not`() async throws {
        try await served { server in
            try await WireClient.open(port: server.port, "/fault/expire?min=50ms&max=60ms&code=4001") { client in
                try await client.send(text: "within its time")
                #expect(try await client.frame() == .text("within its time"))
                let close = try await client.frame()
                #expect(close?.code == 4001)
                try await client.send(0x88, [0x0F, 0xA1])
                #expect(try await client.frame() == nil)
            }
            // A connection that ends sooner leaves no timer that would count.
            try await WireClient.open(port: server.port, "/fault/expire?min=50ms&max=60ms") { client in
                try await client.send(0x88, [0x03, 0xE8])
                let close = try await client.frame()
                #expect(close?.code == 1000)
            }
            try await WireClient.open(port: server.port, "/fault/expire?min=200ms&max=200ms") { client in
                let close = try await client.frame()
                #expect(close?.code == 1011)
            }
            let counters = try await server.counters(within: .seconds(10)) { $0.connected == 0 }
            #expect(counters.faults == [.expire: 2])
        }
    }

    @Test func `a server that closes does not wait forever`() async throws {
        try await served {
            $0.closeTimeout = .milliseconds(50)
        } _: { server in
            try await WireClient.open(port: server.port, "/fault/close?after=0") { client in
                let close = try await client.frame()
                #expect(close?.code == 1011)
                #expect(try await client.frame() == nil)
            }
        }
    }

    @Test func `the end without a close frame, and the reset`() async throws {
        try await served { server in
            try await WireClient.open(port: server.port, "/fault/eof") { client in
                try await client.send(text: "a")
                #expect(try await client.frame() == .text("a"))
                #expect(try await client.frame() == nil)
            }
            try await WireClient.open(port: server.port, "/fault/reset?after=2") { client in
                try await client.send(text: "a")
                #expect(try await client.frame() == .text("a"))
                try await client.send(text: "b")
                await #expect(throws: (any Error).self) { while try await client.frame() != nil {} }
            }
        }
    }

    @Test func `messages are received but not answered, or not even received`() async throws {
        try await served { server in
            try await WireClient.open(port: server.port, "/fault/silent?after=1") { client in
                for text in ["a", "b", "c"] { try await client.send(text: text) }
                #expect(try await client.frame() == .text("a"))
                try await client.send(0x89, [])
                // The pong comes next, so nothing came between.
                #expect(try await client.frame()?.opcode == 10)
            }
            #expect(await server.counters().faults[.silent] == 2)
            let before = await server.counters().messagesReceived
            try await WireClient.open(port: server.port, "/fault/stall?after=1") { client in
                try await client.send(text: "a")
                #expect(try await client.frame() == .text("a"))
                try await client.send(text: "b")
                try await settled(server)
                try await settled(server)
                // "a" and one of each `settled`.
                #expect(await server.counters().messagesReceived == before + 3)
            }
        }
    }

    static let replies: [(String, [String])] = [
        ("lose?nth=2", ["0", "2"]),
        ("twice", ["0", "0", "1", "1", "2", "2", "3", "3"]),
        ("twice?after=2", ["0", "1", "2", "2", "3", "3"]),
        ("reorder", ["1", "0", "3", "2"]),
        ("reorder?window=4", ["3", "2", "1", "0"]),
        ("late?by=5ms", ["0", "1", "2", "3"]),
        ("late/reorder?by=5ms&window=3", ["2", "1", "0"]),
        ("resize?length=3", ["000", "000", "000", "000"]),
        ("corrupt?after=1", ["0", "0", "3", "2"]),
        ("flood?after=1&count=2&length=1", ["0", "1", "2", "3", "0", "0"]),
    ]

    @Test(arguments: replies)
    func `replies that go astray`(path: String, expected: [String]) async throws {
        try await served { server in
            try await WireClient.open(port: server.port, "/fault/" + path) { client in
                // In one segment, so that they are read at once.
                try await client.send((0..<4).flatMap { WireClient.frame(0x81, Array("\($0)".utf8)) })
                var texts: [String] = []
                while texts.count < expected.count, let frame = try await client.frame() { texts.append(frame.text) }
                #expect(texts == expected)
                try await client.send(0x89, [])
                #expect(try await client.frame()?.opcode == 10)
            }
        }
    }

    @Test func `a late reply is not early`() async throws {
        try await served { server in
            try await WireClient.open(port: server.port, "/fault/late?by=40ms") { client in
                let start = ContinuousClock.now
                try await client.send(text: "a")
                #expect(try await client.frame() == .text("a"))
                #expect(ContinuousClock.now - start >= .milliseconds(40))
            }
        }
    }

    @Test func `replies in pieces, with pings between`() async throws {
        try await served { server in
            try await WireClient.open(port: server.port, "/fault/fragment?parts=3") { client in
                try await client.send(text: "abcdefgh")
                #expect(try await client.frame() == Frame(first: 0x01, payload: Array("ab".utf8)))
                #expect(try await client.frame() == Frame(first: 0x00, payload: Array("cd".utf8)))
                #expect(try await client.frame() == Frame(first: 0x80, payload: Array("efgh".utf8)))
            }
            try await WireClient.open(port: server.port, "/fault/interleave?parts=2") { client in
                try await client.send(0x82, [1, 2])
                #expect(try await client.frame() == Frame(first: 0x02, payload: [1]))
                #expect(try await client.frame()?.opcode == 9)
                #expect(try await client.frame() == Frame(first: 0x80, payload: [2]))
                try await client.send(0x8A, Array("between".utf8))
            }
            #expect(try await server.counters(within: .seconds(10)) { $0.connected == 0 }.pongsReceived == 1)
        }
    }

    @Test func `a flood goes on while the client reads it`() async throws {
        try await served { server in
            try await WireClient.open(port: server.port, "/fault/flood?after=0&length=1000") { client in
                for _ in 0..<5000 {
                    let frame = try await client.frame()
                    #expect(frame?.payload.count == 1000)
                }
            }
            // It ends with the connection.
            _ = try await server.counters(within: .seconds(10)) { $0.connected == 0 }
        }
    }

    @Test func `a close that is not answered, or is but the connection stays`() async throws {
        try await served { server in
            try await WireClient.open(port: server.port, "/fault/no-close") { client in
                try await client.send(0x88, [3, 232])
                _ = try await server.counters(within: .seconds(10)) { $0.faults[.noClose] == 1 }
                try await settled(server)
                #expect(client.unread.count == 0)
            }
            try await WireClient.open(port: server.port, "/fault/no-fin") { client in
                try await client.send(0x88, [3, 232])
                #expect(try await client.frame()?.code == 1000)
                try await settled(server)
                #expect(await server.counters().connected >= 1)
            }
            #expect(try await server.counters(within: .seconds(10)) { $0.connected == 0 }.closeCodes[1000] == 2)
        }
    }

    @Test func `messages and pings come unasked`() async throws {
        try await served { server in
            try await WireClient.open(port: server.port, "/push?every=1ms&length=5&count=3") { client in
                for _ in 0..<3 { #expect(try await client.frame() == .text("00000")) }
                try await client.send(text: "echo")
                #expect(try await client.frame() == .text("echo"))
            }
            try await WireClient.open(port: server.port, "/fault/ping?every=1ms&length=4") { client in
                for _ in 0..<3 {
                    let ping = try await client.frame()
                    #expect(ping == Frame(first: 0x89, payload: Array("pppp".utf8)))
                }
            }
            let counters = try await server.counters(within: .seconds(10)) { $0.connected == 0 }
            #expect(counters.faults[.push] == 3 && counters.pingsSent >= 3)
        }
    }

    @Test func `a broadcast reaches everyone in the room, on every loop`() async throws {
        try await served {
            $0.threads = 2
        } _: { server in
            try await withThrowingTaskGroup(of: [String].self) { group in
                for index in 0..<6 {
                    group.addTask {
                        try await WireClient.open(port: server.port, "/broadcast?room=\(index % 2)") { client in
                            _ = try await server.counters(within: .seconds(20)) { $0.upgraded == 6 }
                            try await client.send(text: "\(index)")
                            var texts: [String] = []
                            while texts.count < 3, let frame = try await client.frame() { texts.append(frame.text) }
                            return texts.sorted()
                        }
                    }
                }
                var all: [[String]] = []
                for try await texts in group { all.append(texts) }
                #expect(all.count == 6)
                #expect(all.filter { $0 == ["0", "2", "4"] }.count == 3)
                #expect(all.filter { $0 == ["1", "3", "5"] }.count == 3)
            }
        }
    }
}
