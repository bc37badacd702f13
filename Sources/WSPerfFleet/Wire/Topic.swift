/// The first part of a message: its recipient. SUB sockets compare prefixes, and the slash at the end keeps one identity
/// from being a prefix of another.
enum Topic {
    /// Every peer.
    static let all = "all/"
    /// The controller.
    static let controller = "controller/"
    /// One listener or worker.
    static func peer(_ identity: String) -> String { "peer/\(identity)/" }
}
