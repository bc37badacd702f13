/// Appends the primitives of WSPerf's binary formats to a byte array.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write(_ byte: UInt8) { bytes.append(byte) }

    mutating func write(_ slice: some Sequence<UInt8>) { bytes.append(contentsOf: slice) }

    /// Unsigned LEB128: seven bits per byte, the least significant first, the top bit set on all but the last.
    mutating func write<Value: UnsignedInteger & FixedWidthInteger>(varint value: Value) {
        var rest = value
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

extension Array<UInt8> {
    package mutating func append(littleEndian value: UInt32) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}

extension RandomAccessCollection<UInt8> {
    /// The number in the four bytes at `offset` from the start; nil if there are fewer.
    package func littleEndian(at offset: Int) -> UInt32? {
        guard offset >= 0, count - offset >= 4 else { return nil }
        return dropFirst(offset).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
