/// Lends a piece of the outgoing buffer to a payload generator.
enum OutputFilling {
    /// Has `fill` write up to `length` bytes at `bytes`, and ASCII zeros to what it leaves.
    ///
    /// Invariant (the caller's): `bytes` has room for `length` bytes and is not touched meanwhile.
    static func fill(_ bytes: UnsafeMutableRawPointer, _ length: Int, _ fill: (inout OutputRawSpan) -> Void) {
        let buffer = UnsafeMutableRawBufferPointer(start: bytes, count: length)
        var span = OutputRawSpan(buffer: buffer, initializedCount: 0)
        fill(&span)
        let written = span.finalize(for: buffer)
        if written < length {
            (bytes + written).initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "0"), count: length - written)
        }
    }
}
