internal import CLinux
internal import Glibc

/// Gives open files to another process over a local socket (`SCM_RIGHTS`, unix(7)).
enum DescriptorPassing {
    /// Sends descriptors, at most `FleetLimits.files`. They stay open here. The receiver may read them later, even if this
    /// process has closed them by then.
    ///
    /// - Returns: Nil, or why it failed.
    static func send(_ descriptors: [Int32], over socket: Int32) -> String? {
        let error = clinux_send_descriptors(socket, descriptors, Int32(descriptors.count))
        return error == 0 ? nil : String(cString: strerror(error))
    }

    /// Receives exactly this many descriptors, which must have been sent together and before.
    static func receive(_ count: Int, from socket: Int32) throws(FleetError) -> [Int32] {
        guard count > 0 else { return [] }
        var descriptors = [Int32](repeating: -1, count: count)
        let received = clinux_receive_descriptors(socket, &descriptors, Int32(count))
        guard received == count else {
            for descriptor in descriptors where descriptor >= 0 { close(descriptor) }
            let why = received < 0 ? String(cString: strerror(-received)) : "\(received) of \(count) came"
            throw FleetError(.system, "cannot get the plan's files over standard input: \(why)")
        }
        return descriptors
    }
}
