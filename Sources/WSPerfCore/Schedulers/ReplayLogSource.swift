internal import Glibc

/// The text of a replay log, in blocks of whole lines.
enum ReplayLogSource: Sendable {
    /// All of it, in memory. If it is a mapped file, payloads are read from there when they are sent.
    case memory(SharedArray<UInt8>, isMapped: Bool)
    /// A file that somebody may change, which is read a piece at a time.
    case file(OpenFile, path: String, block: Int = 4 << 20)

    /// A file and what identifies its contents.
    final class OpenFile: Sendable {
        let descriptor: Int32
        let identity: FileIdentity

        /// Opens a regular file. Throws, with `name` for the file, if it cannot be read.
        init(_ path: String, name: String) throws(PlanError) {
            (descriptor, identity) = try Plan.open(path, name: name)
        }

        deinit { close(descriptor) }
    }

    var size: Int {
        switch self {
        case .memory(let bytes, _): bytes.count
        case .file(let file, _, _): file.identity.size
        }
    }

    /// Calls `body` for each block, with the place of its first byte in the log.
    func read(
        _ body: (_ block: SharedArray<UInt8>, _ base: Int) throws(ReplayLogError) -> Void
    ) throws(ReplayLogError) {
        switch self {
        case .memory(let bytes, _): try body(bytes, 0)
        case .file(let file, let path, let block):
            var start = 0
            var wanted = block
            while start < file.identity.size {
                let bytes = try Self.read(file.descriptor, from: start, upTo: wanted, path)
                let isLast = bytes.count < wanted
                let end = isLast ? bytes.count : bytes.lastIndex(of: 0x0A).map { $0 + 1 }
                if let end {
                    try body(SharedArray(bytes[..<end]), start)
                    start += end
                    wanted = block
                } else if wanted <= ReplayLog.maximumLineLength {
                    wanted *= 2
                } else {
                    // The line is too long, as the parser will say.
                    return try body(SharedArray(bytes), start)
                }
                if isLast { return }
            }
        }
    }

    private static func read(
        _ descriptor: Int32, from start: Int, upTo wanted: Int, _ path: String
    ) throws(ReplayLogError) -> [UInt8] {
        guard let bytes = FileBytes.read(descriptor, at: start, count: wanted) else {
            throw ReplayLogError(file: path, line: nil, reason: "cannot be read: \(String(cString: strerror(errno)))")
        }
        return bytes
    }
}
