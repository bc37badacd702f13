internal import Glibc
internal import WSPerfCore

/// A file with one snapshot body to check.
public enum SnapshotFile {
    /// Why the file does not contain a snapshot, with the file's name.
    public struct Problem: Error, CustomStringConvertible {
        public let description: String
    }

    /// The largest body: `FleetLimits` allows no larger one in a message.
    private static let sizeLimit = 4 << 20

    /// All figures of the snapshot in a file, one line for each field.
    ///
    /// - Parameters:
    ///   - path: The file; `-` is standard input.
    ///   - isHexadecimal: The bytes are written as hexadecimal digits; white space is skipped.
    /// - Throws: `Problem` if the file cannot be read or does not contain a snapshot.
    public static func text(_ path: String, isHexadecimal: Bool) throws -> String {
        let name = path == "-" ? "standard input" : PlanText.printable(path, limit: 200)
        do {
            let limit = isHexadecimal ? 3 * sizeLimit : sizeLimit
            let bytes = try read(path, limit: limit)
            return try Snapshot(decoding: isHexadecimal ? decoded(bytes) : bytes).text
        } catch {
            throw Problem(description: "\(name): \(error)")
        }
    }

    private static func read(_ path: String, limit: Int) throws -> [UInt8] {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Problem(description: "cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { if path != "-" { close(descriptor) } }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Problem(description: "cannot be read: \(String(cString: strerror(errno)))") }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= limit else {
                throw Problem(description: "has more than \(limit) bytes, too many for a snapshot")
            }
        }
        return bytes
    }

    private static func decoded(_ text: [UInt8]) throws -> [UInt8] {
        var digits: [UInt8] = []
        for byte in text where !" \t\r\n".utf8.contains(byte) {
            guard byte < 128, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
                throw Problem(description: "has characters that are not hexadecimal digits")
            }
            digits.append(UInt8(digit))
        }
        guard digits.count.isMultiple(of: 2) else {
            throw Problem(description: "has an odd number of hexadecimal digits")
        }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
