import Testing
import WSPerfCore

/// What the author of a client or scheduler sees of a plan.
@Suite struct PlanReaderTests {
    enum Mode: String, CaseIterable { case slow, fast }

    private func reader(_ json: String) throws -> PlanReader { try PlanNode(json: json).reader(at: "schedule") }

    @Test func readsEveryType() throws {
        let reader = try reader(
            #"""
            {"text":"x","count":3,"factor":0.5,"on":true,"every":"250ms","length":"4KiB","rate":"30/m","mode":"fast",
            "inner":{"deep":1},"list":[1,2]}
            """#)
        #expect(reader.string("text") == "x")
        #expect(reader.integer("count", in: 1...3) == 3)
        #expect(reader.number("factor") == 0.5)
        #expect(reader.boolean("on") == true)
        #expect(reader.duration("every") == .milliseconds(250))
        #expect(reader.size("length") == 4096)
        #expect(reader.rate("rate") == 0.5)
        #expect(reader.choice("mode", default: Mode.slow) == .fast)
        #expect(reader.mapping("inner").integer("deep") == 1)
        #expect(reader.list("list").map { $0.integer() } == [1, 2])
        try reader.finish()
    }

    @Test func absentAndNullKeysReadAsDefaults() throws {
        let reader = try reader(#"{"a":null}"#)
        #expect(reader.integer("a", default: 7) == 7)
        #expect(reader.duration("b", default: .seconds(2)) == .seconds(2))
        #expect(reader.choice("mode", default: Mode.slow) == .slow)
        #expect(reader.mapping("inner").string("x") == nil)
        #expect(reader.list("list").isEmpty)
        #expect(!reader.has("a"))
        try reader.finish()
    }

    @Test func saysEverythingThatIsWrongAtOnce() throws {
        let reader = try reader(
            #"""
            {"count":0,"whole":1.5,"big":99999999999999999999,"quoted":"3","flag":"yes","word":yes0,"mode":"fsat",
            "every":5,"inner":{"dep":1,"list":{"x":1}},"brust":2,"more":[1,"x"]}
            """#.replacingWord("yes0", with: "\"yes\""))
        #expect(reader.integer("count", in: 1...10) == nil)
        #expect(reader.integer("whole") == nil)
        #expect(reader.integer("big", in: 0...10) == nil)
        #expect(reader.integer("quoted") == nil)
        #expect(reader.boolean("flag") == nil)
        #expect(reader.number("word") == nil)
        #expect(reader.choice("mode", default: Mode.slow) == .slow)
        #expect(reader.duration("every") == nil)
        let inner = reader.mapping("inner")
        #expect(inner.integer("deep") == nil)
        #expect(inner.list("list").isEmpty)
        #expect(reader.integer("burst", default: 2) == 2)
        #expect(reader.list("more").map { $0.integer() } == [1, nil])
        reader.require("needed")
        #expect { try reader.finish() } throws: { error in
            "\(error)" == """
                schedule.count: must be from 1 to 10, not 0
                schedule.whole: expected a whole number, not '1.5'
                schedule.big: must be from 0 to 10, not 99999999999999999999
                schedule.quoted: expected a whole number, not the text "3" (write it without quotes)
                schedule.flag: expected true or false, not the text "yes" (write it without quotes)
                schedule.word: expected a number, not the text "yes" (write it without quotes)
                schedule.mode: expected slow or fast, not 'fsat'; did you mean 'fast'?
                schedule.every: a duration needs its unit: write 5s or 5ms, not 5
                schedule.inner.list: expected a list, not a mapping
                schedule.more[1]: expected a whole number, not the text "x" (write it without quotes)
                schedule.needed: missing
                schedule.brust: unknown key; did you mean 'burst'?
                schedule.inner.dep: unknown key; did you mean 'deep'?
                """
        }
    }

    @Test func listsAtMostTwentyProblems() throws {
        let keys = (0..<30).map { "\"k\($0)\":1" }.joined(separator: ",")
        let reader = try reader("{\(keys)}")
        #expect { try reader.finish() } throws: { error in
            guard let error = error as? PlanError else { return false }
            return error.problems.count == 20 && error.omitted == 10 && "\(error)".hasSuffix("\n… and 10 more")
        }
    }

    @Test func namesFileAndLine() {
        let node = PlanNode(
            .mapping([PlanNode.Entry(key: "intervall", line: 7, value: PlanNode(.scalar("1s", quoted: false), line: 7))]
            ),
            line: 6)
        let reader = node.reader(at: "schedule")
        _ = reader.duration("interval")
        #expect { try reader.finish() } throws: { error in
            guard let error = error as? PlanError else { return false }
            return "\(error)" == "line 7: schedule.intervall: unknown key; did you mean 'interval'?"
                && "\(error.inFile("plan.yaml"))"
                    == "plan.yaml:7: schedule.intervall: unknown key; did you mean 'interval'?"
        }
    }

    @Test func aScalarIsNoMapping() throws {
        let reader = try reader("5")
        #expect { try reader.finish() } throws: { "\($0)" == "schedule: expected a mapping (key: value), not '5'" }
    }

    @Test(
        arguments: [
            ("intervall", "interval"), ("intreval", "interval"), ("instance", "instances"), ("seeed", "seed"),
            ("message", "messages"), ("xyz", nil), ("", nil),
        ])
    func suggestsTheNearest(word: String, nearest: String?) {
        let words = ["interval", "instances", "seed", "messages", "machines"]
        #expect(PlanError.suggestion(for: word, among: words) == nearest)
    }
}

extension String {
    fileprivate func replacingWord(_ word: String, with other: String) -> String {
        split(separator: word, omittingEmptySubsequences: false).joined(separator: other)
    }
}
