/// Why a fleet operation failed.
public struct FleetError: Error, Hashable, CustomStringConvertible {
    /// The kinds of errors. Later versions may add more.
    public struct Code: Hashable, Sendable {
        private let rawValue: String
        private init(_ rawValue: String) { self.rawValue = rawValue }

        /// An address cannot be bound, reached or parsed.
        public static let address = Code("address")
        /// The caller asked for something impossible: a worker executable that does not exist, too many processes, a plan that is
        /// too large.
        public static let usage = Code("usage")
        /// A worker could not set up the plan (an unknown client kind, an unreadable log).
        public static let plan = Code("plan")
        /// Too few listeners or workers were ready for the load to begin.
        public static let incomplete = Code("incomplete")
        /// A peer uses another version of the protocol.
        public static let version = Code("version")
        /// The controller became silent, ended, or dismissed this peer.
        public static let controller = Code("controller")
        /// The operating system refused a resource (threads, descriptors, processes).
        public static let system = Code("system")
    }

    public let code: Code
    /// One printable line for the operator.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }

    /// The exit status of an executable: 2 for wrong usage or a plan that cannot be set up, 3 for a run without valid
    /// results.
    public var exitStatus: Int32 {
        switch code {
        case .incomplete, .controller: 3
        default: 2
        }
    }
}
