internal import CLinux

extension Benchmark {
    static func all() throws -> [Benchmark] {
        let lengths = [("20B", 20), ("240B", 240), ("1KiB", 1024), ("16KiB", 16384)]
        return lengths.map { encode($0, $1) } + lengths.map { decode($0, $1, .text) }
            + lengths.map { decode($0, $1, .binary) }
            + lengths.map { mask($0, $1) }
            + [
                scheduler("periodic", PeriodicScheduler(every: .milliseconds(250))),
                scheduler("randomized-exponential", RandomizedScheduler(.exponential(mean: .seconds(60)))),
                scheduler("randomized-uniform", RandomizedScheduler(.uniform(min: .seconds(1), max: .seconds(3)))),
                scheduler("replay", ReplayScheduler(try log(), connection: 0, loops: true)),
            ]
            + lengths.map { fill($0, $1, .text) } + lengths.map { fill($0, $1, .binary) }
            + [record("record-spread", spread: 1 << 20), record("record-near", spread: 1 << 10)]
    }

    /// Builds a frame in place around a payload, with a new key.
    private static func encode(_ label: String, _ length: Int) -> Benchmark {
        Benchmark(name: "encode-\(label)") { count in
            var outgoing = OutgoingBuffer()
            let payload = outgoing.payload(length)
            payload.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "x"), count: length)
            var keys = SeededGenerator(seed: 1, stream: 2)
            for _ in 0..<count {
                let key = UInt32(truncatingIfNeeded: keys.next())
                use(FrameEncoder.frame(.text, payload: payload, length: length, key: key))
            }
        }
    }

    /// Parses a server's frame that arrives complete, as nearly all do. Validates text.
    private static func decode(_ label: String, _ length: Int, _ kind: MessageKind) -> Benchmark {
        Benchmark(name: "decode-\(kind)-\(label)") { count in
            var frame: [UInt8] = [0x80 | kind.rawValue]
            frame += length < 126 ? [UInt8(length)] : [126, UInt8(length >> 8), UInt8(length & 0xff)]
            frame += [UInt8](repeating: UInt8(ascii: "x"), count: length)
            var parser = FrameParser(maxMessageSize: 1 << 24)
            frame.withUnsafeBytes { bytes in
                let start = bytes.baseAddress.unsafelyUnwrapped
                for _ in 0..<count {
                    var cursor = start
                    guard case .message(_, length, _) = parser.next(&cursor, start + bytes.count) else {
                        fatalError("the parser did not find the message")
                    }
                }
            }
        }
    }

    private static func mask(_ label: String, _ length: Int) -> Benchmark {
        Benchmark(name: "mask-\(label)") { count in
            var outgoing = OutgoingBuffer()
            let payload = outgoing.payload(length)
            payload.initializeMemory(as: UInt8.self, repeating: 0, count: length)
            for index in 0..<count {
                clinux_mask(payload, length, UInt32(truncatingIfNeeded: index))
                use(payload)
            }
        }
    }

    /// Calculates the time of the next message.
    private static func scheduler<Scheduler: MessageScheduler>(_ label: String, _ scheduler: Scheduler) -> Benchmark {
        Benchmark(name: "schedule-\(label)") { count in
            var scheduler = scheduler
            var random = SeededGenerator(seed: 1, stream: 3)
            for _ in 0..<count { use(scheduler.next(using: &random)) }
        }
    }

    private static func log() throws -> ReplayLog {
        let lines = (0..<1000).map { #"{"t_us": \#($0 * 1000), "len": \#(1 + $0 % 500)}"# }
        return try ReplayLog(parsing: Array(lines.joined(separator: "\n").utf8), name: "made up")
    }

    private static func fill(_ label: String, _ length: Int, _ kind: MessageKind) -> Benchmark {
        Benchmark(name: "fill-random-\(kind)-\(label)") { count in
            var outgoing = OutgoingBuffer()
            let place = outgoing.payload(length)
            let payload = RandomPayload(format: kind, length: .fixed(length))
            var random = SeededGenerator(seed: 1, stream: 4)
            for index in 0..<count {
                let context = MessageContext(connection: 0, index: index, scheduled: ScheduledMessage(offset: 0))
                OutputFilling.fill(place, length) { span in
                    _ = PayloadFilling.fill(&span, wanted: length, length: length) {
                        payload.fill(&$0, for: context, using: &random)
                    } finish: { _ in
                    }
                }
                use(place)
            }
        }
    }

    /// Records values from 100 µs, like round-trip times, up to `spread` nanoseconds apart.
    private static func record(_ name: String, spread: UInt64) -> Benchmark {
        Benchmark(name: name) { count in
            var histogram = Histogram()
            var random = SeededGenerator(seed: 1, stream: 5)
            histogram.record(1 << 22)
            for _ in 0..<count { histogram.record(100_000 &+ random.next() & (spread - 1)) }
            use(histogram)
        }
    }
}
