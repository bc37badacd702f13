/// How replies are matched to messages.
public enum MatchMode: String, Sendable, Hashable, CaseIterable {
    /// First in, first out: the n-th data message received answers the n-th sent.
    case echo
    /// By an id at the start of the payload, which the engine writes: survives reordering, loss and broadcast.
    case tagged
    /// A ping after each message; its pong is the reply. Data messages received are counted, never matched.
    case ping
    /// No replies are awaited; nothing received is unexpected.
    case none

    /// Bytes that the engine's id takes at the start of a binary message when replies are matched as
    /// `tagged`: no message may be shorter.
    public static let taggedBinaryLength = 24
    /// The same of a text message.
    public static let taggedTextLength = 48
}
