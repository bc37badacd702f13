/// Why a target could not start, or a wait for it did not end.
public struct TargetError: Error, CustomStringConvertible, Sendable {
    private enum Code: Sendable {
        case cannotListen(String)
        case certificate(String)
        case invalidBehaviour(String)
        case deadline(String)
    }
    private let code: Code

    static func cannotListen(_ reason: String) -> TargetError { TargetError(code: .cannotListen(reason)) }
    static func certificate(_ reason: String) -> TargetError { TargetError(code: .certificate(reason)) }
    static func invalidBehaviour(_ reason: String) -> TargetError { TargetError(code: .invalidBehaviour(reason)) }
    static func deadline(_ reason: String) -> TargetError { TargetError(code: .deadline(reason)) }

    /// The address or port can't be listened on.
    public var isCannotListen: Bool { if case .cannotListen = code { true } else { false } }
    /// A certificate or key can't be read, or they don't fit together.
    public var isCertificate: Bool { if case .certificate = code { true } else { false } }
    /// A path names a fault or a parameter that does not exist, or a value out of range.
    public var isInvalidBehaviour: Bool { if case .invalidBehaviour = code { true } else { false } }
    /// A condition that was waited for did not come true in time.
    public var isDeadline: Bool { if case .deadline = code { true } else { false } }

    /// One sentence without a full stop, printable.
    public var description: String {
        switch code {
        case .cannotListen(let text), .certificate(let text), .invalidBehaviour(let text), .deadline(let text): text
        }
    }
}
