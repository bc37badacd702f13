/// Where a loop's frames are built: one buffer for all its connections, used from the start for each frame.
///
/// The payload begins at a fixed 64-byte aligned place with the header right before it, so that masking works on
/// aligned words whatever the header's length.
struct OutgoingBuffer: ~Copyable {
    static let headRoom = 64

    // Invariant: `bytes` has room for headRoom + capacity + 64 bytes.
    private var bytes: UnsafeMutableRawPointer
    private var capacity: Int

    init(capacity: Int = 64 << 10) {
        self.capacity = capacity
        bytes = .allocate(byteCount: Self.headRoom + capacity + 64, alignment: 64)
    }

    deinit { bytes.deallocate() }

    /// The place for a payload of `length` bytes; valid until the next call.
    mutating func payload(_ length: Int) -> UnsafeMutableRawPointer {
        if length > capacity {
            bytes.deallocate()
            capacity = length.roundedUp(toPowerOf2: ())
            bytes = .allocate(byteCount: Self.headRoom + capacity + 64, alignment: 64)
        }
        return bytes + Self.headRoom
    }
}

extension Int {
    fileprivate func roundedUp(toPowerOf2: ()) -> Int {
        self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
    }
}
