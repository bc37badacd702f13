import Testing

@testable import WSPerfCore

@Suite struct FrameEncoderTests {
    @Test(arguments: [0, 1, 3, 4, 5, 31, 32, 33, 63, 125, 126, 127, 240, 65_535, 65_536, 70_001])
    func frames(length: Int) throws {
        var buffer = OutgoingBuffer()
        let payload = buffer.payload(length)
        for index in 0..<length {
            payload.storeBytes(of: UInt8(truncatingIfNeeded: index &* 7), toByteOffset: index, as: UInt8.self)
        }
        let key: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        let frame = Array(
            FrameEncoder.frame(
                .binary, payload: payload, length: length,
                key: key.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }))

        #expect(frame[0] == 0x82)
        let header: Int
        switch length {
        case ..<126:
            header = 2
            #expect(frame[1] == 0x80 | UInt8(length))
        case ..<65_536:
            header = 4
            #expect(Array(frame[1..<4]) == [0xFE, UInt8(length >> 8), UInt8(length & 255)])
        default:
            header = 10
            #expect(Array(frame[1..<10]) == [0xFF, 0, 0, 0, 0] + [24, 16, 8, 0].map { UInt8(length >> $0 & 255) })
        }
        #expect(Array(frame[header..<header + 4]) == key)
        let body = frame[(header + 4)...]
        #expect(body.count == length)
        let unmasked = zip(body, 0...).map { $0 ^ key[$1 % 4] }
        #expect(unmasked == (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    }
}
