/// Appends the primitives of WSPerf's binary formats to a byte array.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write(_ byte: UInt8) { bytes.append(byte) }

    mutating func write(_ slice: some Sequence<UInt8>) { bytes.append(contentsOf: slice) }

    /// Unsigned LEB128: seven bits a byte, the least significant first, the top bit set on all but the last.
    mutating func write<Value: UnsignedInteger & FixedWidthInteger>(varint value: Value) {
        var rest = value
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
