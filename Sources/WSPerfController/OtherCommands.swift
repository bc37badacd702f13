import ArgumentParser
import Foundation
import WSPerfCommand
import WSPerfCore
import WSPerfFleet
import WSPerfPlanFile
import WSPerfReport
import WSPerfTarget

struct Validate: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the resolved plan and its arithmetic; connects to nothing.")

    @OptionGroup var plan: PlanOptions

    func run() async throws {
        do throws(PlanError) {
            for (index, plan) in try plan.sweep().enumerated() {
                if index > 0 { print() }
                try plan.checkFiles()
                print(PlanSummary(plan))
                print(plan.document.yaml, terminator: "")
            }
        } catch {
            throw Self.fail(error)
        }
    }
}

struct Report: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes the results of a run again from its journal, also of one whose controller died.")

    @Argument(help: "The run directory.")
    var directory: String

    func run() async throws {
        do {
            let run = try RunRecorder.rebuild(RunDirectory(existing: directory)) { _ = Self.fail($0) }
            print(run.text, terminator: "")
            throw ExitCode(run.exitStatus)
        } catch let error as RunDirectoryError {
            throw Self.fail(error)
        }
    }
}

struct Demo: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a first load test on this machine, against the embedded server.",
        discussion:
            "Two listeners of two worker processes of 250 connections each; 10 messages each, a second apart in the mean."
    )

    @OptionGroup var fleet: FleetOptions

    func run() async throws {
        let server = try await TargetServer.start()
        var plan = Plan(target: try WSPerfCore.Target(server.url))
        plan.name = "demo"
        plan.machines = 2
        plan.processes = 2
        plan.instances = 250
        plan.messages = 10
        plan.schedule = .randomized(.exponential(mean: .seconds(1)))
        plan.payload = .random(RandomPayloadOptions(format: .text, length: .uniform(16...512)))
        let status = try await fleet.conduct([plan], forcingLocal: true)
        await server.stop()
        throw ExitCode(status)
    }
}

struct Target: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the embedded server: an echo server that can be told to misbehave.",
        discussion: "Prints its URL and serves until interrupted. Docs/Target.md lists the paths that misbehave.")

    @Option(help: "Address to listen on.")
    var host = "127.0.0.1"
    @Option(help: "Port to listen on; 0 takes a free one.")
    var port: UInt16 = 9001
    @Option(help: "Event loops.")
    var threads = 1
    @Option(help: ArgumentHelp("Serve wss:// with this certificate chain.", valueName: "PEM"))
    var certificate: String?
    @Option(help: ArgumentHelp("The certificate's private key.", valueName: "PEM"))
    var key: String?
    @Option(help: ArgumentHelp("Want clients' certificates, signed by this authority.", valueName: "PEM"))
    var clientAuthority: String?

    func validate() throws {
        guard (certificate == nil) == (key == nil) else { throw ValidationError("--certificate and --key go together") }
    }

    func run() async throws {
        var options = TargetOptions()
        (options.host, options.port, options.threads) = (host, Int(port), threads)
        if let certificate, let key {
            options.tls = TargetTLS(certificate: certificate, key: key, clientAuthority: clientAuthority)
        }
        do {
            let server = try await TargetServer.start(options: options)
            let interrupts = InterruptSource { Task { await server.stop() } }
            // Not buffered, because whoever started this waits for the line.
            FileHandle.standardOutput.write(Data("\(server.url)\n".utf8))
            await server.waitUntilStopped()
            withExtendedLifetime(interrupts) {}
        } catch let error as TargetError {
            throw Self.fail(error)
        }
    }
}
