extension OutputRawSpan {
    /// Appends as many bytes as are free, all of which `body` must write, from the pointer on.
    ///
    /// Unsafe code, and with `append` the only place where payload generators meet the outgoing buffer: the memory is
    /// the span's own, from its end to its capacity, and is not used after `body` returns. Bytes that `body` left alone
    /// would count as written.
    @inline(__always)
    mutating func appendAll(_ body: (_ destination: UnsafeMutableRawPointer, _ count: Int) -> Void) {
        withUnsafeMutableBytes { buffer, initializedCount in
            guard let start = buffer.baseAddress, initializedCount < buffer.count else { return }
            body(start + initializedCount, buffer.count - initializedCount)
            initializedCount = buffer.count
        }
    }

    /// Appends `source[range]`, or what there is room for: of text, only whole characters.
    ///
    /// Unsafe code: copies at most the free bytes, from a range that is checked against the source.
    @inline(__always)
    mutating func append(_ source: SharedArray<UInt8>, _ range: Range<Int>, _ kind: MessageKind) {
        precondition(range.lowerBound >= 0 && range.upperBound <= source.count, "range out of bounds")
        var count = Swift.min(range.count, freeCapacity)
        if kind == .text, count < range.count {
            // A byte of the form 10xxxxxx continues a character (RFC 3629 §3).
            while count > 0, source[range.lowerBound + count] & 0xC0 == 0x80 { count -= 1 }
        }
        guard count > 0 else { return }
        withUnsafeMutableBytes { buffer, initializedCount in
            guard let start = buffer.baseAddress else { return }
            (start + initializedCount).copyMemory(from: source.base + range.lowerBound, byteCount: count)
            initializedCount += count
        }
    }
}
