internal import CLinux
internal import Glibc

/// Named threads. All threads are started here.
package enum DetachedThread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void
        init(_ name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Runs `body` on a new thread; false if the system can't create one. `name` is cut to 15 bytes.
    package static func start(_ name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 1 << 20)
        // Invariant: retained here, released by the thread, which runs exactly if pthread_create returns 0.
        let argument = Unmanaged.passRetained(Body(String(name.prefix(15)), body))
        var thread = pthread_t()
        let error = pthread_create(
            &thread, &attributes,
            { pointer in
                guard let pointer else { return nil }
                let body = Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue()
                clinux_name_thread(body.name)
                body.run()
                return nil
            }, argument.toOpaque())
        if error != 0 { argument.release() }
        return error == 0
    }
}
