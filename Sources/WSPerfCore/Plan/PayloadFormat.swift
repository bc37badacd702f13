/// How a plan calls the two kinds of message.
public enum PayloadFormat: String, Sendable, Hashable, CaseIterable {
    case text, binary

    public var kind: MessageKind { self == .text ? .text : .binary }
}
