import Testing

@testable import WSPerfCore

@Suite struct PayloadBufferTests {
    /// Bytes that are not in one piece of memory.
    private struct Scattered: Sequence {
        let bytes: [UInt8]
        func makeIterator() -> some IteratorProtocol<UInt8> { bytes.lazy.map { $0 }.makeIterator() }
        func withContiguousStorageIfAvailable<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R? {
            nil
        }
    }

    enum Way: CaseIterable { case byte, array, sequence, span, buffer, free }

    private func append(_ bytes: [UInt8], to payload: inout PayloadBuffer, _ way: Way) {
        switch way {
        case .byte: for byte in bytes { payload.append(byte) }
        case .array: payload.append(contentsOf: bytes)
        case .sequence: payload.append(contentsOf: Scattered(bytes: bytes))
        case .span: payload.append(contentsOf: bytes.span.bytes)
        case .buffer: bytes.withUnsafeBytes { payload.append(contentsOf: $0) }
        case .free:
            payload.withUnsafeFreeBytes { free in
                free.copyBytes(from: bytes.prefix(free.count))
                return bytes.count
            }
        }
    }

    /// What does not fit is dropped, and counted.
    @Test(arguments: Way.allCases, [0, 1, 7, 8, 9, 100])
    func keepsWhatFits(way: Way, offered: Int) {
        let bytes = (0..<offered).map { UInt8($0) }
        let written = filled(8) { payload in
            #expect(payload.capacity == 8)
            append(bytes, to: &payload, way)
            #expect(payload.offered == offered)
            #expect(payload.count == min(offered, 8))
            #expect(payload.freeCapacity == max(0, 8 - offered))
        }
        #expect(written == Array(bytes.prefix(8)))
    }

    @Test(arguments: Way.allCases)
    func goesOnWhereItWas(way: Way) {
        let written = filled(8) { payload in
            append([1, 2, 3], to: &payload, way)
            append([], to: &payload, way)
            append([4], to: &payload, way)
            append([5, 6, 7, 8, 9, 10], to: &payload, way)
            append([11], to: &payload, way)
            #expect(payload.offered == 11)
        }
        #expect(written == [1, 2, 3, 4, 5, 6, 7, 8])
    }

    @Test(arguments: Way.allCases)
    func withoutRoom(way: Way) {
        var payload = PayloadBuffer(UnsafeMutableRawBufferPointer(start: nil, count: 0))
        append([1], to: &payload, way)
        payload.pad()
        #expect(payload.offered == 1)
        #expect(payload.count == 0)
    }

    @Test func padding() {
        #expect(filled(4) { $0.pad() } == Array("0000".utf8))
        let written = filled(4) { payload in
            payload.append(1)
            payload.pad(with: 9)
            #expect(payload.offered == 4)
            payload.pad()
            #expect(payload.offered == 4)
        }
        #expect(written == [1, 9, 9, 9])
    }

    /// Counts that no generator can mean neither trap nor let anything be written out of place.
    @Test(arguments: [Int.min, -1, Int.max])
    func absurdCounts(count: Int) {
        let written = filled(4) { payload in
            for _ in 0..<3 { payload.withUnsafeFreeBytes { _ in count } }
            payload.append(7)
            #expect(count < 0 ? payload.offered == 1 : payload.offered > 4)
        }
        if count < 0 { #expect(written == [7]) }
    }

    @Test func passesErrorsOn() {
        struct Failure: Error {}
        _ = filled(4) { payload in
            #expect(throws: Failure.self) { try payload.withUnsafeFreeBytes { _ throws(Failure) in throw Failure() } }
            #expect(payload.offered == 0)
        }
    }
}
