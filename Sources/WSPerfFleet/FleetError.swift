/// Why the fleet could not do what it was asked to.
public struct FleetError: Error, Hashable, CustomStringConvertible {
    /// The kinds there are; more may come.
    public struct Code: Hashable, Sendable {
        private let rawValue: String
        private init(_ rawValue: String) { self.rawValue = rawValue }

        /// An address cannot be bound, connected to or understood.
        public static let address = Code("address")
        /// What the caller asked for is impossible: a missing worker executable, too many processes, too large a plan.
        public static let usage = Code("usage")
        /// A worker could not set the plan up (an unknown client kind, an unreadable log).
        public static let plan = Code("plan")
        /// Too few listeners or workers came, or they were gone before the load began.
        public static let incomplete = Code("incomplete")
        /// A peer speaks another version of the protocol.
        public static let version = Code("version")
        /// The controller fell silent, went away or let this peer go.
        public static let controller = Code("controller")
        /// The system refused something (threads, descriptors, processes).
        public static let system = Code("system")
    }

    public let code: Code
    /// One line for the operator, printable.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }

    /// What an executable exits with: 2 for wrong usage or a plan that cannot be set up, 3 for a run without valid results.
    public var exitStatus: Int32 {
        switch code {
        case .incomplete, .controller: 3
        default: 2
        }
    }
}
