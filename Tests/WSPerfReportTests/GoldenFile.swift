import Foundation
import Testing

/// Compares text with a file beside the tests. Set `WSPERF_RECORD_GOLDEN` in the environment to write the file again.
func expectGolden(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/\(name)")
    if ProcessInfo.processInfo.environment["WSPERF_RECORD_GOLDEN"] != nil {
        try Data(text.utf8).write(to: file)
    }
    let golden = try String(decoding: Data(contentsOf: file), as: UTF8.self)
    #expect(text == golden, "\(name) has changed", sourceLocation: sourceLocation)
}
