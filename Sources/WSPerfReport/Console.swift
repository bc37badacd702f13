internal import Glibc

/// Writes to stdout and stderr without ever waiting for their reader, so that a stopped terminal (Ctrl-S) or a pipe that
/// nobody reads stops nothing else. What cannot be written at once waits, up to a limit.
///
/// A pipe or terminal is opened a second time for this, in non-blocking mode: the mode of the inherited descriptor would
/// also change for other processes that share it.
///
/// Confined to one thread at a time.
final class Console {
    /// The most bytes that wait. Further text is dropped, and the next line says so.
    static let limit = 1 << 20

    private struct Output {
        var descriptor: Int32
        /// Whether this object has opened it.
        var isOwn: Bool
        var isSocket = false
    }

    private var outputs: [Int32: Output] = [:]
    private var waiting: [(descriptor: Int32, bytes: ArraySlice<UInt8>)] = []
    private var waitingBytes = 0
    private var dropped = 0

    /// - Parameter silent: Whether to write nothing at all, for tests.
    init(silent: Bool = false) { isSilent = silent }

    private let isSilent: Bool

    deinit { for output in outputs.values where output.isOwn { close(output.descriptor) } }

    /// Writes text now or as soon as there is room.
    func write(_ text: String, to descriptor: Int32) {
        guard !isSilent else { return }
        let bytes = Array(text.utf8)
        guard waitingBytes + bytes.count <= Self.limit else {
            dropped += 1
            return
        }
        if dropped > 0 {
            append(Array("(\(dropped) texts were dropped, because this output was blocked)\n".utf8)[...], descriptor)
            dropped = 0
        }
        append(bytes[...], descriptor)
        flush()
    }

    /// Writes text only if there is room for it now.
    func offer(_ text: String, to descriptor: Int32) {
        flush()
        if waiting.isEmpty { write(text, to: descriptor) }
    }

    /// Writes what waits, and gives up after `patience` milliseconds in which nothing could be written.
    func finish(patience: Int32) {
        flush()
        while let (descriptor, _) = waiting.first {
            let before = waitingBytes
            var item = pollfd(fd: output(descriptor).descriptor, events: Int16(POLLOUT), revents: 0)
            let count = poll(&item, 1, patience)
            if count == 0 { return }
            if count < 0, errno != EINTR { return }
            flush()
            // A terminal may say that it has room and still take nothing.
            if waitingBytes == before { return }
        }
    }

    private func append(_ bytes: ArraySlice<UInt8>, _ descriptor: Int32) {
        waiting.append((descriptor, bytes))
        waitingBytes += bytes.count
    }

    private func flush() {
        while let (descriptor, bytes) = waiting.first {
            let output = output(descriptor)
            let count = bytes.withUnsafeBytes { buffer in
                output.isSocket
                    ? send(
                        output.descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
                    : Glibc.write(output.descriptor, buffer.baseAddress, buffer.count)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return }
            // After any other error there is no reader any more.
            let taken = count < 0 ? bytes.count : count
            waitingBytes -= taken
            waiting[0].bytes = bytes.dropFirst(taken)
            if waiting[0].bytes.isEmpty { waiting.removeFirst() }
        }
    }

    private func output(_ descriptor: Int32) -> Output {
        if let known = outputs[descriptor] { return known }
        var output = Output(descriptor: descriptor, isOwn: false)
        var status = stat()
        if fstat(descriptor, &status) == 0 {
            switch status.st_mode & S_IFMT {
            case S_IFIFO, S_IFCHR:
                let own = open("/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
                if own >= 0 { output = Output(descriptor: own, isOwn: true) }
            case S_IFSOCK: output.isSocket = true
            default: break
            }
        }
        outputs[descriptor] = output
        return output
    }
}

@available(*, unavailable)
extension Console: Sendable {}
