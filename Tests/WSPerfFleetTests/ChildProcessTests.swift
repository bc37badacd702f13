import Foundation
import Synchronization
import Testing

@testable import WSPerfFleet

@Suite(.timeLimit(.minutes(1))) struct ChildProcessTests {
    /// Launches a shell script, does something once it runs, and waits for its end.
    private func end(
        of script: String, executable: String = "/bin/sh", then: @escaping @Sendable (ChildProcess) -> Void = { _ in }
    ) async -> (end: ChildProcess.End, pid: Int32?) {
        let pid = PIDBox()
        let box = ChildBox()
        let end: ChildProcess.End = await withCheckedContinuation { continuation in
            let process = ChildProcess(executable: executable, arguments: ["-c", script]) { value in
                pid.value.withLock { $0 = value }
                Task { if let process = await box.get() { then(process) } }
            } onEnd: {
                continuation.resume(returning: $0)
            }
            Task { await box.set(process) }
        }
        return (end, pid.value.withLock { $0 })
    }

    private final class PIDBox: Sendable { let value = Mutex<Int32?>(nil) }

    private actor ChildBox {
        private var process: ChildProcess?
        private var waiter: CheckedContinuation<Void, Never>?
        func set(_ process: ChildProcess) {
            self.process = process
            waiter?.resume()
            waiter = nil
        }
        func get() async -> ChildProcess? {
            if process == nil { await withCheckedContinuation { waiter = $0 } }
            return process
        }
    }

    @Test func itsExitStatusAndLastWords() async {
        let (end, pid) = await end(of: "echo first >&2; printf 'bad \\033[31m last' >&2; exit 3")
        #expect(end.status == 3 && end.signal == nil && end.error == nil)
        #expect(end.stderr == "first\nbad \\u{1b}[31m last")
        #expect(pid != nil)
    }

    /// People print to find a fault, and many use stdout.
    @Test func itsStandardOutputIsKeptToo() async {
        let (end, _) = await end(of: "echo one; echo two >&2; echo three; exit 3")
        #expect(end.stderr == "one\ntwo\nthree")
    }

    @Test func aSignalIsToldFromAnExit() async {
        let (end, _) = await end(of: "echo dying >&2; kill -9 $$")
        #expect(end.status == nil && end.signal == 9)
        #expect(end.stderr == "dying")
    }

    @Test func aSignalSentIsTheSignalItDiesOf() async {
        let (end, _) = await end(of: "exec sleep 60") { $0.send(signal: SIGKILL) }
        #expect(end.signal == 9)
    }

    @Test func anExecutableThatIsNotThere() async {
        let (end, pid) = await end(of: "", executable: "/nonexistent/worker")
        #expect(end.error != nil && end.status == nil)
        #expect(pid == nil)
    }

    @Test func hangingUpEndsWhoReadsItsLifeline() async {
        let (end, _) = await end(of: "cat >/dev/null; echo eof >&2; exit 5") { $0.hangUp() }
        #expect(end.status == 5)
        #expect(end.stderr == "eof")
    }

    @Test func muchStderrNeitherBlocksNorGrows() async {
        let (end, _) = await end(of: "i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i+1)); done")
        #expect(end.status == 0)
        #expect(end.stderr.utf8.count <= FleetLimits.stderr)
        #expect(end.stderr.hasSuffix("line 19999"))
        #expect(end.stderr.hasPrefix("line "))
    }

    /// A Swift process that traps says why, and then prints a backtrace of many lines.
    @Test func whyItCrashedIsKeptBeforeALongBacktrace() async {
        let (end, _) = await end(
            of: "echo early >&2; echo 'main.swift:3: Fatal error: no more' >&2; "
                + "i=0; while [ $i -lt 1000 ]; do echo frame $i >&2; i=$((i+1)); done; kill -ILL $$")
        #expect(end.signal == SIGILL)
        #expect(end.stderr.hasPrefix("main.swift:3: Fatal error: no more\nframe 0\nframe 1\n"))
        #expect(!end.stderr.contains("frame 999"))
        #expect(end.stderr.utf8.count <= FleetLimits.stderr)
        let exit = WorkerExit(worker: "w", pid: 1, signal: end.signal, stderr: end.stderr)
        #expect(exit.lastWords == "; last output: main.swift:3: Fatal error: no more")
    }

    /// Swift's backtracer prints registers and hundreds of images after the frames, and other output may follow.
    @Test func theHeadOfACrashIsKept() async {
        let (end, _) = await end(
            of: """
                echo early
                printf '\\n*** Signal 11: Backtracing from 0x1234... done ***\\n\\n'
                echo '*** Program crashed: Bad pointer dereference at 0x0 ***'
                printf '\\nThread 0 "main" crashed:\\n\\n0 0x1234 work() + 12 in worker\\n1 0x1235 main in worker\\n'
                printf '\\nRegisters:\\n\\nrax 0x00\\n'
                i=0; while [ $i -lt 1000 ]; do echo image $i; i=$((i+1)); done
                kill -SEGV $$
                """)
        #expect(end.signal == SIGSEGV)
        #expect(
            end.stderr == """
                *** Signal 11: Backtracing from 0x1234... done ***
                *** Program crashed: Bad pointer dereference at 0x0 ***
                Thread 0 "main" crashed:
                0 0x1234 work() + 12 in worker
                1 0x1235 main in worker
                """)
    }

    /// A line of `=` is no report of a sanitizer.
    @Test func aRulerIsNoCrash() async {
        let (end, _) = await end(
            of: "echo =====; i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done; kill -TERM $$")
        #expect(end.signal == SIGTERM)
        #expect(end.stderr.hasSuffix("line 999"))
    }

    @Test func theHeadOfASanitizersReportIsKept() async {
        let (end, _) = await end(
            of: "echo ===; echo '==7==ERROR: AddressSanitizer: heap-use-after-free'; echo '    #0 0x1 in work'; "
                + "echo 'SUMMARY: AddressSanitizer'; i=0; while [ $i -lt 1000 ]; do echo $i; i=$((i+1)); done; "
                + "kill -ABRT $$")
        #expect(end.stderr == "==7==ERROR: AddressSanitizer: heap-use-after-free\n    #0 0x1 in work")
    }

    /// A grandchild that keeps stderr open does not keep the end from being known.
    @Test func aGrandchildDoesNotHoldTheEndBack() async throws {
        let begun = ContinuousClock.now
        let (end, _) = await end(of: "sleep 20 & echo $! >&2; exit 4")
        #expect(end.status == 4)
        #expect(ContinuousClock.now - begun < .seconds(10))
        // Nor does it remain.
        let pid = try #require(Int32(end.stderr))
        try await expectGone(pid)
    }

    /// A wrapper script's children get the signal too. A shell that waits for its child would not pass it on.
    @Test(arguments: [SIGTERM, SIGKILL]) func aSignalReachesAWrappersChildren(_ signal: Int32) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wsperf-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let script = "sleep 300 >/dev/null 2>&1 & echo $! > \(folder)/new; mv \(folder)/new \(folder)/pid; wait"
        let (end, _) = await end(of: script) { process in
            while !FileManager.default.fileExists(atPath: "\(folder)/pid") { usleep(10_000) }
            process.send(signal: signal)
        }
        #expect(end.signal == signal)
        let text = try String(contentsOfFile: "\(folder)/pid", encoding: .utf8)
        try await expectGone(#require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))))
    }

    private func expectGone(_ pid: Int32) async throws {
        func isRunning() -> Bool {
            let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            return status.map { !$0.contains("State:\tZ") } ?? false
        }
        for _ in 0..<500 where isRunning() { try await Task.sleep(for: .milliseconds(20)) }
        #expect(!isRunning())
        if isRunning() { kill(pid, SIGKILL) }
    }
}
