import ArgumentParser
import Foundation
import Testing
import WSPerfCore

@testable import WSPerfPlanFile

@Suite struct PlanOptionsTests {
    private func plans(_ arguments: String...) throws -> [Plan] { try PlanOptions.parse(arguments).sweep() }

    private func withPlan(_ text: String, _ body: (String) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("plan-options-\(UUID())").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/plan.yaml"
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        try body(path)
    }

    @Test func aTargetIsEnough() throws {
        let plan = try #require(
            try plans(
                "--target", "ws://127.0.0.1:9/", "--machines", "1", "--processes", "2", "--instances", "100",
                "--interval",
                "1s", "--randomized-interval", "--messages", "5", "--message-length", "240", "--seed", "7"
            ).first)
        #expect(plan.connections == 200)
        #expect(plan.schedule == .randomized(.exponential(mean: .seconds(1))))
        #expect(plan.payload == .random(RandomPayloadOptions(length: .fixed(240))))
        #expect(plan.messages == 5)
        #expect(plan.seed == 7)
    }

    @Test func rampNamesTheOptionsThatExist() throws {
        let error = #expect(throws: PlanError.self) { try plans("--target", "ws://h/", "--ramp", "500/s") }
        #expect(error.map { "\($0)" } == "--ramp: write --ramp-rate 500/s, or --ramp-over 30s")
    }

    @Test func everyOptionIsAKey() throws {
        let plan = try #require(
            try plans(
                "--target", "wss://h/", "--name", "n", "--machines", "2", "--processes", "3", "--instances", "4",
                "--threads",
                "2", "--client", "own", "--distribution", "normal", "--interval", "2s", "--no-send-messages",
                "--messages", "5", "--duration", "6s", "--payload", "random", "--payload-format", "binary",
                "--message-length", "{uniform: [24, 30]}", "--timer-slack", "1ms", "--ramp-over", "7s",
                "--ramp-max-opening", "6", "--match", "tagged", "--in-flight", "8",
                "--max-unanswered", "9", "--seed", "10", "--no-verify", "--ca", "ca", "--certificate", "c", "--key",
                "k",
                "--server-name", "s", "--header", "A: b", "--header", "C: d", "--subprotocol", "x", "--subprotocol",
                "y",
                "--source-address", "10.0.0.1-10.0.0.9", "--source-address", "10.0.1.1", "--congestion-control",
                "cubic",
                "--connect-timeout", "1s", "--reply-timeout", "2s", "--close-timeout", "3s", "--idle-timeout", "4s",
                "--max-message-size", "1KiB", "--on-lost-worker", "abort", "--min-machines", "1", "--time-limit", "1h",
                "--join-timeout", "1s", "--launch-timeout", "2s",
                "--liveness", "3s", "--collect-timeout", "4s"
            ).first)
        #expect(
            plan.document.json
                == #"{"name":"n","target":"wss://h/","machines":2,"processes":3,"instances":4,"threads":2,"client":{"kind":"own"},"schedule":{"kind":"randomized","distribution":"normal","interval":"2s","stddev":"500ms"},"payload":{"kind":"random","format":"binary","length":{"uniform":[24,30]}},"send_messages":false,"messages":5,"duration":"6s","timer_slack":"1ms","ramp":{"over":"7s","max_opening":6},"match":"tagged","in_flight":8,"max_unanswered":9,"seed":10,"tls":{"verify":false,"ca":"ca","certificate":"c","key":"k","server_name":"s"},"headers":["A: b","C: d"],"subprotocols":["x","y"],"source_addresses":["10.0.0.1-10.0.0.9","10.0.1.1"],"congestion_control":"cubic","timeouts":{"connect":"1s","reply":"2s","close":"3s","idle":"4s"},"max_message_size":1024,"reconnect":"never","on_lost_worker":"abort","min_machines":1,"time_limit":"3600s","thresholds":[],"fleet":{"join":"1s","launch":"2s","liveness":"3s","collect":"4s"}}"#
        )
        let replay = try #require(
            try plans(
                "--target", "ws://h/", "--replay-log", "x.jsonl", "--replay-speed", "10", "--replay-loop", "--messages",
                "3"
            )
            .first)
        #expect(replay.schedule == .replay(ReplayOptions(log: "x.jsonl", speed: 10, loop: true)))
        #expect(replay.payload.kind == "replay")
        #expect(try plans("--target", "ws://h/", "--schedule", "own").first?.schedule.kind == "own")
        #expect(
            try plans("--target", "ws://h/", "--messages", "1", "--ramp-rate", "5/s").first?.ramp == .rate(perSecond: 5)
        )
    }

    @Test func optionsOverrideTheFileAndSetOverridesOptions() throws {
        let text = """
            target: ws://file/
            instances: 10
            schedule: {kind: randomized, distribution: exponential, interval: 60s}
            messages: 12
            ramp: {rate: 500/s, max_opening: 40}
            tls: {ca: ca.pem}
            """
        try withPlan(text) { path in
            let plan = try #require(
                try plans(
                    path, "--instances", "20", "--interval", "1s", "--ramp-over", "5s", "--set", "instances=30",
                    "--set",
                    "timeouts.reply=2s", "--set", "schedule.distribution=poisson", "--set", "schedule.unit=100ms"
                ).first)
            #expect(plan.instances == 30)
            #expect(plan.messages == 12)
            #expect(plan.ramp == .over(.seconds(5)))
            #expect(plan.maxOpening == 40)
            #expect(plan.schedule == .randomized(.poisson(mean: .seconds(1), unit: .milliseconds(100))))
            #expect(plan.timeouts.reply == .seconds(2))
            #expect(plan.tls.ca == path.replacingOccurrences(of: "plan.yaml", with: "ca.pem"))
            let bounded = try #require(try plans(path, "--ramp-max-opening", "30", "--timer-slack", "auto").first)
            #expect(bounded.ramp == .rate(perSecond: 500) && bounded.maxOpening == 30 && bounded.timerSlack == nil)
            #expect(try plans(path, "--no-randomized-interval").first?.schedule == .periodic(every: .seconds(60)))
            #expect(try plans(path, "--ca", "x.pem").first?.tls.ca == "x.pem")
            #expect(try plans(path, "--set", "messages=null", "--set", "duration=1s").first?.messages == nil)
            let sweep = try plans(path, "--set", "runs=[{instances: 1}, {name: two, messages: 3}]", "--messages", "9")
            #expect(sweep.map(\.name) == ["run-1", "two"])
            #expect(sweep.map(\.messages) == [9, 3])
        }
    }

    @Test func relativePathsStartFromThePlansDirectory() throws {
        let text = """
            target: ws://h/
            schedule: {kind: replay, log: a.jsonl}
            payload: {kind: fixed, file: /abs/b}
            runs:
              - {schedule: {log: c.jsonl}}
              - {schedule: {kind: own, log: d.jsonl}}
            """
        try withPlan(text) { path in
            let directory = path.replacingOccurrences(of: "plan.yaml", with: "")
            let runs = try plans(path)
            #expect(runs[0].referencedFiles == [directory + "c.jsonl", "/abs/b"])
            #expect(runs[1].schedule.ownOptions?["log"]?.text == "d.jsonl")
        }
    }

    @Test(
        arguments: [
            ([], "missing: give a plan file or --target"),
            (["--target", "h"], "--target: 'h' has no scheme: write ws://h"),
            (["--target", "ws://h/"], "messages: missing: give messages or duration, so that the run ends"),
            (["--messages", "0"], "--messages: must be from 1 to 1000000000, not 0"),
            (["--instances=-5"], "--instances: must be from 1 to 10000000, not -5"),
            (["--machines", "two"], "--machines: expected a whole number, not 'two'"),
            (["--interval", "1 sec"], "--interval: 'sec' is not a unit of time: write ns, us, ms, s, m or h"),
            (["--interval", ""], "--interval: expected a duration such as 250ms, 1s, 2m or 1.5h, not ''"),
            (["--ramp-rate", "5"], "--ramp-rate: a rate needs its unit: write 5/s, not 5"),
            (["--ramp-rate", "5/s", "--ramp-over", "1s"], "--ramp-over: give either rate or over, not both"),
            (["--ramp-max-opening", "0"], "--ramp-max-opening: must be from 1 to 10000000, not 0"),
            (
                ["--timer-slack", "soon"],
                "--timer-slack: expected auto, or a duration such as 400us or 0, not 'soon'"
            ),
            (["--header", "x"], "--header: expected a header such as 'Origin: https://example.org', not 'x'"),
            (
                ["--message-length", "[1"],
                "--message-length: not YAML: did not find expected ',' or ']' (while parsing a flow sequence)"
            ),
            (
                ["--message-length", "{unifrm: [1, 2]}"],
                "--message-length.unifrm: unknown key; did you mean 'uniform'?"
            ),
            (["--set", "instances"], "--set: expected key=value, such as schedule.interval=5s, not 'instances'"),
            (["--set", "=5"], "--set: expected key=value, such as schedule.interval=5s, not '=5'"),
            (["--set", "schedule.intervall=5s"], "--set schedule.intervall: unknown key; did you mean 'interval'?"),
            (["--set", "instances=0"], "--set instances: must be from 1 to 10000000, not 0"),
            (
                ["--set", "schedule=["],
                "--set schedule: not YAML: did not find expected node content (while parsing a flow node)"
            ),
            (["--replay-log", "x", "--schedule", "periodic"], "--replay-log: contradicts --schedule periodic"),
            (
                ["--replay-log", "x", "--randomized-interval"],
                "--randomized-interval: contradicts schedule.kind, which is 'replay'"
            ),
        ] as [([String], String)])
    func errorsNameTheOption(arguments: [String], message: String) throws {
        let needed = ["--target", "ws://h/", "--messages", "1"]
        var all = arguments
        if !arguments.isEmpty, !arguments.contains("--target") {
            all += arguments.contains("--messages") ? ["--target", "ws://h/"] : needed
        }
        let options = try PlanOptions.parse(all)
        #expect { try options.sweep() } throws: { error in
            if "\(error)" != message { print("was: \(error)") }
            return "\(error)" == message
        }
    }

    @Test func errorsNameTheFileOrTheOption() throws {
        try withPlan("target: ws://h/\nmessages: 1\nintervall: 1s\nmachines: 0\ninstances: 3\n") { path in
            #expect { try plans(path, "--machines", "1", "--seed", "x") } throws: { error in
                "\(error)" == """
                    \(path):3: intervall: unknown key; did you mean 'interval'?
                    --seed: expected a whole number from 0 to 18446744073709551615, not 'x'
                    """
            }
            #expect { try plans(path + "x") } throws: { "\($0)" == "cannot read \(path)x: No such file or directory" }
        }
        try withPlan("messages: 1\ninterval: 1s\nschedule: {interval: 1s}\n") { path in
            #expect { try plans(path) } throws: {
                "\($0)" == "\(path):2: interval: given twice: here and as schedule.interval"
            }
        }
        try withPlan("messages: 1\n") { path in
            #expect { try plans(path) } throws: { "\($0)" == "\(path): target: missing" }
        }
    }

    @Test(arguments: [
        ["--name", "--no-verify"], ["--header", "--no-verify"], ["--set", "--no-verify"], ["--interval"],
    ])
    func anOptionWithoutItsValueIsAnError(_ arguments: [String]) {
        #expect { try PlanOptions.parse(["--target", "ws://h/"] + arguments) } throws: {
            PlanOptions.message(for: $0).contains("Missing value for '\(arguments[0])")
        }
    }

    /// The help has groups, and says for each option what it takes.
    @Test func theHelpIsGrouped() {
        let help = PlanOptions.helpMessage(columns: 200)
        let titles = ["TARGET", "LOAD", "PAYLOAD", "CONNECTION", "TLS", "DEADLINES", "FLEET"].map { "\n\($0) OPTIONS:" }
        #expect(
            titles.allSatisfy {
                help.uppercased().contains($0) || help.uppercased().contains($0.replacing(" OPTIONS", with: ""))
            }, "\(help)")
        for placeholder in ["--interval <TIME>", "--instances <N>", "--ca <PEM>", "--target <URL>"] {
            #expect(help.contains(placeholder), "\(placeholder)")
        }
    }

    /// Every option is in the manual.
    @Test func everyOptionIsDocumented() throws {
        let help = PlanOptions.helpMessage(columns: 200)
        let options = Set(help.matches(of: /--[a-z-]+/).map { String($0.output) }).subtracting(["--help"])
        #expect(options.count > 45)
        let manual = try String(contentsOf: Repository.file("Docs/Plan.md"), encoding: .utf8)
        let missing = options.filter { option in
            let plain = option.replacingOccurrences(of: "--no-", with: "--")
            let name = plain.dropFirst(2)
            return !manual.contains("`\(plain)") && !manual.contains("`--[no-]\(name)`")
        }
        #expect(missing.sorted() == [])
    }
}

extension SchedulePlan {
    /// The options of a custom schedule.
    fileprivate var ownOptions: PlanNode? {
        if case .custom(let component) = self { component.options } else { nil }
    }
}
