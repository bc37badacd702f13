internal import WSPerfCore

/// A plan and the contents of the files that it names, encoded as one body. Docs/WireProtocol.md, "Plan body":
///
/// `u32` length of the plan's JSON, the JSON, `u32` number of files, and for each file `u32` length of its path, the path
/// as in the plan, `u32` length of its contents, the contents. Integers are little-endian.
struct PlanParcel {
    var document: PlanNode
    var files: [(path: String, contents: [UInt8])]

    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ block: some Collection<UInt8>) {
            bytes.append(littleEndian: UInt32(truncatingIfNeeded: block.count))
            bytes.append(contentsOf: block)
        }
        append(Array(document.json.utf8))
        bytes.append(littleEndian: UInt32(truncatingIfNeeded: files.count))
        for file in files {
            append(Array(file.path.utf8))
            append(file.contents)
        }
        return bytes
    }

    init(document: PlanNode, files: [(path: String, contents: [UInt8])]) {
        self.document = document
        self.files = files
    }

    /// Decodes the result of `encoded()`. Throws if the bytes are malformed.
    init(decoding bytes: [UInt8]) throws {
        var rest = bytes[...]
        func number() throws -> Int {
            guard let value = rest.littleEndian(at: 0) else {
                throw FleetError(.plan, "the plan's parcel ends too early")
            }
            rest = rest.dropFirst(4)
            return Int(value)
        }
        func block() throws -> ArraySlice<UInt8> {
            let count = try number()
            guard count <= rest.count else { throw FleetError(.plan, "the plan's parcel ends too early") }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        document = try PlanNode(json: Array(try block()))
        files = []
        for _ in 0..<(try number()) {
            let path = String(decoding: try block(), as: UTF8.self)
            files.append((path, Array(try block())))
        }
        guard rest.isEmpty else { throw FleetError(.plan, "there are bytes after the plan's parcel") }
    }
}
