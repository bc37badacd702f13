internal import Glibc

/// Reading from places in a file, by its descriptor.
package enum FileBytes {
    /// Reads `count` bytes, or fewer if the file ends before.
    ///
    /// - Returns: Nil, with the reason in `errno`, if it cannot be read.
    package static func read(_ descriptor: Int32, at place: Int, count wanted: Int) -> [UInt8]? {
        var failed: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            // `pread` writes at most what is left of the buffer, and returns how much it wrote.
            while count < wanted {
                let got = pread(descriptor, buffer.baseAddress.map { $0 + count }, wanted - count, off_t(place + count))
                if got < 0, errno == EINTR { continue }
                failed = got < 0 ? errno : 0
                if got <= 0 { return }
                count += got
            }
        }
        guard failed != 0 else { return bytes }
        errno = failed
        return nil
    }
}
