import Foundation

enum Repository {
    /// A file of this repository.
    static func file(_ path: String) -> URL {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        return root.appendingPathComponent(path)
    }
}
