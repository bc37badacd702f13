/// Why a server could not start, or why a wait for it failed.
public struct TestServerError: Error, CustomStringConvertible, Sendable {
    private enum Code: Sendable {
        case cannotListen(String)
        case certificate(String)
        case invalidBehaviour(String)
        case deadline(String)
    }
    private let code: Code

    static func cannotListen(_ reason: String) -> TestServerError { TestServerError(code: .cannotListen(reason)) }
    static func certificate(_ reason: String) -> TestServerError { TestServerError(code: .certificate(reason)) }
    static func invalidBehaviour(_ reason: String) -> TestServerError {
        TestServerError(code: .invalidBehaviour(reason))
    }
    static func deadline(_ reason: String) -> TestServerError { TestServerError(code: .deadline(reason)) }

    /// The server cannot listen on the address or port.
    public var isCannotListen: Bool { if case .cannotListen = code { true } else { false } }
    /// A certificate or key cannot be read, or the two do not match.
    public var isCertificate: Bool { if case .certificate = code { true } else { false } }
    /// A path names a fault or a parameter that does not exist, or a value out of range.
    public var isInvalidBehaviour: Bool { if case .invalidBehaviour = code { true } else { false } }
    /// A condition did not become true in time.
    public var isDeadline: Bool { if case .deadline = code { true } else { false } }

    /// One sentence without a full stop, printable.
    public var description: String {
        switch code {
        case .cannotListen(let text), .certificate(let text), .invalidBehaviour(let text), .deadline(let text): text
        }
    }
}
