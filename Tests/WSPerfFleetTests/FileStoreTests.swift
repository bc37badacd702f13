import Foundation
import Synchronization
import Testing
import WSPerfCore

@testable import WSPerfFleet

/// A listener's files on a real disk, and the controller's.
@Suite struct FileStoreTests {
    /// Collects events; `next` waits for one.
    private final class Events: Sendable {
        private let stream: AsyncStream<FileIntake.Event>
        let put: @Sendable (FileIntake.Event) -> Void

        init() {
            let (stream, continuation) = AsyncStream.makeStream(of: FileIntake.Event.self)
            self.stream = stream
            put = { continuation.yield($0) }
        }

        func next() async -> FileIntake.Event? { await stream.first { _ in true } }
    }

    private func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wsperf-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try await body(folder)
    }

    private func reference(_ bytes: [UInt8]) -> FileReference {
        let digest = FileDigest()
        digest.update(bytes)
        return FileReference(name: "log", sha256: digest.finish(), size: bytes.count)
    }

    @Test func theDigestIsSHA256() {
        // FIPS 180-4's example.
        #expect(
            reference(Array("abc".utf8)).sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func aFileIsWrittenVerifiedAndReadOnly() async throws {
        try await withFolder { folder in
            let bytes = (0..<FleetLimits.chunk + 100).map { UInt8(truncatingIfNeeded: $0 / 7) }
            let file = reference(bytes)
            let events = Events()
            let store = FileStore(folder: folder, events.put)
            for chunk in [1, 0] {
                store.write(Array(bytes[file.range(of: chunk)]), to: file, chunk: chunk)
                #expect(await events.next() == .stored(sha256: file.sha256, chunk: chunk))
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty, "it has no name")
            store.verify(file)
            #expect(await events.next() == .ready(sha256: file.sha256))
            let descriptor = try #require(store.descriptor(file.sha256))
            #expect(FileDigest.read(descriptor, 0..<bytes.count) == bytes)
            #expect(write(descriptor, bytes, 1) == -1)
            var plan = Plan(target: try Target("ws://h/"))
            plan.fileLocations = ["log": "/proc/self/fd/\(descriptor)"]
            #expect(try plan.contents(ofFile: "log") == bytes)
            store.drop(file.sha256)
            store.verify(reference([]))
            #expect(await events.next() == .ready(sha256: reference([]).sha256))
            #expect(store.descriptor(file.sha256) == nil)
        }
    }

    @Test func aDamagedFileIsDropped() async throws {
        try await withFolder { folder in
            let file = reference([1, 2, 3])
            let events = Events()
            let store = FileStore(folder: folder, events.put)
            for bytes: [UInt8] in [[1, 2, 4], [1, 2, 3]] {
                store.write(bytes, to: file, chunk: 0)
                _ = await events.next()
                store.verify(file)
                #expect(
                    await events.next()
                        == (bytes == [1, 2, 3] ? .ready(sha256: file.sha256) : .damaged(sha256: file.sha256)))
            }
        }
    }

    @Test func aFolderThatIsNotThereIsAReason() async {
        let events = Events()
        let store = FileStore(folder: "/nowhere", events.put)
        store.write([1], to: reference([1]), chunk: 0)
        #expect(await events.next() == .failed(sha256: reference([1]).sha256, reason: "No such file or directory"))
    }

    // MARK: The controller's files

    private func chunk(_ files: OutgoingFiles, _ file: FileReference) async -> Result<[UInt8], FleetError> {
        await withCheckedContinuation { continuation in
            files.read(0..<1, of: file, for: "l") { _, result in continuation.resume(returning: result) }
        }
    }

    @Test func theControllerReadsWhatItHasDigested() async throws {
        try await withFolder { folder in
            let path = folder + "/log.jsonl"
            try "old".write(toFile: path, atomically: false, encoding: .utf8)
            let plan = Plan(target: try Target("ws://h/"))
            let files = OutgoingFiles()
            let file = try files.add(path, of: plan)
            #expect(file == FileReference(name: "log.jsonl", sha256: reference(Array("old".utf8)).sha256, size: 3))
            #expect(try await chunk(files, file).get() == Array("old".utf8))
            // Another file in its place doesn't matter, because the first one is open.
            try "new!".write(toFile: path, atomically: true, encoding: .utf8)
            #expect(try await chunk(files, file).get() == Array("old".utf8))
            // A later run gets the new one.
            let second = try files.add(path, of: plan)
            #expect(second.size == 4)
            // A change of the contents is an error.
            let handle = try #require(FileHandle(forWritingAtPath: path))
            try handle.seekToEnd()
            try handle.write(contentsOf: Data("more".utf8))
            try handle.close()
            await #expect { try await chunk(files, second).get() } throws: {
                "\($0)" == "log.jsonl has changed since the plan was accepted"
            }
        }
    }

    @Test func attachedContentsAreSentToo() async throws {
        var plan = Plan(target: try Target("ws://h/"))
        plan.attachments = ["x/log": [1, 2, 3]]
        let files = OutgoingFiles()
        let file = try files.add("x/log", of: plan)
        #expect(file == FileReference(name: "log", sha256: reference([1, 2, 3]).sha256, size: 3))
        #expect(try await chunk(files, file).get() == [1, 2, 3])
    }
}
