/// Lends a piece of the outgoing buffer to a payload generator.
enum OutputFilling {
    /// Lets `fill` write up to `length` bytes at `bytes`, and fills the rest with ASCII zeros.
    ///
    /// Invariant (the caller's): `bytes` has room for `length` bytes and nothing else touches it meanwhile.
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
