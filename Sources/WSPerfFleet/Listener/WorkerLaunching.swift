/// Launches, signals and watches workers for a listener. Every launch leads to exactly one `exited` event.
protocol WorkerLaunching: Sendable {
    func launch(
        _ options: FleetWorkerOptions, onEvent: @escaping @Sendable (ListenerMachine.Event) -> Void)
    /// Closes the worker's lifeline and sends SIGTERM.
    func terminate(_ worker: String)
    /// Sends SIGKILL.
    func kill(_ worker: String)
}
