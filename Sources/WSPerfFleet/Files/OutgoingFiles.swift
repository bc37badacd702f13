internal import Dispatch
internal import Glibc
internal import Synchronization
internal import WSPerfCore

/// The files that a controller sends. Each is opened once in a session, and read in chunks when listeners ask for them.
final class OutgoingFiles: Sendable {
    /// One file. Its digest was computed when the plan was accepted.
    private enum Contents: Sendable {
        case file(descriptor: Int32, identity: FileIdentity)
        case memory([UInt8])
    }

    private struct State {
        var references: [FileIdentity: FileReference] = [:]
        var contents: [String: Contents] = [:]
        /// Chunks that listeners have asked for and that wait to be read, by listener.
        var waiting: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "wsperf.files")

    deinit {
        for case .file(let descriptor, _) in state.withLock({ $0.contents }).values { close(descriptor) }
    }

    /// The reference of a file that a plan names. Reads all of it, unless that was done before.
    func add(_ path: String, of plan: Plan) throws(PlanError) -> FileReference {
        let name = PeerIdentity.displayName(String(path.split(separator: "/").last ?? "file"))
        if let bytes = plan.attachments[path] { return add(bytes, name: name) }
        let (descriptor, identity) = try Plan.open(plan.fileLocations[path] ?? path, name: path)
        if let known = state.withLock({ $0.references[identity] }) {
            close(descriptor)
            return known
        }
        guard identity.size <= FleetLimits.file, let digest = FileDigest.digest(of: descriptor, size: identity.size)
        else {
            let reason = errno == 0 ? "it has changed while it was read" : String(cString: strerror(errno))
            close(descriptor)
            throw PlanError(
                "cannot read \(PlanText.printable(path, limit: 500)): "
                    + (identity.size > FleetLimits.file ? "\(identity.size) bytes are too many to send" : reason))
        }
        let reference = FileReference(name: name, sha256: digest, size: identity.size)
        let isNew = state.withLock { state in
            state.references[identity] = reference
            guard state.contents[digest] == nil else { return false }
            state.contents[digest] = .file(descriptor: descriptor, identity: identity)
            return true
        }
        if !isNew { close(descriptor) }
        return reference
    }

    /// The reference of bytes that are not in a file.
    func add(_ bytes: [UInt8], name: String) -> FileReference {
        let digest = FileDigest()
        digest.update(bytes)
        let reference = FileReference(name: name, sha256: digest.finish(), size: bytes.count)
        state.withLock { $0.contents[reference.sha256] = $0.contents[reference.sha256] ?? .memory(bytes) }
        return reference
    }

    /// Reads chunks for a listener on a queue of its own, and passes each on. Requests for more than a window are dropped;
    /// the listener asks again.
    ///
    /// - Parameter onChunk: Gets the chunk's number and bytes, or why the file cannot be read.
    func read(
        _ chunks: Range<Int>, of file: FileReference, for listener: String,
        onChunk: @escaping @Sendable (Int, Result<[UInt8], FleetError>) -> Void
    ) {
        let isAccepted = state.withLock { state in
            let waiting = state.waiting[listener, default: 0] + chunks.count
            guard waiting <= 2 * FleetLimits.chunkWindow else { return false }
            state.waiting[listener] = waiting
            return true
        }
        guard isAccepted else { return }
        for chunk in chunks {
            queue.async { [self] in
                state.withLock { state in
                    let waiting = state.waiting[listener, default: 1] - 1
                    state.waiting[listener] = waiting > 0 ? waiting : nil
                }
                onChunk(chunk, contents(of: file, chunk))
            }
        }
    }

    private func contents(of file: FileReference, _ chunk: Int) -> Result<[UInt8], FleetError> {
        let range = file.range(of: chunk)
        switch state.withLock({ $0.contents[file.sha256] }) {
        case .memory(let bytes)?: return .success(Array(bytes[range]))
        case .file(let descriptor, let identity)?:
            let isSame = FileIdentity(descriptor) == identity
            errno = 0
            if isSame, let bytes = FileDigest.read(descriptor, range) { return .success(bytes) }
            let reason = errno == 0 ? "has changed since the plan was accepted" : String(cString: strerror(errno))
            return .failure(FleetError(.plan, "\(file.name) \(errno == 0 ? reason : "cannot be read: \(reason)")"))
        case nil: return .failure(FleetError(.plan, "\(file.name) is not there any more"))
        }
    }
}
