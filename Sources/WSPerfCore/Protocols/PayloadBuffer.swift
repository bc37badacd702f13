/// The memory into which a payload generator writes one message. It has exactly the message's length.
///
/// Writing beyond the end is safe: bytes that do not fit are dropped, and the process continues. A generator that
/// offers more or fewer bytes than the length is still in error; see `PayloadGenerator`.
///
/// ```swift
/// func fill(_ payload: inout PayloadBuffer, for message: MessageContext, using random: inout SeededGenerator) {
///     payload.append(contentsOf: "{\"sequence\":".utf8)
///     payload.append(contentsOf: String(message.index).utf8)
///     payload.append(UInt8(ascii: "}"))
/// }
/// ```
///
/// Unsafe code: `start` has room for `capacity` bytes, which the engine lends for one call of `fill`. A generator can
/// neither copy nor make a buffer, so it does not outlive that call.
public struct PayloadBuffer: ~Copyable {
    /// Not used if the buffer has no room.
    @usableFromInline let start: UnsafeMutableRawPointer
    /// The number of bytes the buffer can hold: the message's length.
    public let capacity: Int
    /// The number of bytes that the generator has offered so far, including dropped ones.
    @usableFromInline package var offered: Int

    /// A buffer over this memory, all of it free.
    package init(_ memory: UnsafeMutableRawBufferPointer) {
        start = memory.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 1).unsafelyUnwrapped
        capacity = memory.count
        offered = 0
    }

    /// Bytes written so far.
    @inlinable public var count: Int { min(offered, capacity) }

    /// Bytes that can still be written.
    @inlinable public var freeCapacity: Int { max(0, capacity &- offered) }

    /// Writes one byte.
    @inlinable @inline(__always)
    public mutating func append(_ byte: UInt8) {
        if offered < capacity { start.storeBytes(of: byte, toByteOffset: offered, as: UInt8.self) }
        offered &+= 1
    }

    /// Writes the bytes of an array or of a text (`text.utf8`).
    @inlinable
    public mutating func append(contentsOf bytes: some Sequence<UInt8>) {
        let copied: Void? = bytes.withContiguousStorageIfAvailable { append(contentsOf: UnsafeRawBufferPointer($0)) }
        guard copied == nil else { return }
        for byte in bytes { append(byte) }
    }

    /// Writes the bytes of a span.
    @inlinable
    public mutating func append(contentsOf bytes: RawSpan) {
        bytes.withUnsafeBytes { append(contentsOf: $0) }
    }

    /// Writes the bytes of a buffer.
    @inlinable
    public mutating func append(contentsOf bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        let fitting = min(bytes.count, freeCapacity)
        if fitting > 0 { (start + offered).copyMemory(from: source, byteCount: fitting) }
        offered &+= bytes.count
    }

    /// Writes `byte` to all free bytes.
    @inlinable
    public mutating func pad(with byte: UInt8 = UInt8(ascii: "0")) {
        guard offered < capacity else { return }
        (start + offered).initializeMemory(as: UInt8.self, repeating: byte, count: capacity &- offered)
        offered = capacity
    }

    /// Lends the free bytes to `body`, which writes some or all of them from the start and returns how many it wrote.
    ///
    /// For generators that must be fast. Unsafe: `body` must not write beyond the end, keep the pointer, or count bytes
    /// that it did not write.
    @inlinable @inline(__always)
    public mutating func withUnsafeFreeBytes<Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        let free = freeCapacity
        let written = try body(UnsafeMutableRawBufferPointer(start: free > 0 ? start + offered : nil, count: free))
        // Clamped, so that a nonsensical count does not overflow.
        offered &+= min(max(0, written), 1 << 40)
    }
}

extension PayloadBuffer {
    /// Writes `source[range]`, or as much as fits; text is cut at the end of a character.
    ///
    /// Unsafe code: copies at most the free bytes, from a range that is checked against the source.
    @inline(__always)
    mutating func append(_ source: SharedArray<UInt8>, _ range: Range<Int>, _ kind: MessageKind) {
        precondition(range.lowerBound >= 0 && range.upperBound <= source.count, "range out of bounds")
        var count = min(range.count, freeCapacity)
        if kind == .text, count < range.count {
            // A byte of the form 10xxxxxx continues a character (RFC 3629 §3).
            while count > 0, source[range.lowerBound + count] & 0xC0 == 0x80 { count -= 1 }
        }
        append(contentsOf: UnsafeRawBufferPointer(start: source.base + range.lowerBound, count: count))
    }
}
