/// An error in a conformance.
public struct Finding: Sendable, Hashable, CustomStringConvertible {
    /// The check that found it.
    public let check: String
    /// What was expected and what happened.
    public let message: String

    init(_ check: String, _ message: String) {
        self.check = check
        self.message = message
    }

    public var description: String { "\(check): \(message)" }
}
