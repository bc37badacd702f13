public import ArgumentParser
internal import WSPerfCore

/// `wsperf-listener doctor`.
public struct Doctor: StandardCommand {
    public static let configuration = CommandConfiguration(
        abstract: "Prints this machine's limits, the load that they allow, and the commands that raise them.",
        discussion: """
            With --connections N, tells whether this machine can hold N connections to one address and port of a server.

            Exit status: 0 yes (or no --connections), 1 no, 2 wrong usage.
            """)

    @Option(help: ArgumentHelp("Check whether the machine can hold this many connections.", valueName: "N"))
    var connections: Int?
    @Option(help: ArgumentHelp("Number of worker processes (default: as many as necessary).", valueName: "N"))
    var processes: Int?
    @Option(
        parsing: .unconditionalSingleValue,
        help: "Source addresses: an address, a range or a network, as in a plan; may be repeated.")
    var sourceAddress: [String] = []
    @Flag(help: "The connections use TLS (wss).")
    var secure = false
    @Option(help: .hidden)
    var root = ""

    public init() {}

    public func validate() throws {
        if connections == nil, processes != nil || !sourceAddress.isEmpty || secure {
            throw ValidationError("--processes, --source-address and --secure require --connections")
        }
        for (option, value) in [("--connections", connections), ("--processes", processes)] {
            if let value, !(1...1_000_000_000).contains(value) {
                throw ValidationError("\(option) must be from 1 to 1000000000, not \(value)")
            }
        }
    }

    public func run() async throws {
        let limits = MachineLimits(root: root)
        guard let connections else { return print(MachineReport(limits), terminator: "") }
        do throws(PlanError) {
            var sources = 0
            for text in sourceAddress { sources += try AddressRange(text).count }
            let verdict = ConnectionsVerdict(
                connections, processes: processes, sources: sources, isSecure: secure, limits: limits)
            print(verdict, terminator: "")
            if verdict.isAllowed { return }
        } catch {
            throw Self.fail("--source-address: \(error)")
        }
        throw ExitCode(1)
    }
}
