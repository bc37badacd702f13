import Testing
import WSPerfCore

@testable import WSPerfFleet

@Suite struct FileFetcherTests {
    private static let sha256 = String(repeating: "a", count: 64)

    private func at(_ seconds: Double) -> FleetInstant { FleetInstant(nanoseconds: Int64((seconds * 1e9).rounded())) }

    private func file(chunks: Int, last: Int = FleetLimits.chunk) -> FileReference {
        FileReference(name: "log", sha256: Self.sha256, size: (chunks - 1) * FleetLimits.chunk + last)
    }

    @Test func chunksOfAFile() {
        #expect(FileReference(name: "", sha256: Self.sha256, size: 0).chunks == 0)
        #expect(file(chunks: 1, last: 1).chunks == 1)
        #expect(file(chunks: 3).chunks == 3)
        #expect(file(chunks: 3, last: 5).range(of: 2) == 2 * FleetLimits.chunk..<2 * FleetLimits.chunk + 5)
        #expect(!FileReference(name: "", sha256: "A" + Self.sha256.dropFirst(), size: 0).isValid)
        #expect(!FileReference(name: "", sha256: Self.sha256, size: -1).isValid)
        #expect(!FileReference(name: "", sha256: Self.sha256, size: FleetLimits.file + 1).isValid)
    }

    private func requests(_ fetcher: inout FileFetcher, _ seconds: Double) -> [Range<Int>] {
        fetcher.requests(now: at(seconds))
    }

    private func arrives(_ chunk: Int, _ fetcher: inout FileFetcher, bytes: Int = FleetLimits.chunk) -> Bool {
        fetcher.arrived(chunk, bytes: bytes)
    }

    @Test func asksForOneChunkFirstAndForMoreWhileTheyComeQuickly() {
        var fetcher = FileFetcher(file(chunks: 100))
        #expect(fetcher.nextDeadline == FleetInstant(nanoseconds: .min))
        #expect(requests(&fetcher, 0) == [0..<1])
        #expect(requests(&fetcher, 0) == [])
        #expect(arrives(0, &fetcher))
        #expect(!arrives(0, &fetcher), "it is being written")
        #expect(fetcher.nextDeadline == nil, "the disk has no deadline")
        fetcher.stored(0, now: at(0.01))
        #expect(requests(&fetcher, 0.01) == [1..<3])
        for chunk in 1..<3 {
            #expect(arrives(chunk, &fetcher))
            fetcher.stored(chunk, now: at(0.02))
        }
        #expect(requests(&fetcher, 0.02) == [3..<7])
        #expect(fetcher.stored == 3 && fetcher.underWay == 4)
    }

    @Test func whatDoesNotFitIsNotTaken() {
        var fetcher = FileFetcher(file(chunks: 2, last: 5))
        _ = fetcher.requests(now: at(0))
        #expect(!arrives(0, &fetcher, bytes: 5))
        #expect(!arrives(2, &fetcher, bytes: 5))
        #expect(!arrives(-1, &fetcher, bytes: 5))
        #expect(arrives(1, &fetcher, bytes: 5), "it may come before it is asked for")
        fetcher.stored(1, now: at(0.1))
        fetcher.stored(0, now: at(0.1))
        #expect(fetcher.stored == 1, "it has not arrived")
        #expect(!arrives(1, &fetcher, bytes: 5))
    }

    @Test func whatIsLateIsAskedForAgain() {
        var fetcher = FileFetcher(file(chunks: 2))
        #expect(requests(&fetcher, 0) == [0..<1])
        let deadline = fetcher.nextDeadline
        #expect(deadline == at(0) + FleetLimits.chunkPatience)
        #expect(requests(&fetcher, 1.9) == [])
        #expect(requests(&fetcher, 2) == [0..<1])
        #expect(arrives(0, &fetcher))
        fetcher.stored(0, now: at(2.1))
        #expect(requests(&fetcher, 2.1) == [1..<2])
    }

    /// A link of so many bytes per second with a delay, some of whose chunks are lost. The file arrives, the link is used,
    /// and a beacon that queues behind the chunks is never late.
    @Test(
        arguments: [
            (rate: 50_000, delay: 0.001, loss: 0.0), (1_000_000, 0.05, 0.0), (20_000_000, 0.0002, 0.0),
            (100_000_000, 0.001, 0.0), (20_000_000, 0.05, 0.02), (1_000_000, 0.001, 0.2),
        ] as [(rate: Double, delay: Double, loss: Double)])
    func theWindowFitsTheLink(rate: Double, delay: Double, loss: Double) {
        var random = TestRandom(seed: 3)
        let chunks = max(20, Int(rate * 10) / FleetLimits.chunk)
        var fetcher = FileFetcher(file(chunks: chunks))
        var now = 0.0
        /// When the link is free again.
        var free = 0.0
        var arrivals: [(at: Double, chunk: Int)] = []
        var worstQueue = 0.0
        var sent = 0
        while !fetcher.isComplete, now < 1000 {
            for range in fetcher.requests(now: at(now)) {
                for chunk in range {
                    sent += 1
                    free = max(free, now + delay) + Double(FleetLimits.chunk) / rate
                    if !random.chance(loss) { arrivals.append((free + delay, chunk)) }
                }
            }
            worstQueue = max(worstQueue, free - now)
            let deadline = fetcher.nextDeadline.map { Double($0.nanoseconds) / 1e9 } ?? .infinity
            guard let next = [arrivals.first?.at ?? .infinity, deadline].min(), next.isFinite else { break }
            now = max(now, next)
            while let first = arrivals.first, first.at <= now {
                arrivals.removeFirst()
                if fetcher.arrived(first.chunk, bytes: FleetLimits.chunk) { fetcher.stored(first.chunk, now: at(now)) }
            }
        }
        #expect(fetcher.isComplete)
        #expect(worstQueue < max(1.5, 2.5 * Double(FleetLimits.chunk) / rate), "a beacon waits \(worstQueue) s")
        let ideal = Double(chunks * FleetLimits.chunk) / rate
        if loss == 0 {
            #expect(now < ideal * 1.3 + 20 * delay + 0.5, "it took \(now) s instead of \(ideal)")
            #expect(sent == chunks, "nothing is sent twice")
        }
    }
}

@Suite struct FileIntakeTests {
    private func at(_ seconds: Double) -> FleetInstant { FleetInstant(nanoseconds: Int64(seconds * 1e9)) }
    private let a = FileReference(name: "a", sha256: String(repeating: "a", count: 64), size: FleetLimits.chunk + 1)
    private let b = FileReference(name: "b", sha256: String(repeating: "b", count: 64), size: 3)
    private let empty = FileReference(name: "e", sha256: String(repeating: "e", count: 64), size: 0)

    private func fetch(_ file: FileReference, _ first: Int, _ count: Int, stored: Int) -> FileIntake.Action {
        .send(PeerMessage.Fetch(file: file.sha256, first: first, count: count, stored: stored))
    }

    private func tick(_ intake: inout FileIntake, isConnected: Bool = true, _ now: FleetInstant) -> [FileIntake.Action]
    {
        intake.tick(isConnected: isConnected, now: now)
    }

    /// Gets what is asked for until nothing more is.
    private func serve(_ intake: inout FileIntake, now: FleetInstant, damaging: Set<String> = []) -> [FileIntake.Action]
    {
        var all: [FileIntake.Action] = []
        for _ in 0..<100 {
            let actions = intake.tick(isConnected: true, now: now)
            if actions.isEmpty { break }
            all += actions
            for action in actions {
                switch action {
                case .send(let fetch):
                    for chunk in fetch.first..<fetch.first + fetch.count {
                        let file = [a, b, empty].first { $0.sha256 == fetch.file } ?? a
                        intake.chunk(
                            Command.Chunk(file: fetch.file, number: chunk),
                            bytes: [UInt8](repeating: 0, count: file.range(of: chunk).count))
                    }
                case .store(let file, let chunk, _):
                    intake.handle(.stored(sha256: file.sha256, chunk: chunk), now: now)
                case .verify(let file):
                    intake.handle(
                        damaging.contains(file.sha256) ? .damaged(sha256: file.sha256) : .ready(sha256: file.sha256),
                        now: now)
                case .drop: break
                }
            }
        }
        return all
    }

    @Test func filesComeOneAfterAnother() {
        var intake = FileIntake()
        #expect(intake.areReady && intake.nextDeadline(isConnected: true) == nil)
        intake.want([a, empty, b], now: at(0))
        #expect(!intake.areReady)
        #expect(intake.nextDeadline(isConnected: false) == nil)
        #expect(tick(&intake, isConnected: false, at(0)) == [])
        let actions = serve(&intake, now: at(0))
        #expect(intake.areReady && intake.failure == nil)
        #expect(actions.first == fetch(a, 0, 1, stored: 0))
        #expect(actions.contains(fetch(a, 0, 0, stored: 2)), "the controller learns that it has all")
        #expect(
            actions.compactMap { if case .verify(let file) = $0 { file } else { nil } } == [a, empty, b])
        #expect(intake.nextDeadline(isConnected: true) == nil)
    }

    /// The digest of a large file takes seconds. The listener must not wake up again and again meanwhile.
    @Test func verifyingIsWaitedFor() {
        var intake = FileIntake()
        intake.want([b], now: at(0))
        _ = tick(&intake, at(0))
        intake.chunk(Command.Chunk(file: b.sha256, number: 0), bytes: [1, 2, 3])
        _ = tick(&intake, at(0))
        intake.handle(.stored(sha256: b.sha256, chunk: 0), now: at(0))
        let actions = tick(&intake, at(0))
        #expect(actions == [fetch(b, 0, 0, stored: 1), .verify(b)])
        #expect(intake.nextDeadline(isConnected: true) == nil)
    }

    @Test func whatIsThereIsNotAskedForAgain() {
        var intake = FileIntake()
        intake.want([a], now: at(0))
        _ = serve(&intake, now: at(0))
        intake.want([], now: at(1))
        intake.want([a], now: at(100))
        #expect(intake.areReady)
        #expect(tick(&intake, isConnected: true, at(100)) == [])
        intake.want([], now: at(101))
        #expect(intake.nextDeadline(isConnected: false) == at(101) + FleetLimits.fileKept)
        #expect(tick(&intake, isConnected: false, at(101) + FleetLimits.fileKept) == [.drop(sha256: a.sha256)])
    }

    @Test func aDamagedFileComesAgainAFewTimes() {
        var intake = FileIntake()
        intake.want([b], now: at(0))
        let actions = serve(&intake, now: at(0), damaging: [b.sha256])
        #expect(actions.count { if case .verify = $0 { true } else { false } } == FleetLimits.fetchAttempts)
        #expect(intake.failure == "b arrived damaged 3 times: it may change while it is sent")
        #expect(intake.nextDeadline(isConnected: true) == nil)
        // The next run tries again.
        intake.want([], now: at(1))
        intake.want([b], now: at(2))
        _ = serve(&intake, now: at(2))
        #expect(intake.areReady && intake.failure == nil)
    }

    @Test func aFullDiskIsAReason() {
        var intake = FileIntake()
        intake.want([a], now: at(0))
        _ = intake.tick(isConnected: true, now: at(0))
        intake.handle(.failed(sha256: a.sha256, reason: "No space left on device"), now: at(0))
        #expect(intake.failure == "cannot store a (65537 bytes): No space left on device")
        #expect(tick(&intake, isConnected: true, at(0)) == [.drop(sha256: a.sha256)])
    }

    /// What was begun for a run that is over is dropped, and late answers have no effect.
    @Test func anUnfinishedFileIsDropped() {
        var intake = FileIntake()
        intake.want([a], now: at(0))
        _ = intake.tick(isConnected: true, now: at(0))
        intake.want([b], now: at(1))
        intake.chunk(Command.Chunk(file: a.sha256, number: 0), bytes: [UInt8](repeating: 0, count: FleetLimits.chunk))
        intake.handle(.failed(sha256: a.sha256, reason: "late"), now: at(1))
        let actions = serve(&intake, now: at(1))
        #expect(actions.first == .drop(sha256: a.sha256))
        #expect(intake.areReady && intake.failure == nil)
    }

    @Test func onlySomeFilesAreKept() {
        var intake = FileIntake()
        let files = (0..<FleetLimits.filesKept + 3).map { number in
            let digits = String(number, radix: 16)
            return FileReference(
                name: "f", sha256: String(repeating: "0", count: 64 - digits.utf8.count) + digits, size: 0)
        }
        for (second, file) in files.enumerated() {
            intake.want([file], now: at(Double(second)))
            _ = serve(&intake, now: at(Double(second)))
        }
        intake.want([], now: at(100))
        let dropped = intake.tick(isConnected: true, now: at(100))
        // The two oldest went before.
        #expect(dropped == [.drop(sha256: files[2].sha256)])
        #expect(intake.areReady)
    }
}
