import Foundation
import Testing

/// What the command lines say to those who do not know them yet.
@Suite(.timeLimit(.minutes(1))) struct CommandLineProcessTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func run(
        _ name: String, _ arguments: String...
    ) async throws -> (status: Int32, output: String, error: String) {
        let command = try Executable(name, arguments, in: folder)
        return (try await command.status(), command.standardOutput, command.standardError)
    }

    @Test func theListenersHelpShowsHowToListen() async throws {
        let (status, output, _) = try await run("wsperf-listener", "--help")
        #expect(status == 0)
        for option in ["--controller <HOST[:PUB:PULL]>", "--name <NAME>", "--worker <PATH>", "--verbose", "doctor"] {
            #expect(output.contains(option), "\(option)")
        }
        #expect(!output.contains("--lifeline"))
    }

    @Test func aListenerWithoutControllerPrintsItsOptions() async throws {
        let (status, _, error) = try await run("wsperf-listener", "--name", "alpha")
        #expect(status == 2)
        #expect(error.hasPrefix("wsperf: --controller is missing\n"))
        #expect(error.contains("--worker <PATH>"))
    }

    @Test func theDoctorNeedsNoController() async throws {
        let (status, output, _) = try await run("wsperf-listener", "doctor", "--help")
        #expect(status == 0 && output.contains("--connections"))
    }

    @Test func anOptionDoesNotTakeTheNextOneAsItsValue() async throws {
        let (status, _, error) = try await run(
            "wsperf-controller", "run", "--target", "ws://127.0.0.1:1/", "--messages", "1", "--name", "--local")
        #expect(status == 2)
        #expect(error.contains("Missing value for '--name <NAME>'"), "\(error)")
    }

    @Test func theRunsHelpIsGrouped() async throws {
        let (status, output, _) = try await run("wsperf-controller", "run", "--help")
        #expect(status == 0)
        var rest = output[...]
        for title in ["TARGET", "LOAD", "PAYLOAD", "CONNECTION", "TLS", "DEADLINES", "FLEET", "OUTPUT"] {
            let place = try #require(
                rest.range(of: "\n\(title):\n") ?? rest.range(of: "\n\(title) OPTIONS:\n"), "\(title)")
            rest = rest[place.upperBound...]
        }
        let fleet = try #require(output.range(of: "\nFLEET"))
        #expect(output[fleet.upperBound...].contains("--bind <ADDRESS>"))
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func completionIsPrinted(_ shell: String) async throws {
        let (status, output, _) = try await run("wsperf-controller", "completion", shell)
        #expect(status == 0 && output.contains("wsperf-controller") && output.contains("check-snapshot"))
    }

    @Test func anUnknownShellIsNamed() async throws {
        let (status, _, error) = try await run("wsperf-controller", "completion", "tcsh")
        #expect(status == 2 && error.contains("the shell must be bash, zsh or fish"), "\(error)")
    }
}
