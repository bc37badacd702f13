internal import WSPerfCore

/// A file that a plan names, as listeners and workers know it. Two files with the same contents are the same file.
struct FileReference: Sendable, Hashable, Codable {
    /// What people call it: the last part of its path. Nobody opens a file by this name.
    var name: String
    /// SHA-256 of the contents (FIPS 180-4), 64 lowercase hexadecimal digits.
    var sha256: String
    /// Bytes.
    var size: Int

    /// Whether a message may contain it.
    var isValid: Bool { Self.isDigest(sha256) && (0...FleetLimits.file).contains(size) }

    static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }

    /// The number of its chunks; all but the last have `FleetLimits.chunk` bytes.
    var chunks: Int { (size + FleetLimits.chunk - 1) / FleetLimits.chunk }

    /// The bytes of a chunk, by its number from 0.
    func range(of chunk: Int) -> Range<Int> {
        chunk * FleetLimits.chunk..<min(size, (chunk + 1) * FleetLimits.chunk)
    }
}
