import ArgumentParser
import WSPerfCommand
import WSPerfReport

/// `wsperf-controller report`: run directory → `RunRecorder.rebuild`.
struct Report: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Rebuilds the results of a run from its journal, even if its controller died.")

    @Argument(help: "The run directory.")
    var directory: String

    func run() async throws {
        do {
            let run = try RunRecorder.rebuild(RunDirectory(existing: directory)) { _ = Self.fail($0) }
            print(run.text, terminator: "")
            throw ExitCode(run.exitStatus)
        } catch let error as RunDirectoryError {
            throw Self.fail(error)
        }
    }
}
