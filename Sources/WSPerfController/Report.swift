import ArgumentParser
import WSPerfCommand
import WSPerfReport

/// `wsperf-controller report`: directory → `RunReport.conduct`.
struct Report: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Rebuilds the results of a run from its journal, even if its controller died.")

    @Argument(help: "The run directory, or the directory of a sweep.")
    var directory: String

    @Flag(help: "Replace results that say more than the journal.")
    var force = false

    func run() async throws {
        do {
            throw ExitCode(try RunReport.conduct(directory, force: force))
        } catch let error as RunDirectoryError {
            throw Self.fail(error)
        }
    }
}
