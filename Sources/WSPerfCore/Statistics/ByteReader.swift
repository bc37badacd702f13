/// Takes the primitives of WSPerf's binary formats off the front of an untrusted byte array.
struct ByteReader {
    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func readByte() throws(SnapshotDecodingError) -> UInt8 {
        guard position < bytes.count else { throw fault("it ends too early") }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func readBytes(_ count: Int) throws(SnapshotDecodingError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else { throw fault("it ends too early") }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// Unsigned LEB128, in its shortest form only, so that every body has one encoding.
    mutating func readVarint<Value: UnsignedInteger & FixedWidthInteger>(
        atMost limit: Value = .max
    ) throws(SnapshotDecodingError) -> Value {
        var value: Value = 0
        var shift = 0
        while true {
            let byte = try readByte()
            let bits = Value(byte & 0x7f)
            guard shift < Value.bitWidth, (bits << shift) >> shift == bits else { throw fault("a number is too large") }
            value |= bits << shift
            if byte & 0x80 == 0 {
                guard byte != 0 || shift == 0 else { throw fault("a number is not in its shortest form") }
                break
            }
            shift += 7
        }
        guard value <= limit else { throw fault("a number is too large") }
        return value
    }

    func fault(_ reason: String) -> SnapshotDecodingError { SnapshotDecodingError(reason: reason, offset: position) }
}
