import ArgumentParser
import WSPerfCommand

/// `wsperf-controller check-snapshot`: options → `SnapshotFile`.
struct CheckSnapshot: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the snapshot body in a file, or the first rule that it breaks.",
        discussion: """
            For authors of workers in other languages. Docs/WireProtocol.md, "Snapshot body", has the format and test \
            vectors. Exit status: 0 a snapshot, 2 not one.
            """)

    @Argument(help: "The file; - is standard input.")
    var file: String

    @Flag(help: "The bytes are written as hexadecimal digits; white space is skipped.")
    var hex = false

    func run() async throws {
        do {
            print(try SnapshotFile.text(file, isHexadecimal: hex), terminator: "")
        } catch let problem as SnapshotFile.Problem {
            throw Self.fail(problem)
        }
    }
}
