/// Bytes that a socket did not take yet: a buffer that exists only while a write would block.
///
/// It has room for one pong after everything else, because only the last of several pings must be answered (RFC 6455
/// §5.5.3).
struct UnwrittenBytes {
    /// Spare room beyond the buffer's first bytes, so that it does not have to grow: a ping (14 bytes at most), a pong
    /// and a close frame (131 bytes each).
    private static let controlRoom = 512
    /// One byte with the length of the waiting pong plus 1, or 0; then the pong's payload.
    private static let pongRoom = 128

    // Invariant: `bytes` has pongRoom + capacity bytes. After the pong's bytes, those at offset ..< end are still
    // unwritten. Freed by its one owner.
    private var bytes: UnsafeMutableRawPointer
    private var capacity: Int
    private var offset = 0
    private var end: Int

    init(_ source: UnsafeRawBufferPointer) {
        capacity = source.count + Self.controlRoom
        bytes = .allocate(byteCount: Self.pongRoom + capacity, alignment: 16)
        bytes.storeBytes(of: 0, as: UInt8.self)
        end = source.count
        if let base = source.baseAddress { (bytes + Self.pongRoom).copyMemory(from: base, byteCount: source.count) }
    }

    func free() { bytes.deallocate() }

    /// The memory it uses, bytes.
    var size: Int { Self.pongRoom + capacity }

    var start: UnsafeRawPointer { UnsafeRawPointer(bytes + Self.pongRoom + offset) }
    var count: Int { end - offset }

    mutating func append(_ source: UnsafeRawBufferPointer) {
        guard let base = source.baseAddress else { return }
        let count = count
        if end + source.count > capacity {
            let front = bytes
            if count + source.count > capacity {
                capacity = count + source.count + Self.controlRoom
                bytes = .allocate(byteCount: Self.pongRoom + capacity, alignment: 16)
                bytes.copyMemory(from: front, byteCount: Self.pongRoom)
            }
            (bytes + Self.pongRoom).copyMemory(from: front + Self.pongRoom + offset, byteCount: count)
            if front != bytes { front.deallocate() }
            (offset, end) = (0, count)
        }
        (bytes + Self.pongRoom + end).copyMemory(from: base, byteCount: source.count)
        end += source.count
    }

    mutating func drop(_ taken: Int) { offset += taken }

    /// The payload of the pong that waits after everything else; valid until `free`, or until another replaces it.
    var pong: UnsafeRawBufferPointer? {
        let length = Int(bytes.load(as: UInt8.self))
        return length == 0 ? nil : UnsafeRawBufferPointer(start: bytes + 1, count: length - 1)
    }

    /// Replaces the waiting pong, if there is one; nil removes it.
    func wait(with pong: UnsafeRawBufferPointer?) {
        guard let pong, pong.count < Self.pongRoom else { return bytes.storeBytes(of: 0, as: UInt8.self) }
        bytes.storeBytes(of: UInt8(pong.count + 1), as: UInt8.self)
        if let base = pong.baseAddress { (bytes + 1).copyMemory(from: base, byteCount: pong.count) }
    }
}
