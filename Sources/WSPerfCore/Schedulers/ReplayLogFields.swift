/// The keys of a replay log's lines.
enum ReplayLogKey: String, CaseIterable {
    case time = "t_us"
    case connection = "conn"
    case direction = "dir"
    case opcode = "op"
    case length = "len"
    case data
    case base64 = "b64"

    /// The key with this name.
    init?(_ name: some RandomAccessCollection<UInt8>) {
        // This runs for each key of each line, so it compares the name as one number: its bytes, the last one lowest.
        guard name.count <= 4 else { return nil }
        switch name.reduce(0 as UInt32, { $0 << 8 | UInt32($1) }) {
        case 0x745F_7573: self = .time
        case 0x636F_6E6E: self = .connection
        case 0x64_6972: self = .direction
        case 0x6F70: self = .opcode
        case 0x6C_656E: self = .length
        case 0x6461_7461: self = .data
        case 0x62_3634: self = .base64
        default: return nil
        }
    }

    fileprivate var bit: UInt8 {
        switch self {
        case .time: 1
        case .connection: 2
        case .direction: 4
        case .opcode: 8
        case .length: 16
        case .data: 32
        case .base64: 64
        }
    }
}

/// The fields of one line. A field whose value is null is absent.
struct ReplayLogFields {
    typealias Fault = JSONScanner.Failure

    struct Field {
        /// The value's place in the file.
        var range: Range<Int>
        /// Nil for an object or an array.
        var value: JSONScanner.Scalar?
    }

    var time: Field?
    var connection: Field?
    var direction: Field?
    var opcode: Field?
    var length: Field?
    var data: Field?
    var base64: Field?
    /// The first unknown key that looks like a known one: its place, and the known key.
    var slip: (range: Range<Int>, meant: ReplayLogKey)?
    /// The bits of the keys on this line.
    private var keys: UInt8 = 0

    /// Whether the line has this key, with any value.
    func has(_ key: ReplayLogKey) -> Bool { keys & key.bit != 0 }

    mutating func set(_ key: ReplayLogKey, to value: JSONScanner.Scalar?, at range: Range<Int>) throws(Fault) {
        guard !has(key) else { throw Fault("\(key.rawValue) is given twice") }
        keys |= key.bit
        if case .null? = value { return }
        let field = Field(range: range, value: value)
        switch key {
        case .time: time = field
        case .connection: connection = field
        case .direction: direction = field
        case .opcode: opcode = field
        case .length: length = field
        case .data: data = field
        case .base64: base64 = field
        }
    }
}

/// Distinguishes misspelt keys from keys of other software.
///
/// A key counts as misspelt if it is one edit away from a known name of three letters or more, or from the full word
/// for that name (`length`). Differences in case are not edits.
struct ReplayLogSlips {
    /// The keys looked up so far, because most logs repeat the same keys on every line. Names are numbers made of their
    /// bytes.
    private var known: [(name: UInt128, meant: ReplayLogKey?)] = []
    private static let knownLimit = 32

    private static let words: [(word: String, key: ReplayLogKey)] =
        ReplayLogKey.allCases.map { ($0.rawValue, $0) } + [
            ("connection", .connection), ("direction", .direction), ("opcode", .opcode), ("length", .length),
            ("base64", .base64),
        ]
    private static let longest = 11
    /// A word in its own right, although it is one edit away from `data`.
    private static let foreign = "date"

    /// The known key that `name` probably means; nil if there is none. `name` itself must not be a known key.
    mutating func key(meantBy name: some RandomAccessCollection<UInt8>) -> ReplayLogKey? {
        guard name.count <= Self.longest else { return nil }
        let number = name.reduce(0 as UInt128) { $0 << 8 | UInt128($1) }
        if let entry = known.first(where: { $0.name == number }) { return entry.meant }
        let meant = Self.key(meantBy: String(decoding: name, as: UTF8.self).lowercased())
        if known.count < Self.knownLimit { known.append((number, meant)) }
        return meant
    }

    private static func key(meantBy name: String) -> ReplayLogKey? {
        guard name != foreign else { return nil }
        return words.first { word, _ in
            // Two-letter names are too short to compare: `ip`, `up` and `on` are one edit away from `op`.
            name == word || word.utf8.count > 2 && PlanText.distance(name, word) == 1
        }?.key
    }
}
