extension LoadStatistics {
    /// A property as it is merged, reset and encoded.
    struct Field: Sendable {
        /// Its encoded name: `a-z`, `0-9` and `_`, at most 40 of them. Once used, a name never gets another meaning or
        /// another storage.
        let name: String
        let storage: Storage
    }

    /// Where a field's value is stored, and thus how two values merge.
    enum Storage: Sendable {
        /// Merged by addition.
        case counter(any WritableKeyPath<LoadStatistics, UInt64> & Sendable)
        /// The larger of two.
        case maximum(any WritableKeyPath<LoadStatistics, UInt64> & Sendable)
        /// Merged by addition, outcome by outcome.
        case outcomes(any WritableKeyPath<LoadStatistics, [Outcome: UInt64]> & Sendable)
        /// Merged by addition, bucket by bucket.
        case histogram(any WritableKeyPath<LoadStatistics, Histogram> & Sendable)
    }

    /// Every field. The order has no meaning.
    static let fields: [Field] = [
        Field(name: "started", storage: .counter(\.started)),
        Field(name: "opened", storage: .counter(\.opened)),
        Field(name: "ended", storage: .counter(\.ended)),
        Field(name: "outcomes", storage: .outcomes(\.outcomes)),
        Field(name: "interruptions", storage: .outcomes(\.interruptions)),
        Field(name: "sent", storage: .counter(\.sent)),
        Field(name: "received", storage: .counter(\.received)),
        Field(name: "unanswered", storage: .counter(\.unanswered)),
        Field(name: "unexpected", storage: .counter(\.unexpected)),
        Field(name: "late", storage: .counter(\.late)),
        Field(name: "untimed", storage: .counter(\.untimed)),
        Field(name: "blocked", storage: .counter(\.blocked)),
        Field(name: "unsent", storage: .counter(\.unsent)),
        Field(name: "bytes_sent", storage: .counter(\.bytesSent)),
        Field(name: "bytes_received", storage: .counter(\.bytesReceived)),
        Field(name: "cpu_user", storage: .counter(\.cpuUser)),
        Field(name: "cpu_system", storage: .counter(\.cpuSystem)),
        Field(name: "loop_time", storage: .counter(\.loopTime)),
        Field(name: "loop_busy", storage: .counter(\.loopBusy)),
        Field(name: "loop_cpu", storage: .counter(\.loopCPU)),
        Field(name: "last_start", storage: .maximum(\.lastStart)),
        Field(name: "dns", storage: .histogram(\.dns)),
        Field(name: "tcp_connect", storage: .histogram(\.tcpConnect)),
        Field(name: "tls", storage: .histogram(\.tls)),
        Field(name: "upgrade", storage: .histogram(\.upgrade)),
        Field(name: "handshake", storage: .histogram(\.handshake)),
        Field(name: "handshake_response", storage: .histogram(\.handshakeResponse)),
        Field(name: "open_lag", storage: .histogram(\.openLag)),
        Field(name: "rtt_response", storage: .histogram(\.rttResponse)),
        Field(name: "rtt_service", storage: .histogram(\.rttService)),
        Field(name: "send_lag", storage: .histogram(\.sendLag)),
    ]

    /// The fields in the order in which they are written: ascending by name.
    static let fieldsByName = fields.sorted { $0.name < $1.name }
}
