import ArgumentParser
import WSPerfCommand
import WSPerfCore
import WSPerfPlanFile

/// `wsperf-controller validate`: options → plan → its summary.
struct Validate: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the resolved plan and its arithmetic, without connecting to anything.")

    @OptionGroup var plan: PlanOptions

    func run() async throws {
        do throws(PlanError) {
            for (index, plan) in try plan.sweep().enumerated() {
                if index > 0 { print() }
                try plan.checkFiles()
                print(PlanSummary(plan))
                print(plan.record.yaml, terminator: "")
            }
        } catch {
            throw Self.fail(error)
        }
    }
}
