import ArgumentParser
import WSPerfCommand
import WSPerfCore
import WSPerfPlanFile

/// `wsperf-controller run`: options → plans → `FleetOptions.conduct`.
struct Run: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Waits for the listeners, runs the plan on them, and prints a report.",
        discussion: "One Ctrl-C ends the load; a second one ends the run at once. Both print a report.")

    @OptionGroup var plan: PlanOptions
    @OptionGroup var fleet: FleetOptions

    func run() async throws {
        do {
            throw ExitCode(try await fleet.conduct(plan.sweep()))
        } catch let error as PlanError {
            throw Self.fail(error)
        }
    }
}
