import ArgumentParser
import WSPerfCommand
import WSPerfCore
import WSPerfFleet
import WSPerfPlanFile

/// `wsperf-controller validate`: options → plan → its summary.
struct Validate: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the resolved plan and its arithmetic, without connecting to anything.")

    @OptionGroup var plan: PlanOptions

    func run() async throws {
        do {
            for (index, plan) in try plan.sweep().enumerated() {
                if index > 0 { print() }
                try FleetController.check(plan)
                print(PlanSummary(plan))
                print(plan.record.yaml, terminator: "")
            }
        } catch let error as PlanError {
            throw Self.fail(error)
        } catch let error as FleetError {
            throw Self.fail(error, status: error.exitStatus)
        }
    }
}
