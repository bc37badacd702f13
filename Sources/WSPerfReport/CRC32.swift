internal import CZlib

/// The CRC-32 of Ethernet, gzip and PNG (polynomial 0xEDB88320, reflected), by zlib.
enum CRC32 {
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        UInt32(truncatingIfNeeded: bytes.withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, $0.count) })
    }
}
