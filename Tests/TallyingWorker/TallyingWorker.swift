import Foundation
import WSPerfCore
import WSPerfFleet

/// The stock worker, which also writes its totals to a file. `Scripts/chaos` launches it instead of `wsperf-worker`, to
/// compare a report with what the workers measured.
///
/// `WSPERF_TALLY` names the directory for the files.
@main
struct TallyingWorker {
    static func main() async {
        do {
            guard let directory = ProcessInfo.processInfo.environment["WSPERF_TALLY"] else {
                throw TallyError(description: "WSPERF_TALLY must name a directory")
            }
            let options = try FleetWorkerOptions(arguments: Array(CommandLine.arguments.dropFirst()))
            let (status, message) = try await FleetWorker.runLaunched(options) { plan, share in
                let workload = try EngineWorkload(plan: plan, registry: Registry(), share: share)
                return TalliedWorkload(workload, worker: options.id, directory: directory)
            }
            if let message { complain(message) }
            exit(status)
        } catch {
            complain("\(error)")
            exit(2)
        }
    }

    private struct TallyError: Error, CustomStringConvertible {
        var description: String
    }

    private static func complain(_ message: String) {
        FileHandle.standardError.write(Data("TallyingWorker: \(message)\n".utf8))
    }
}
