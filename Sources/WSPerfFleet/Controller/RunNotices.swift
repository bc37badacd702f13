internal import WSPerfCore

/// The sentences of a run's notices and errors.
enum RunNotices {
    static func worker(_ worker: RunWorker, silentFor silence: Duration) -> String {
        "\(worker.title) has been silent for \(silence.readable): lost unless it comes back"
    }

    static func dropped(_ messages: Int) -> String {
        "\(messages) messages were dropped because they break the protocol"
    }

    static func worker(_ worker: RunWorker, hasStranded snapshots: Int) -> String {
        "\(snapshots) snapshots of \(worker.title) cannot be used, because an earlier one is lost"
    }

    /// Why a worker ended before the load, which attempt it was, and its last output.
    static func worker(_ worker: RunWorker, endedEarly exit: WorkerExit, launches: Int) -> String {
        let attempt = launches > 1 ? " (attempt \(launches) of \(FleetLimits.launchAttempts))" : ""
        return "\(worker.title) \(exit.readable) before the load began\(attempt)\(exit.lastWords)"
    }

    /// The predicate of a sentence about a listener that no longer takes part.
    static func listenerLoss(silence: Duration) -> String {
        silence > .zero ? "is lost: silent for \(silence.readable)" : "has ended"
    }

    static func begun(without absent: Int, _ setup: RunSetup) -> String {
        let connections = absent * setup.processes * setup.instances
        return "the load began with \(setup.machines - absent) of \(setup.machines) machines, as min_machines allows; "
            + "\(absent) missing, whose \(connections) connections are aborted"
    }

    /// Too few listeners joined. `deaf` ones said hello, but never answered their welcome.
    static func missingListeners(
        joined names: [String], deaf: [String], incompatible: [String: String] = [:], _ setup: RunSetup
    ) -> String {
        let joined = names.isEmpty ? "none" : names.joined(separator: ", ")
        return
            "\(names.count) of \(counted(setup.machines, "listener")) joined within \(setup.join.readable) (\(joined)); "
            + "\(setup.machines - names.count) missing"
            + (setup.enough < setup.machines ? ", and min_machines requires \(setup.enough)" : "")
            + (deaf.isEmpty ? "" : "; " + unheard(deaf, port: setup.commandPort))
            + incompatible.sorted { $0.key < $1.key }.map { "; \($0.key) was refused: it \($0.value)" }.joined()
            + (setup.advice.map { "; \($0)" } ?? "")
    }

    private static func unheard(_ names: [String], port: UInt16?) -> String {
        let listed = names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : "")
        let place = port.map { "port \($0) of the controller" } ?? "the controller's port for commands"
        return "\(listed) said hello, but did not hear the answer: \(place) must be open to them"
    }

    /// Too few workers became ready. `unassigned` machines have lost their listener.
    static func missingWorkers(_ workers: [RunWorker], unassigned: Int, _ setup: RunSetup) -> String {
        var missing = workers.filter { !$0.isReady }.map { worker in
            let why =
                worker.unreadable.map { "its \($0.type?.rawValue ?? "message") cannot be read: \($0.offence)" }
                ?? (worker.state == nil ? "no message from it" : worker.isSilent ? "silent" : "no answer to its plan")
            return "\(worker.title) (\(why))"
        }
        if unassigned > 0 { missing.append("replacements for \(counted(unassigned, "lost listener"))") }
        let listed = missing.prefix(20).joined(separator: ", ") + (missing.count > 20 ? ", …" : "")
        return
            "\(workers.count(where: \.isReady)) of \(counted(setup.machines * setup.processes, "worker")) were ready "
            + "within \(setup.launch.readable); missing: \(listed)"
    }

    private static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
