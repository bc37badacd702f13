import ArgumentParser
import WSPerfCommand

/// `wsperf-controller end-listeners`: ports → `ListenerEnding.conduct`.
struct EndListeners: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ends the listeners that are waiting for a controller at this address.",
        discussion: "Exit status: 0 all that joined have ended, 3 none joined or some did not end, 2 wrong usage.")

    @OptionGroup var ending: ListenerEnding

    func run() async throws { throw ExitCode(try await ending.conduct()) }
}
