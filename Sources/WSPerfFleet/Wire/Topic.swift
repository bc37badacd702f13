/// The first part of a message: whom it is for. The closing slash keeps one identity from being another's prefix, which
/// is all that a SUB socket compares.
enum Topic {
    /// Every peer.
    static let all = "all/"
    /// The controller.
    static let controller = "controller/"
    /// One listener or worker.
    static func peer(_ identity: String) -> String { "peer/\(identity)/" }
}
