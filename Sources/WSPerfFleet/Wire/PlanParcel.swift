internal import WSPerfCore

/// A plan and the digests of the files that it names, encoded as one body. Docs/WireProtocol.md, "Plan body":
///
/// `u32` length of the plan's JSON, the JSON, `u32` number of files, and for each file `u32` length of its path, the path
/// as in the plan, `u32` length of its digest (64), and its SHA-256 in hexadecimal. Integers are little-endian.
///
/// A long plan would delay the beacons behind it, so it travels as a file too: then the length is 0, and one of the files
/// has an empty path.
struct PlanParcel {
    /// The plan; nil if it is in a file.
    var document: PlanNode?
    var files: [(path: String, sha256: String)]

    /// The digest of the file that contains the plan; nil if the plan is here.
    var planFile: String? { document == nil ? files.first { $0.path.isEmpty }?.sha256 : nil }

    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ text: String) {
            bytes.append(littleEndian: UInt32(truncatingIfNeeded: text.utf8.count))
            bytes.append(contentsOf: text.utf8)
        }
        append(document?.json ?? "")
        bytes.append(littleEndian: UInt32(truncatingIfNeeded: files.count))
        for file in files {
            append(file.path)
            append(file.sha256)
        }
        return bytes
    }

    init(document: PlanNode?, files: [(path: String, sha256: String)]) {
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
        let plan = Array(try block())
        document = plan.isEmpty ? nil : try PlanNode(json: plan)
        files = []
        for _ in 0..<(try number()) {
            let path = String(decoding: try block(), as: UTF8.self)
            let sha256 = String(decoding: try block(), as: UTF8.self)
            guard FileReference.isDigest(sha256) else {
                throw FleetError(.plan, "the plan's parcel has a file without a digest")
            }
            files.append((path, sha256))
        }
        guard document != nil || planFile != nil else { throw FleetError(.plan, "the parcel has no plan") }
        guard rest.isEmpty else { throw FleetError(.plan, "there are bytes after the plan's parcel") }
    }
}
