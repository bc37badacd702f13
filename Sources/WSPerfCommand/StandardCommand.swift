public import ArgumentParser
internal import Glibc
internal import WSPerfFleet

/// A command with the exit statuses of this project: 2 for wrong usage, instead of ArgumentParser's 64.
public protocol StandardCommand: AsyncParsableCommand {}

extension StandardCommand {
    /// Parses the arguments, runs the command, and exits.
    public static func runAndExit(_ arguments: [String]? = nil) async -> Never {
        do {
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            Glibc.exit(0)
        } catch {
            let status = exitCode(for: error)
            let message = fullMessage(for: error)
            if !message.isEmpty {
                // Help and version were requested and go to stdout. Everything else is an error.
                (status == .success ? StandardStream.output : StandardStream.error).write(message + "\n")
            }
            Glibc.exit(status == .validationFailure ? 2 : status.rawValue)
        }
    }

    /// Prints on stderr why the command failed. Returns the error that ends it with this status.
    public static func fail(_ reason: some CustomStringConvertible, status: Int32 = 2) -> ExitCode {
        StandardError.fail(reason, status: status)
    }
}

enum StandardError {
    static func fail(_ reason: some CustomStringConvertible, status: Int32 = 2) -> ExitCode {
        StandardStream.error.write("wsperf: \(reason)\n")
        return ExitCode(status)
    }
}

extension CompletionShell {
    /// The shell with this name. Throws an error for the command line if there is none.
    public init(named name: String) throws {
        guard let shell = CompletionShell(rawValue: name) else {
            throw ValidationError("the shell must be bash, zsh or fish")
        }
        self = shell
    }
}
