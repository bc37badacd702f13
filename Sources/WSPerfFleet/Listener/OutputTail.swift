internal import Synchronization

/// The last bytes of a child's stderr.
final class OutputTail: Sendable {
    private let bytes = Mutex<[UInt8]>([])

    func append(_ new: [UInt8]) {
        bytes.withLock { bytes in
            bytes.append(contentsOf: new.suffix(FleetLimits.stderr))
            if bytes.count > FleetLimits.stderr { bytes.removeFirst(bytes.count - FleetLimits.stderr) }
        }
    }

    /// Printable text of at most `FleetLimits.stderr` bytes, from the beginning of a line where it was cut.
    var text: String {
        let bytes = bytes.withLock { $0 }
        var lines = bytes[...]
        if bytes.count == FleetLimits.stderr, let end = lines.firstIndex(of: UInt8(ascii: "\n")) {
            lines = lines[(end + 1)...]
        }
        while lines.last == UInt8(ascii: "\n") { lines.removeLast() }
        var text = PrintableText.of(String(decoding: lines, as: UTF8.self), limit: FleetLimits.stderr, lines: true)
        while text.utf8.count > FleetLimits.stderr { text.removeFirst() }
        return text
    }
}
