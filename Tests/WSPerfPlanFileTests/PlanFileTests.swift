import Foundation
import Testing
import WSPerfCore

@testable import WSPerfPlanFile

@Suite struct PlanFileTests {
    /// A file that a custom component names travels like the stock ones.
    @Test func filesOfOwnComponents() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wsperf-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try "secret".write(toFile: folder + "/tokens.txt", atomically: true, encoding: .utf8)
        let text = "target: ws://h/\nmessages: 1\nclient:\n  kind: mine\n  tokens: {file: tokens.txt}\n"
        try text.write(toFile: folder + "/plan.yaml", atomically: true, encoding: .utf8)

        let plan = try Plan(document: PlanFile.load(path: folder + "/plan.yaml"))
        #expect(plan.referencedFiles == [folder + "/tokens.txt"])
        try plan.checkFiles()
        // As on a worker's machine, which does not have the file.
        var sent = try Plan(document: PlanNode(json: Array(plan.document.json.utf8)))
        try FileManager.default.moveItem(atPath: folder + "/tokens.txt", toPath: folder + "/moved")
        sent.fileLocations = [folder + "/tokens.txt": folder + "/moved"]
        let reader = ComponentContext(options: sent.client.options, plan: sent).reader(at: "client")
        #expect(reader.file("tokens") == Array("secret".utf8))
        #expect(reader.file("absent") == nil)
        try reader.finish()

        let again = try Plan(document: PlanFile.load(path: folder + "/plan.yaml"))
        #expect { try again.checkFiles() } throws: {
            "\($0)" == "5: client.tokens: cannot read \(folder)/tokens.txt: No such file or directory"
                || "\($0)" == "line 5: client.tokens: cannot read \(folder)/tokens.txt: No such file or directory"
        }
    }

    @Test func readsYAMLWithLines() throws {
        let node = try PlanFile.parse(
            """
            # a comment
            target: ws://h/
            schedule: {kind: periodic,
              interval: 1s}
            headers:
              - 'Origin: x'
              - "5"
            messages: ~
            note: |
              two
              lines
            """)
        #expect(
            node.json
                == #"{"target":"ws://h/","schedule":{"kind":"periodic","interval":"1s"},"headers":["Origin: x","5"],"messages":null,"note":"two\nlines"}"#
        )
        #expect(node["target"]?.line == 2)
        #expect(node["schedule"]?["interval"]?.line == 4)
        guard case .sequence(let headers)? = node["headers"]?.content else { return #expect(Bool(false)) }
        #expect(headers.map(\.line) == [6, 7])
        guard case .mapping(let entries) = node.content else { return #expect(Bool(false)) }
        #expect(entries.map(\.line) == [2, 3, 5, 8, 9])
    }

    @Test(arguments: ["", "# nothing\n", "---\n", "null", "{}"])
    func anEmptyFileIsAnEmptyPlan(text: String) throws {
        #expect(try PlanFile.parse(text) == .mapping([] as [PlanNode.Entry]))
    }

    @Test func jsonIsYAML() throws {
        let text = #"{"target": "ws://h/", "messages": 5, "a": [1, "2", true, null]}"#
        #expect(try PlanFile.parse(text) == PlanNode(json: text))
    }

    @Test func aliasesRepeatValues() throws {
        let node = try PlanFile.parse("a: &x {b: 1}\nc: *x\nruns: [*x, *x]\n")
        #expect(node.json == #"{"a":{"b":1},"c":{"b":1},"runs":[{"b":1},{"b":1}]}"#)
    }

    @Test(
        arguments: [
            ("- a\n- b", "p.yaml:1: expected a mapping (key: value) at the top"),
            ("just text", "p.yaml:1: expected a mapping (key: value) at the top"),
            ("a: 1\nb: 2\na: 3", "p.yaml:1: a: the key appears twice in this mapping"),
            ("x:\n  a: 1\n  'a': 2", "p.yaml:2: a: the key appears twice in this mapping"),
            (
                "a: b: c",
                "p.yaml:1: unexpected ':': indent this line like the keys around it, or quote the value"
            ),
            ("a: [1, 2", "p.yaml:2: not YAML: did not find expected ',' or ']' (while parsing a flow sequence)"),
            ("a: \"x", "p.yaml:1: not YAML: found unexpected end of stream (while scanning a quoted scalar)"),
            ("a: 1\nb: \u{1}", "p.yaml:2: not YAML: control characters are not allowed"),
            ("a: *nothing", "p.yaml:1: an alias (*name) without an anchor (&name) before it"),
            ("a: 1\n---\nb: 2", "p.yaml:2: a second document begins here; a plan is one document"),
            ("a: !secret x", "p.yaml:1: tags such as '!secret' are not supported"),
            ("a:\n  !!python/object {}", "p.yaml:2: tags such as 'tag:yaml.org,2002:python/object' are not supported"),
            ("a: !!int 5", "p.yaml:1: tags such as 'tag:yaml.org,2002:int' are not supported"),
            ("? [a]\n: 1", "p.yaml:1: a key must be a word, not a list or a mapping"),
            ("a: &x {b: 1}\nc:\n  <<: *x", "p.yaml:3: merge keys (<<) are not supported"),
            ("a: &x {b: 1}\n*x : 1", "p.yaml:2: an alias can stand for a value, not for a key or part of a key"),
            ("a: &x {b: 1}\n? *x\n: 1", "p.yaml:2: an alias can stand for a value, not for a key or part of a key"),
            ("a: &x {b: 1}\n[*x]: 1", "p.yaml:2: an alias can stand for a value, not for a key or part of a key"),
        ])
    func refuses(text: String, message: String) {
        #expect { try PlanFile.parse(text, fileName: "p.yaml") } throws: { error in
            if "\(error)" != message { print("was: \(error)") }
            return "\(error)" == message
        }
    }

    @Test func boundsSizeDepthAndAliases() {
        func message(_ text: String) -> String {
            do throws(PlanError) {
                _ = try PlanFile.parse(text)
                return "none"
            } catch {
                return "\(error)"
            }
        }
        #expect(message(String(repeating: "# long\n", count: 200_000)) == "longer than 1048576 bytes")
        #expect(
            message("a: " + String(repeating: "[", count: 40) + String(repeating: "]", count: 40)).contains(
                "nested deeper"))
        #expect(message("a: " + String(repeating: "[", count: 500_000)).contains("not YAML"))
        #expect(message(String(repeating: "- ", count: 500_000)).contains("not YAML"))
        #expect(message(String(repeating: "{a: ", count: 250_000)).contains("not YAML"))
        // Nine levels of nine: 387 million values.
        var laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let reference = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            laughs += "a\(level): &a\(level) [\(reference)]\n"
        }
        #expect(message(laughs).contains("more than 100000 values"))
        #expect(message(laughs + "*a9 : 1\n").contains("an alias can stand for a value"))
    }

    /// The mistakes that newcomers make first. Each message says what to change.
    @Test(
        arguments: [
            ("schedule:\n\tkind: periodic", "p.yaml:2: a tab: YAML allows only spaces as indentation"),
            ("a: 1\n\tb: 2", "p.yaml:2: a tab: YAML allows only spaces as indentation"),
            ("a:\n  - 1\n\t- 2", "p.yaml:3: a tab: YAML allows only spaces as indentation"),
            ("name: @home", "p.yaml:1: a value can't begin with @: quote it"),
            (
                "schedule:\n  kind: periodic\n interval: 1s",
                "p.yaml:3: wrong indentation: this line doesn't line up with the mapping that begins in line 1"
            ),
            (
                "schedule:\n  kind: periodic\n    interval: 1s",
                "p.yaml:3: unexpected ':': indent this line like the keys around it, or quote the value"
            ),
            (
                "headers:\n  - 'A: b'\n  x: 1",
                "p.yaml:3: wrong indentation, or '- ' is missing: this line is inside the list that begins in line 2"
            ),
            ("instances 5\nmessages: 1", "p.yaml:1: a key without ':' (write key: value)"),
            ("a: 1\ninstances 5", "p.yaml:2: a key without ':' (write key: value)"),
        ])
    func saysWhatToChange(text: String, message: String) {
        #expect {
            try PlanFile.parse(text, fileName: "p.yaml")
        } throws: { error in
            if "\(error)" != message { print("was: \(error)") }
            return "\(error)" == message
        }
    }

    @Test func aListInPlaceOfAMappingShowsTheForm() {
        func message(_ schedule: String) -> String {
            do throws(PlanError) {
                _ = try Sweep(document: PlanFile.parse("target: ws://h/\nmessages: 1\nschedule: \(schedule)"))
                return "none"
            } catch {
                return "\(error)"
            }
        }
        #expect(
            message("\n  - kind: periodic\n  - interval: 1s")
                == "line 4: schedule: expected a mapping (key: value), not a list: write {kind: periodic, interval: 1s}, "
                + "or each key on its own line without '- '")
        #expect(
            message("[periodic, 1s]")
                == "line 3: schedule: expected a mapping (key: value), not a list: write {key: value, …}")
    }

    @Test func thePlanSuggestsTheKindThatBeginsLikeTheGivenOne() throws {
        let document = try PlanFile.parse("target: ws://h/\nmessages: 1\nschedule: random")
        let plan = try #require(Sweep(document: document).plans.first)
        #expect(plan.notices.contains { $0.contains("'random'") && $0.contains("did you mean 'randomized'?") })
    }

    /// Every error in a plan names its line.
    @Test(
        arguments: [
            ("target: ws://h/\nmachines: 0", 2, "machines: must be from 1 to 10000, not 0"),
            ("target: ws://h/\ninstances: -5", 2, "instances: must be from 1 to 10000000, not -5"),
            (
                "target: ws://h/\nschedule:\n  intervall: 1s", 3,
                "schedule.intervall: unknown key; did you mean 'interval'?"
            ),
            ("target: ws://h/\ninterval: 5", 2, "interval: a duration needs its unit: write 5s or 5ms, not 5"),
            ("\n\ntarget: h", 3, "target: 'h' has no scheme: write ws://h"),
            (
                "target: ws://h/\nruns:\n  - {}\n  - instances: many", 4,
                "runs[1].instances: expected a whole number, not 'many'"
            ),
            (
                "target: ws://h/\nruns:\n  - {}\n  - instnces: 1", 4,
                "runs[1].instnces: unknown key; did you mean 'instances'?"
            ),
            ("target: ws://h/\ntimeouts:\n\n  conect: 1s", 4, "timeouts.conect: unknown key; did you mean 'connect'?"),
            (
                "target: ws://h/\nheaders:\n- a", 3,
                "headers[0]: expected a header such as 'Origin: https://example.org', not 'a'"
            ),
            (
                "target: ws://h/\nmatch: 'tagged'\nmessages: 5\npayload:\n  length: 8", 5,
                "payload.length: match: tagged needs text messages of at least 48 bytes, not 8"
            ),
            ("target: ws://h/\ntls: {verify: True}", 2, "tls.verify: expected true or false, not 'True'"),
            (
                "target: ws://h/\nin_flight: \"1\"", 2,
                "in_flight: expected a whole number, not the text \"1\" (write it without quotes)"
            ),
        ])
    func namesTheLine(text: String, line: Int, message: String) throws {
        let document = try PlanFile.parse(text.contains("messages") ? text : text + "\nmessages: 1")
        #expect {
            do throws(PlanError) {
                _ = try Sweep(document: document)
            } catch {
                throw error.inFile("plan.yaml")
            }
        } throws: { error in
            if "\(error)" != "plan.yaml:\(line): \(message)" { print("was: \(error)") }
            return "\(error)" == "plan.yaml:\(line): \(message)"
        }
    }

    /// Text with bytes changed, removed and duplicated must give a document or an error, and never a crash.
    @Test func survivesEveryMutation() {
        var state: UInt64 = 7
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let text = """
            target: &t wss://localhost:9443/x
            schedule: {kind: randomized, interval: 60s}
            payload:
              kind: random
              length: {weighted: [[16, 0.7], [4096, 0.3]]}
            headers: ["A: b", 'C: d']
            note: |
              block
            other: >-
              folded
            again: *t
            runs:
              - {instances: 1}
              - instances: 2
            """
        let special = Array("&*!|>'\"%@`{}[],?:-#<=\n\t \\~0\u{0}é".utf8)
        var accepted = 0
        for _ in 0..<5000 {
            var bytes = Array(text.utf8)
            for _ in 0...random(4) {
                let index = random(bytes.count)
                switch random(4) {
                case 0: bytes.remove(at: index)
                case 1: bytes.insert(special[random(special.count)], at: index)
                case 2: bytes[index] = special[random(special.count)]
                default:
                    bytes.insert(
                        contentsOf: bytes[index..<min(bytes.count, index + random(30))], at: random(bytes.count))
                }
            }
            do throws(PlanError) {
                let node = try PlanFile.parse(String(decoding: bytes, as: UTF8.self))
                accepted += 1
                #expect(try PlanFile.parse(node.yaml) == node)
                #expect(try PlanNode(json: node.json) == node)
                _ = try? Sweep(document: node)
            } catch {
                #expect(!error.problems.isEmpty)
            }
        }
        #expect(accepted > 500)
    }
}
