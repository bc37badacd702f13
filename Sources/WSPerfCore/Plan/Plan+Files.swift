import Glibc

// The files that a plan names.
extension Plan {
    /// The largest file that a plan may name, bytes. A replay log may be larger; see `ReplayLog.maximumSize`.
    public static let fileSizeLimit = 256 << 20

    /// The paths of the files that the plan names: a replay log, a payload, certificates and keys, and the files that
    /// options of your own components name as `{file: PATH}`. Each path occurs once, in the plan's order.
    public var referencedFiles: [String] {
        var files: [String] = []
        files += ownFiles.map(\.path)
        files += schedule.options?.files ?? []
        files += payload.options?.files ?? []
        files += [tls.ca, tls.certificate, tls.key].compactMap(\.self)
        var seen: Set<String> = []
        return files.filter { seen.insert($0).inserted }
    }

    /// The files that options of the user's own components name.
    private var ownFiles: [(key: String, path: String, line: Int?)] {
        var components = [("client", client)]
        if schedule.options == nil { components.append(("schedule", schedule.component)) }
        if payload.options == nil { components.append(("payload", payload.component)) }
        return components.flatMap { name, component in
            component.files.map { ("\(name).\($0.key)", $0.path, $0.line) }
        }
    }

    /// The contents of a file that the plan names, from the plan's attachments or else from this machine's disk. Throws
    /// if the file cannot be read or is larger than `fileSizeLimit`.
    public func contents(ofFile path: String) throws(PlanError) -> [UInt8] {
        if let attached = attachments[path] { return attached }
        return try Self.read(fileLocations[path] ?? path, name: path, limit: Self.fileSizeLimit)
    }

    /// Throws if a file that the plan names cannot be read or used.
    public func checkFiles() throws(PlanError) {
        for file in ownFiles {
            do throws(PlanError) {
                _ = try contents(ofFile: file.path)
            } catch {
                throw PlanError(error.problems.map(\.message).joined(separator: "; "), at: file.key, line: file.line)
            }
        }
        // Logs have a check of their own, which doesn't hold all of their contents.
        let logs = schedule.options?.files ?? []
        for path in referencedFiles where !logs.contains(path) { _ = try contents(ofFile: path) }
        try schedule.options?.checkFiles(of: self)
    }

    private static func unreadable(_ name: String, _ number: Int32) -> PlanError {
        PlanError("cannot read \(PlanText.printable(name, limit: 500)): \(String(cString: strerror(number)))")
    }

    /// Opens a regular file. The caller closes the descriptor.
    ///
    /// - Parameter name: What errors call the file.
    package static func open(
        _ path: String, name: String
    ) throws(PlanError) -> (descriptor: Int32, identity: FileIdentity) {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard file >= 0 else { throw unreadable(name, errno) }
        guard let identity = FileIdentity(file) else {
            let error = errno
            close(file)
            // A pipe or device could block the reader forever.
            throw error != 0
                ? unreadable(name, error)
                : PlanError("cannot read \(PlanText.printable(name, limit: 500)): not a regular file")
        }
        return (file, identity)
    }

    /// Reads a whole file of at most `limit` bytes.
    ///
    /// - Parameter name: What errors call the file; its path by default.
    package static func read(_ path: String, name: String? = nil, limit: Int) throws(PlanError) -> [UInt8] {
        let name = name ?? path
        let (file, identity) = try open(path, name: name)
        defer { close(file) }
        let shown = PlanText.printable(name, limit: 500)
        guard identity.size <= limit else {
            throw PlanError("cannot read \(shown): \(identity.size) bytes, more than \(limit)")
        }
        var contents: [UInt8] = []
        contents.reserveCapacity(identity.size)
        while true {
            let room = min(1 << 20, limit + 1 - contents.count)
            var failed: Int32 = 0
            var count = 0
            let chunk = [UInt8](unsafeUninitializedCapacity: room) { buffer, initialized in
                // `read` writes at most `room` bytes, the buffer's capacity, and returns how many it wrote.
                count = Glibc.read(file, buffer.baseAddress, room)
                failed = count < 0 ? errno : 0
                initialized = max(count, 0)
            }
            if failed == EINTR { continue }
            guard failed == 0 else { throw unreadable(name, failed) }
            if count == 0 { return contents }
            contents += chunk
            guard contents.count <= limit else { throw PlanError("cannot read \(shown): more than \(limit) bytes") }
        }
    }
}
