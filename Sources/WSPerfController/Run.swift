import ArgumentParser
import WSPerfCommand
import WSPerfCore
import WSPerfPlanFile

struct Run: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Waits for the listeners, runs the plan on them, and reports.",
        discussion: "One Ctrl-C ends the load and reports; a second one ends at once, with a report too.")

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
