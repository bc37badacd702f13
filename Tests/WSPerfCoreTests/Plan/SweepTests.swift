import Testing

@testable import WSPerfCore

@Suite struct SweepTests {
    @Test func aPlanWithoutRunsIsOneRun() throws {
        let sweep = try Sweep(document: PlanNode(json: #"{"target":"ws://h/","messages":1,"name":"x"}"#))
        #expect(sweep.plans.map(\.name) == ["x"])
    }

    @Test func eachRunOverridesThePlan() throws {
        let sweep = try Sweep(
            document: PlanNode(
                json: #"""
                    {"target":"ws://h/","messages":5,"instances":10,"schedule":{"interval":"60s"},"ramp":{"rate":"5/s"},
                    "timeouts":{"connect":"1s"},"runs":[
                    {"instances":20},
                    {"name":"fast","interval":"1s","ramp":{"over":"2s"},"timeouts":{"reply":"3s"}},
                    {"randomized_interval":true,"messages":null,"duration":"5s"}]}
                    """#))
        #expect(sweep.plans.map(\.name) == ["run-1", "fast", "run-3"])
        #expect(sweep.plans.map(\.instances) == [20, 10, 10])
        #expect(
            sweep.plans.map(\.schedule) == [
                .periodic(every: .seconds(60)), .periodic(every: .seconds(1)),
                .randomized(.exponential(mean: .seconds(60))),
            ])
        #expect(sweep.plans.map(\.ramp) == [.rate(perSecond: 5), .over(.seconds(2)), .rate(perSecond: 5)])
        #expect(sweep.plans[1].timeouts.connect == .seconds(1))
        #expect(sweep.plans[1].timeouts.reply == .seconds(3))
        #expect(sweep.plans.map(\.messages) == [5, 5, nil])
    }

    @Test(
        arguments: [
            (#"{"kind":"randomized"}"#, #"{"kind":"randomized","interval":"9s"}"#),
            (#"{"kind":"replay","log":"x"}"#, #"{"kind":"replay","log":"x"}"#),
            (#"{"kind":"own","interval":"3s"}"#, #"{"kind":"own","interval":"3s"}"#),
            (#"{"phase":"aligned"}"#, #"{"interval":"9s","phase":"aligned"}"#),
        ])
    func anotherKindDropsTheOptionsOfTheFormer(overlay: String, expected: String) throws {
        let base = try PlanNode(json: #"{"schedule":{"interval":"9s","phase":"random"}}"#)
        let merged = base.merging(.mapping(["schedule": try PlanNode(json: overlay)]))
        let found = Dictionary(
            uniqueKeysWithValues: merged["schedule"]?.entries.map { ($0.key, $0.value) } ?? [])
        let wanted = Dictionary(
            uniqueKeysWithValues: try PlanNode(json: expected).entries.map { ($0.key, $0.value) })
        #expect(found == wanted)
    }

    @Test(
        arguments: [
            (#"{"rate":"9/s","max_opening":5}"#, #"{"over":"3s"}"#, RampPlan.over(.seconds(3)), 5),
            (#"{"over":"3s","max_opening":5}"#, #"{"rate":"9/s"}"#, .rate(perSecond: 9), 5),
            (#"{"rate":"9/s"}"#, #"{"max_opening":5}"#, .rate(perSecond: 9), 5),
            (#"{"over":"3s","max_opening":5}"#, #"{"max_opening":null}"#, .over(.seconds(3)), nil),
            (#"{"over":"3s","max_opening":5}"#, "null", .rate(perSecond: 1000), nil),
        ] as [(String, String, RampPlan, Int?)])
    func aRampIsMergedKeyByKey(base: String, overlay: String, ramp: RampPlan, maxOpening: Int?) throws {
        let merged = try PlanNode(json: #"{"target":"ws://h/","messages":1,"ramp":\#(base)}"#)
            .merging(PlanNode(json: #"{"ramp":\#(overlay)}"#))
        let plan = try Plan(document: merged)
        #expect(plan.ramp == ramp)
        #expect(plan.maxOpening == maxOpening)
    }

    @Test func uniformBoundsAndMeanReplaceEachOther() throws {
        func schedule(_ base: String, _ overlay: String) throws -> PlanNode? {
            try PlanNode(json: base).merging(PlanNode(json: overlay))["schedule"]
        }
        let uniform = #"{"schedule":{"kind":"randomized","distribution":"uniform","min":"1s","max":"2s"}}"#
        #expect(
            try schedule(uniform, #"{"schedule":{"interval":"9s"}}"#)
                == PlanNode(json: #"{"kind":"randomized","distribution":"uniform","interval":"9s"}"#))
        #expect(
            try schedule(uniform, #"{"schedule":{"distribution":"exponential"}}"#)
                == PlanNode(json: #"{"kind":"randomized","distribution":"exponential"}"#))
        #expect(
            try schedule(
                #"{"schedule":{"kind":"randomized","interval":"9s","distribution":"uniform"}}"#,
                #"{"schedule":{"min":"1s","max":"2s"}}"#)
                == PlanNode(json: #"{"kind":"randomized","distribution":"uniform","min":"1s","max":"2s"}"#))
    }

    @Test(
        arguments: [
            (#"{"runs":[]}"#, "runs: expected a list of 1 to 1000 mappings, one for each run"),
            (#"{"runs":{}}"#, "runs: expected a list of 1 to 1000 mappings, one for each run"),
            (#"{"runs":[5]}"#, "runs[0]: expected a mapping (key: value), not '5'"),
            (#"{"runs":[{},{"instances":0}]}"#, "runs[1].instances: must be from 1 to 10000000, not 0"),
            (#"{"runs":[{},{"instancs":1}]}"#, "runs[1].instancs: unknown key; did you mean 'instances'?"),
            (
                #"{"runs":[{"interval":"x"}]}"#,
                "runs[0].interval: expected a duration such as 250ms, 1s, 2m or 1.5h, not 'x'"
            ),
            (
                #"{"runs":[{"timeouts":{"connect":1}}]}"#,
                "runs[0].timeouts.connect: a duration needs its unit: write 1s or 1ms, not 1"
            ),
            (#"{"runs":[{"runs":[{}]}]}"#, "runs[0].runs: a sweep is not a single plan"),
            (#"{"runs":[{"name":"a"},{"name":"a"}]}"#, "runs[1].name: two runs have the name 'a'"),
            (#"{"runs":[{"name":"run-2"},{}]}"#, "runs[1].name: two runs have the name 'run-2'"),
            (#"{"machines":0,"runs":[{},{},{}]}"#, "machines: must be from 1 to 10000, not 0"),
        ])
    func refuses(json: String, message: String) throws {
        let base = try PlanNode(json: #"{"target":"ws://h/","messages":1}"#)
        #expect { try Sweep(document: base.merging(PlanNode(json: json))) } throws: { error in
            if "\(error)" != message { print("was: \(error)") }
            return "\(error)" == message
        }
    }
}
