import Foundation
import Testing

/// Ports that run out, and the doctor. The executables run in a network namespace that has few local ports.
@Suite(.serialized, .timeLimit(.minutes(2))) struct LimitsProcessTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// What a shell script does in a new network namespace with 100 local ports; nil, and a line that says why, where this
    /// machine permits none.
    private func inNamespace(_ script: String) async throws -> (status: Int32, output: String, error: String)? {
        let path = try folder.write(
            """
            ip link set lo up && echo '20000 20099' > /proc/sys/net/ipv4/ip_local_port_range || exit 77
            \(script)
            """, to: "script-\(UUID().uuidString)")
        // With a user namespace around it, no privilege is needed where those are permitted; with one of processes, all of
        // them end with the first.
        let isRoot = getuid() == 0
        let shell = try Executable(
            "/usr/bin/env",
            [
                "unshare", isRoot ? "-n" : "-rn", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", path,
                Executable.directory,
            ], in: folder)
        let status = try await shell.status()
        guard status != 77, status != 127, !shell.standardError.contains("unshare: ") else {
            print(
                "skipped: no network namespace: \(shell.standardError.trimmingCharacters(in: .whitespacesAndNewlines))")
            return nil
        }
        return (status, shell.standardOutput, shell.standardError)
    }

    /// A target in the namespace, and a run of 300 connections against it that are all open at a time.
    private func script(_ options: String) throws -> String {
        """
        $1/wsperf-controller target --port 9001 > \(folder.path)/url &
        target=$!
        trap 'kill $target; wait' EXIT
        while ! grep -q ws: \(folder.path)/url; do sleep 0.1; kill -0 $target || exit 1; done
        $1/wsperf-controller run --local --quiet --output \(folder.path)/run --target ws://127.0.0.1:9001/ \
            --processes 2 --instances 150 --duration 2s --interval 500ms --ramp-rate 300/s \(options)
        """
    }

    @Test func fourSourceAddressesHaveThePortsOfFour() async throws {
        guard let result = try await inNamespace(try script("--source-address 127.0.1.1-127.0.1.4")) else { return }
        #expect(result.status == 0, "\(result.output)\(result.error)")
        let summary = try SummaryFile(folder.path + "/run")
        #expect(summary.connections.outcomes == ["succeeded": 300])
        #expect(summary.connections.opened == 300)
    }

    @Test(arguments: [
        "", "--source-address 127.0.1.1", "--machines 2 --instances 75 --processes 1 --source-address 127.0.1.1",
    ])
    func tooFewPortsAreSaidBeforeTheRun(options: String) async throws {
        guard let result = try await inNamespace(try script(options)) else { return }
        #expect(result.status == 2, "\(result.output)\(result.error)")
        let count = options.contains("machines") ? 150 : 300
        #expect(
            result.error.contains("instances: \(count) connections from one machine (2 × \(count / 2)) need as many"))
        #expect(
            result.error.contains("100 (net.ipv4.ip_local_port_range 20000-20099) on each of 1 source address. Use"))
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/run/timeline.csv"))
    }

    /// An address that is taken from the machine while the run goes on is not the server's fault.
    @Test func aSourceAddressThatGoesAwayIsAnOutcome() async throws {
        let run = try script("--source-address 192.0.2.1 --no-send-messages").replacingOccurrences(
            of: "--instances 150 --duration 2s --interval 500ms --ramp-rate 300/s",
            with: "--instances 15 --ramp-rate 5/s --close-timeout 1s")
        let result = try await inNamespace(
            """
            ip addr add 192.0.2.1/32 dev lo || exit 77
            # Once the first connection is there.
            (for i in $(seq 400); do grep -q ' 010200C0:' /proc/net/tcp && break; sleep 0.05; done
            ip addr del 192.0.2.1/32 dev lo) &
            \(run)
            """)
        guard let result else { return }
        #expect(result.status == 0, "\(result.output)\(result.error)")
        let summary = try SummaryFile(folder.path + "/run")
        summary.expectToAddUp(30)
        #expect((summary.connections.outcomes["source_unavailable"] ?? 0) > 0, "\(summary.connections.outcomes)")
        #expect(summary.connections.outcomes["ports_exhausted"] == nil)
        #expect(summary.notices.contains { $0.contains("source address") })
    }

    /// A network that is cut off is not a server that resets its connections.
    @Test func aServerThatCantBeReachedAnyMoreIsAnOutcome() async throws {
        let run = try script("--source-address 127.0.1.1 --reply-timeout 60s")
            .replacingOccurrences(of: "target --port", with: "target --host 192.0.2.1 --port")
            .replacingOccurrences(of: "ws://127.0.0.1:9001/ ", with: "ws://192.0.2.1:9001/ ")
            .replacingOccurrences(
                of: "--processes 2 --instances 150 --duration 2s --interval 500ms --ramp-rate 300/s",
                with: "--processes 1 --instances 5 --duration 40s --interval 50ms --ramp-rate 300/s")
        let result = try await inNamespace(
            """
            ip addr add 192.0.2.1/32 dev lo && echo 3 > /proc/sys/net/ipv4/tcp_retries2 || exit 77
            # Once all five are there, and have had time for the upgrade.
            (for i in $(seq 400); do [ "$(grep -c ' 010200C0:2329 01 ' /proc/net/tcp)" = 5 ] && break; sleep 0.05; done
            sleep 1
            ip addr del 192.0.2.1/32 dev lo) &
            \(run)
            """)
        guard let result else { return }
        #expect(result.status == 0, "\(result.output)\(result.error)")
        let outcomes = try SummaryFile(folder.path + "/run").connections.outcomes
        // The kernel reports one or the other: a late acknowledgement makes it forget that there was no route.
        let unreachable = outcomes["connection_unreachable"] ?? 0
        #expect(unreachable + (outcomes["connection_timed_out"] ?? 0) == 5, "\(outcomes)")
    }

    /// Where the listener is not the controller's own, the worker says it.
    @Test func aWorkerSaysItToItsController() async throws {
        let ports = "--publish-port 9002 --report-port 9003"
        let run = try script("").replacingOccurrences(of: "--local", with: "--bind 127.0.0.1 \(ports)")
        let listener = """
            $1/wsperf-listener --controller 127.0.0.1:9002:9003 --name far &
            listener=$!
            trap 'kill $target $listener; wait' EXIT
            $1/wsperf-controller
            """
        let parts = run.components(separatedBy: "$1/wsperf-controller run")
        let script = parts[0] + listener + " run" + parts[1]
        guard let result = try await inNamespace(script) else { return }
        #expect(result.status == 2, "\(result.output)\(result.error)")
        #expect(result.error.contains("instances: 300 connections from one machine (2 × 150) need as many local ports"))
    }

    /// A worker whose hard limit is below what its connections need.
    @Test func tooFewDescriptorsAreSaidBeforeTheRun() async throws {
        let path = try folder.write(
            """
            ulimit -n 256 || exit 77
            exec $1/wsperf-controller run --local --quiet --output \(folder.path)/run --target ws://127.0.0.1:9/ \
                --instances 300 --duration 20s --ramp-over 1s
            """, to: "script")
        let shell = try Executable("/bin/sh", [path, Executable.directory], in: folder)
        #expect(try await shell.status() == 2)
        #expect(shell.standardError.contains("instances: 300 connections need 3"), "\(shell.standardError)")
        #expect(shell.standardError.contains("and this process may have 256 (hard limit). Use more processes"))
    }

    static let questions: [([String], Int32)] = [
        (["--connections", "1"], 0), (["--connections", "1000000000"], 1),
        (["--connections", "1000000000", "--secure", "--source-address", "127.0.1.0/24"], 1), ([], 0),
        (["--connections", "0"], 2), (["--processes", "2"], 2),
        (["--connections", "1", "--source-address", "here"], 2),
    ]

    @Test(arguments: questions)
    func theDoctorsExitStatus(arguments: [String], status: Int32) async throws {
        let doctor = try Executable("wsperf-listener", ["doctor"] + arguments, in: folder)
        #expect(try await doctor.status() == status, "\(doctor.standardOutput)\(doctor.standardError)")
        switch status {
        case 0: #expect(doctor.standardOutput.contains(arguments.isEmpty ? "net.ipv4.ip_local_port_range" : ": yes"))
        case 1: #expect(doctor.standardOutput.contains("processes: no"))
        default: #expect(!doctor.standardError.isEmpty)
        }
    }
}
