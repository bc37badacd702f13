/// What a socket did not take yet: a buffer that exists only while a write would block.
struct UnwrittenBytes {
    // Invariant: `bytes` has `capacity` bytes, of which offset ..< end are to be written. Freed by its one owner.
    private var bytes: UnsafeMutableRawPointer
    private var capacity: Int
    private var offset = 0
    private var end = 0
    /// Control frames added since.
    var controls = 0

    init() {
        capacity = 512
        bytes = .allocate(byteCount: capacity, alignment: 16)
    }

    var start: UnsafeRawPointer { UnsafeRawPointer(bytes + offset) }
    var count: Int { end - offset }

    mutating func append(_ source: UnsafeRawBufferPointer) {
        guard let base = source.baseAddress else { return }
        if end + source.count > capacity {
            capacity = max(capacity * 2, count + source.count)
            let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
            larger.copyMemory(from: start, byteCount: count)
            bytes.deallocate()
            (bytes, offset, end) = (larger, 0, count)
        }
        (bytes + end).copyMemory(from: base, byteCount: source.count)
        end += source.count
    }

    mutating func drop(_ taken: Int) { offset += taken }

    func free() { bytes.deallocate() }
}
