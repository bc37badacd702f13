/// An engine was used in a way that cannot work.
public struct LoadEngineError: Error, Sendable, Hashable, CustomStringConvertible {
    private enum Code {
        case hasRun
    }

    private let code: Code

    /// `run` was called on an engine that is running, or has run.
    public static let hasRun = LoadEngineError(code: .hasRun)

    public var description: String {
        switch code {
        case .hasRun: "this engine has already run, and an engine runs only once: make a new one with the same plan"
        }
    }
}
