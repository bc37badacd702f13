import Testing
import WSPerfCore
import WSPerfPlanFile

@Suite struct PlanYAMLTests {
    @Test func writesAReadablePlan() throws {
        var plan = Plan(target: try Target("ws://127.0.0.1:9001/"))
        plan.messages = 10
        plan.payload = .random(RandomPayloadOptions(length: .uniform(16...512)))
        plan.headers = [Header(name: "Origin", value: "https://example.org")]
        #expect(
            plan.document.yaml == """
                name: run
                target: ws://127.0.0.1:9001/
                machines: 1
                processes: 1
                instances: 1
                threads: 1
                client: {kind: stock}
                schedule: {kind: periodic, interval: 1s, phase: random}
                payload: {kind: random, format: text, length: {uniform: [16, 512]}}
                send_messages: true
                messages: 10
                duration: null
                timer_slack: auto
                ramp: {rate: 1000/s, max_opening: null}
                match: echo
                in_flight: null
                max_unanswered: 1024
                seed: 1
                tls: {verify: true, ca: null, certificate: null, key: null, server_name: null}
                headers: ["Origin: https://example.org"]
                subprotocols: []
                source_addresses: []
                congestion_control: null
                timeouts: {connect: 10s, reply: 10s, close: 5s, idle: null}
                max_message_size: 16777216
                reconnect: never
                on_lost_worker: continue
                min_machines: null
                time_limit: null
                thresholds: []
                fleet: {join: 60s, launch: 30s, liveness: 5s, collect: 30s}

                """)
        #expect(try Plan(document: PlanFile.parse(plan.document.yaml)) == plan)
    }

    @Test(
        arguments: [
            "", " ", "a", "5", "5s", "-", "- a", "-5", "--x", "true", "True", "null", "Null", "~", "no", "a: b", "a:",
            ":a",
            "a #b", "#a", "a,b", "[a", "{a}", "&a", "*a", "!a", "|", ">", "'a'", "\"a\"", "%a", "@a", "`a", "? a",
            "a\nb",
            "\t", "\u{0}", "\u{85}", "\u{2028}", "é", "😀", "1:30", "---", "...", "--- a", "<<", "=", "0x1F",
            "1e5",
            "a  b", "a ", "ws://h/?a=b&c", "C:\\dir", "\u{7F}", "\u{1B}[31m",
        ])
    func everyTextReadsBackUnchanged(text: String) throws {
        for quoted in [true, false] {
            let scalar = PlanNode(.scalar(text, quoted: quoted))
            let node = PlanNode.mapping([
                "k": scalar, "list": .sequence([scalar, .mapping(["x": scalar])]),
            ])
            let read = try PlanFile.parse(node.yaml)
            #expect(read["k"]?.text == text || (!quoted && text == "null"))
            if text != "null" || quoted { #expect(read == node) }
            let keyed = PlanNode.mapping([PlanNode.Entry(key: text, value: .integer(1))])
            if text != "<<" { #expect(try PlanFile.parse(keyed.yaml) == keyed) }
        }
    }

    /// As editors on other systems save it.
    @Test(arguments: ["\u{FEFF}", ""], ["\n", "\r\n"]) func byteOrderMarkAndLineEnds(
        _ mark: String, _ end: String
    ) throws {
        let text = mark + ["target: ws://h/", "messages: 3", "headers:", "- 'A: b'", ""].joined(separator: end)
        let plan = try Plan(document: PlanFile.parse(text))
        #expect(plan.target.description == "ws://h/" && plan.messages == 3 && plan.headers.count == 1)
    }

    @Test(arguments: [
        #"{a: "*b: c", d: e}"#, #"{a: '*b: c'}"#, #"{a: "x *b: c & d: e"}"#, #"{a: "&b *b: [x]: y"}"#,
        #"{a: "say \" *b: c"}"#, "{a: 'it''s *b: c'}", #"{"*": x, '&': y}"#, "a: &n x\nb: *n\nc: '*n: d'\n",
    ])
    func quotedStarsAndAmpersandsAreText(_ text: String) throws {
        _ = try PlanFile.parse(text)
    }

    /// Text outside quotes is still found.
    @Test(arguments: [
        "a: &n [x]\n*n : y\n", "a: &n [x]\nb: {'c': d, *n : y}\n", "# don't 'care\na: &n [x]\n'b': {*n : y, c: 'd'}\n",
        "{a: &n [x], b: 'c\n ', *n : ' '}",
    ])
    func aliasesAsKeysAreRefused(_ text: String) {
        #expect(throws: PlanError.self) { try PlanFile.parse(text) }
    }

    @Test func deepAndLongTreesReadBackUnchanged() throws {
        var node = PlanNode.integer(1)
        for depth in 0..<14 {
            node =
                depth % 3 == 0
                ? .sequence([node, .null, .sequence([])])
                : .mapping([
                    "a": node, "b": .mapping([] as [PlanNode.Entry]), "c": .string(String(repeating: "x y", count: 40)),
                ])
        }
        let document = PlanNode.mapping(["top": node])
        #expect(try PlanFile.parse(document.yaml) == document)
    }
}
