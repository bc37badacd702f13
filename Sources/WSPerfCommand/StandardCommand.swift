public import ArgumentParser
internal import Foundation

/// A command whose exit statuses are the project's: 2 for wrong usage, where ArgumentParser would say 64.
public protocol StandardCommand: AsyncParsableCommand {}

extension StandardCommand {
    /// Parses the process's arguments, runs what they say, and exits.
    public static func runAndExit(_ arguments: [String]? = nil) async -> Never {
        do {
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            Foundation.exit(0)
        } catch {
            let status = exitCode(for: error)
            let message = fullMessage(for: error)
            if !message.isEmpty {
                // Help and version are what was asked for; everything else is a complaint.
                let stream = status == .success ? FileHandle.standardOutput : FileHandle.standardError
                try? stream.write(contentsOf: Data((message + "\n").utf8))
            }
            Foundation.exit(status == .validationFailure ? 2 : status.rawValue)
        }
    }

    /// Says why the command can't be carried out, on stderr, and gives the error that ends it with this status.
    public static func fail(_ reason: some CustomStringConvertible, status: Int32 = 2) -> ExitCode {
        StandardError.fail(reason, status: status)
    }
}

enum StandardError {
    static func fail(_ reason: some CustomStringConvertible, status: Int32 = 2) -> ExitCode {
        try? FileHandle.standardError.write(contentsOf: Data("wsperf: \(reason)\n".utf8))
        return ExitCode(status)
    }
}
