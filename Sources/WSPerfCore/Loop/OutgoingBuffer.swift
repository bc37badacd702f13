/// Where a loop's frames are built: one buffer for all its connections, used from the start for each frame.
///
/// The payload begins at a fixed, 64-byte aligned place with the header right before it, so that masking works on
/// aligned words whatever the header's length. The buffer grows with the largest payload, and shrinks when no payload
/// has needed half of it for a while.
struct OutgoingBuffer: ~Copyable {
    static let headRoom = 64
    /// The buffer's least size, bytes.
    static let leastCapacity = 64 << 10
    /// After this many payloads the buffer shrinks to what the largest of them needed. Many, so that occasional large
    /// messages don't reallocate it each time.
    static let window = 1024

    // Invariant: `bytes` has room for headRoom + capacity + 64 bytes.
    private var bytes: UnsafeMutableRawPointer
    private(set) var capacity = Self.leastCapacity
    // While it is larger than its least size: the payloads since its capacity was last reviewed, and the largest of
    // them.
    private var used = 0
    private var largest = 0

    init() {
        bytes = .allocate(byteCount: Self.headRoom + capacity + 64, alignment: 64)
    }

    deinit { bytes.deallocate() }

    /// The place for a payload of `length` bytes; valid until the next call.
    mutating func payload(_ length: Int) -> UnsafeMutableRawPointer {
        if capacity > Self.leastCapacity || length > Self.leastCapacity { fit(length) }
        return bytes + Self.headRoom
    }

    @inline(never)
    private mutating func fit(_ length: Int) {
        if length > capacity {
            reallocate(length.roundedUp(toPowerOf2: ()))
            return
        }
        used += 1
        largest = max(largest, length)
        guard used >= Self.window else { return }
        if largest <= capacity / 2 { reallocate(max(Self.leastCapacity, largest.roundedUp(toPowerOf2: ()))) }
        (used, largest) = (0, 0)
    }

    private mutating func reallocate(_ capacity: Int) {
        bytes.deallocate()
        self.capacity = capacity
        bytes = .allocate(byteCount: Self.headRoom + capacity + 64, alignment: 64)
        (used, largest) = (0, 0)
    }
}

extension Int {
    fileprivate func roundedUp(toPowerOf2: ()) -> Int {
        self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
    }
}
