internal import Foundation
internal import WSPerfCore
internal import WSPerfReport

/// Simulates a fleet of thousands of workers against a real controller, with real sockets and synthetic snapshots once
/// a second. Then checks that the journal has each snapshot exactly once, and prints the controller's resource usage.
@main
enum Main {
    static func main() {
        raiseDescriptorLimit()
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            if arguments.count == 6, arguments[0] == "play", let seconds = UInt64(arguments[2]),
                let workers = Int(arguments[3]), let publish = Int(arguments[4]), let report = Int(arguments[5])
            {
                print(
                    try SimulatedListener.play(
                        name: arguments[1], seconds: seconds, workers: workers, publishPort: publish,
                        reportPort: report))
            } else if arguments.count == 3, let workers = Int(arguments[1]), let seconds = UInt64(arguments[2]),
                workers > 0, seconds > 0
            {
                exit(try simulate(controller: arguments[0], workers: workers, seconds: seconds) ? 0 : 1)
            } else {
                throw SimulatorError("usage: fleet-simulator CONTROLLER WORKERS SECONDS")
            }
        } catch {
            FileHandle.standardError.write(Data("fleet-simulator: \(error)\n".utf8))
            exit(2)
        }
    }

    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static func start(_ path: String, _ arguments: [String], output: Any?) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        if let output { process.standardOutput = output }
        try process.run()
        return process
    }

    /// Two ports from the range below the ephemeral one, which are probably free.
    private static func ports() -> (Int, Int) {
        let first = 20_000 + Int(getpid()) % 5_000 * 2
        return (first, first + 1)
    }

    private static func simulate(controller: String, workers: Int, seconds: UInt64) throws -> Bool {
        // At most 500 workers in a process, because each needs four descriptors.
        let machines = (workers + 499) / 500
        let processes = (workers + machines - 1) / machines
        let total = machines * processes
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("fleet-simulator-\(getpid())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (publish, report) = ports()
        print("\(total) workers on \(machines) simulated machines, \(seconds) snapshots each")

        let conductor = try start(
            controller,
            [
                "run", "--target", "ws://127.0.0.1:9/", "--machines", "\(machines)", "--processes", "\(processes)",
                "--instances", "\(SyntheticSnapshot.instances)", "--duration", "\(seconds + 120)s", "--bind",
                "127.0.0.1", "--publish-port", "\(publish)", "--report-port", "\(report)", "--output", folder,
                "--launch-timeout", "120s", "--quiet",
            ], output: FileHandle.nullDevice)
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let pipes = (0..<machines).map { _ in Pipe() }
        let players = try (1...machines).map { number in
            try start(
                own, ["play", "sim-\(number)", "\(seconds)", "\(processes)", "\(publish)", "\(report)"],
                output: pipes[number - 1])
        }
        defer {
            for process in players + [conductor] where process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }

        // The load lasts from when the first snapshots are in the journal to when the first worker has sent its last
        // one.
        var last: Usage?
        var first: (at: Double, usage: Usage)?
        var window: (time: Double, usage: Usage)?
        let deadline = SimulatedListener.uptime() + Double(seconds) + 240
        while conductor.isRunning {
            guard SimulatedListener.uptime() < deadline else { throw SimulatorError("the controller does not end") }
            usleep(200_000)
            guard let usage = Usage(of: conductor.processIdentifier) else { continue }
            last = usage
            let size = (try? FileManager.default.attributesOfItem(atPath: folder + "/journal.wsj")[.size]) as? UInt64
            if first == nil {
                if size ?? 0 > UInt64(total) * 400 { first = (SimulatedListener.uptime(), usage) }
            } else if let began = first, SimulatedListener.uptime() - began.at < Double(seconds) - 3 {
                window = (SimulatedListener.uptime() - began.at, usage)
            }
        }
        conductor.waitUntilExit()
        for player in players { player.waitUntilExit() }
        let sent = pipes.reduce(0) { sum, pipe in
            let said = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
            return sum + (Int(said.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0)
        }

        if let last, let first, let window {
            let share = (window.usage.processor - first.usage.processor) / window.time
            print(
                String(
                    format: "controller: %.1f %% of a core under load, %.1f s in all, %.0f MB at its peak", share * 100,
                    last.processor, Double(last.peak) / 1e6))
        }
        let isWhole = try check(folder, workers: total, seconds: seconds, transmissions: sent)
        print("exit status of the controller: \(conductor.terminationStatus)")
        return isWhole && conductor.terminationStatus == 0
    }

    /// Returns whether the journal has every snapshot of every worker exactly once and unchanged.
    private static func check(_ folder: String, workers: Int, seconds: UInt64, transmissions: Int) throws -> Bool {
        let reader = try JournalReader(path: folder + "/journal.wsj")
        var indices: [String: Int] = [:]
        var next = [UInt64](repeating: 1, count: workers)
        var wrong = 0
        var sum: UInt64 = 0
        while let event = reader.next() {
            switch event {
            case .workerReady(let info): indices[info.id] = info.index
            case .snapshot(let worker, let encoded):
                let snapshot = encoded.snapshot
                guard let index = indices[worker], snapshot.sequence == next[index],
                    snapshot == SyntheticSnapshot.make(worker: index, sequence: snapshot.sequence, of: seconds)
                else {
                    wrong += 1
                    continue
                }
                next[index] += 1
                sum += snapshot.statistics.sent
            case .notice(let text): print("notice: \(text)")
            case .workerEnded(let worker, let end) where end.lost: print("lost: \(worker), \(end.reason)")
            default: break
            }
        }
        let arrived = next.reduce(0) { $0 + $1 - 1 }
        let due = UInt64(workers) * seconds
        let json = try PlanNode(json: String(contentsOfFile: folder + "/summary.json", encoding: .utf8))
        let said = json["messages"]?["sent"]?.text.flatMap { UInt64($0) }
        print(
            "journal: \(arrived) of \(due) snapshots, each once and unchanged; \(wrong) unexpected; "
                + "\(transmissions) were sent, repetitions included")
        print("summary: \(said.map { "\($0)" } ?? "no") messages; the snapshots have \(sum)")
        return arrived == due && wrong == 0 && said == sum && reader.droppedBytes == 0
    }
}
