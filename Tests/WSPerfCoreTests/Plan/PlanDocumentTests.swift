import Testing

@testable import WSPerfCore

@Suite struct PlanDocumentTests {
    /// Plans that use every key and every form.
    static let documents = [
        #"{"target":"ws://h/","messages":1}"#,
        #"{"target":"wss://h:9443/x?y","name":"soak 1","machines":2,"processes":3,"instances":4,"threads":2,"messages":7,"duration":"90s","timer_slack":"1ms","match":"ping","in_flight":3,"max_unanswered":10,"seed":18446744073709551615,"max_message_size":"1MiB","time_limit":"1h"}"#,
        #"{"target":"ws://h/","interval":"250ms","messages":1}"#,
        #"{"target":"ws://h/","interval":"1500us","randomized_interval":true,"messages":1}"#,
        #"{"target":"ws://h/","interval":"1s","randomized_interval":false,"messages":1}"#,
        #"{"target":"ws://h/","schedule":"randomized","duration":"1m"}"#,
        #"{"target":"ws://h/","schedule":{"kind":"periodic","interval":"1s","phase":"aligned"},"messages":1}"#,
        #"{"target":"ws://h/","schedule":{"kind":"randomized","distribution":"uniform","min":"1s","max":"3s"},"messages":1}"#,
        #"{"target":"ws://h/","schedule":{"kind":"randomized","distribution":"uniform","interval":"2s"},"messages":1}"#,
        #"{"target":"ws://h/","schedule":{"kind":"randomized","distribution":"normal","interval":"2s","stddev":"100ms"},"messages":1}"#,
        #"{"target":"ws://h/","schedule":{"kind":"randomized","distribution":"poisson","interval":"60s"},"messages":1}"#,
        #"{"target":"ws://h/","schedule":{"kind":"replay","log":"a.jsonl","speed":2.5,"loop":true},"messages":9}"#,
        #"{"target":"ws://h/","schedule":{"kind":"replay","log":"a.jsonl"}}"#,
        #"{"target":"ws://h/","schedule":{"kind":"burst","size":3,"pause":"5s","nested":{"list":[1,"2",null]}},"client":{"kind":"mine","x":"y"},"payload":{"kind":"own"}}"#,
        #"{"target":"ws://h/","message_length":"4KiB","messages":1}"#,
        #"{"target":"ws://h/","payload":{"format":"binary","length":{"uniform":[16,"4KiB"]}},"messages":1}"#,
        #"{"target":"ws://h/","payload":{"length":{"normal":{"mean":200.5,"stddev":50,"min":16}}},"messages":1}"#,
        #"{"target":"ws://h/","payload":{"length":{"exponential":{"mean":"1KiB","max":"8KiB"}}},"messages":1}"#,
        #"{"target":"ws://h/","payload":{"length":{"weighted":[[16,0.7],["4KiB",0.3]]}},"messages":1}"#,
        #"{"target":"ws://h/","payload":{"length":{"fixed":16}},"messages":1}"#,
        #"{"target":"ws://h/","payload":{"kind":"fixed","data":"hello"},"messages":1}"#,
        #"{"target":"ws://h/","payload":{"kind":"fixed","format":"binary","file":"x.bin"},"messages":1}"#,
        #"{"target":"ws://h/","ramp":{"over":"30s"},"messages":1}"#,
        #"{"target":"ws://h/","ramp":{"rate":"30/m"},"messages":1}"#,
        #"{"target":"ws://h/","instances":9,"ramp":{"rate":"9000/s","max_opening":500},"timer_slack":"auto","messages":1}"#,
        #"{"target":"ws://h/","ramp":{"over":"3s","max_opening":1},"timer_slack":0,"messages":1}"#,
        #"{"target":"ws://h/","ramp":{"max_opening":7},"messages":1}"#,
        #"{"target":"wss://h/","tls":{"verify":false,"ca":"ca.pem","certificate":"c.pem","key":"k.pem","server_name":"s.example"},"messages":1}"#,
        #"{"target":"ws://h/","headers":{"Origin":"https://x","X-A":["1","2"]},"subprotocols":["a","b"],"messages":1}"#,
        #"{"target":"ws://h/","headers":["Origin: https://x",{"X-A":"1"}],"subprotocols":"a","messages":1}"#,
        #"{"target":"ws://h/","timeouts":{"connect":"1s","reply":"2s","close":"3s","idle":"4s"},"fleet":{"join":"1s","launch":"2s","liveness":"3s","collect":"4s"},"messages":1}"#,
        #"{"target":"ws://h/","messages":1,"machines":3,"min_machines":2,"on_lost_worker":"abort","reconnect":{"backoff":{"initial":"20ms","max":"5s","jitter":0.25},"limit":"none","schedule":"restart"}}"#,
        #"{"target":"ws://h/","send_messages":false}"#,
        #"{"target":"ws://h/","messages":1,"thresholds":["response.p99 < 50ms",{"check":"errors.rate < 1/s","after":"3s","abort":true}]}"#,
        #"{"target":"ws://h/","source_addresses":["127.0.1.1-127.0.1.40","10.0.0.0/24","fd00::1"],"congestion_control":"cubic","messages":1}"#,
        #"{"target":"ws://127.0.0.1/","source_addresses":"127.0.0.2","messages":1}"#,
        #"{"target":"ws://h/","interval":0,"in_flight":1,"messages":5,"match":"tagged","message_length":48}"#,
    ]

    @Test(arguments: documents)
    func theResolvedPlanIsThePlan(json: String) throws {
        let plan = try Plan(document: PlanNode(json: json))
        #expect(try Plan(document: plan.document) == plan)
        let sent = try PlanNode(json: plan.document.json)
        #expect(sent == plan.document)
        #expect(try Plan(document: sent) == plan)
    }

    @Test func aPlanWrittenInCodeIsTheSame() throws {
        var plan = Plan(target: try Target("ws://h/"))
        plan.messages = 3
        #expect(try Plan(document: plan.document) == plan)
        plan.schedule = .randomized(.normal(mean: .seconds(1), stddev: .milliseconds(3)))
        plan.payload = .random(RandomPayloadOptions(length: .weighted([.init(length: 3, weight: 0.1)])))
        plan.headers = [Header(name: "A", value: "b: c"), Header(name: "A", value: "")]
        #expect(try Plan(document: plan.document) == plan)
    }

    /// A run's record is for people, who may pass it on.
    @Test func secretHeadersStayOutOfRecords() throws {
        let json =
            #"{"target":"ws://h/","messages":1,"headers":["#
            + #""authorization: Bearer s3cret","Cookie: sid=s3cret",{"X-Token":{"secret":"s3cret"}},"Origin: o"]}"#
        let plan = try Plan(document: PlanNode(json: json))
        #expect(plan.headers.map(\.isSecret) == [true, true, true, false])
        #expect(plan.headers.dropFirst(2).first?.value == "s3cret")
        #expect(try Plan(document: plan.document) == plan)
        for record in [plan.record, RecordedPlan(plan).document] {
            #expect(!record.json.contains("s3cret"))
            #expect(
                record.json.contains(
                    #""headers":[{"authorization":{"secret":null}},{"Cookie":{"secret":null}},{"X-Token":{"secret":null}},"Origin: o"]"#
                ))
            #expect(throws: PlanError.self) { try Plan(document: record) }
        }
    }

    @Test func spellsEveryKeyOut() throws {
        let plan = try Plan(document: PlanNode(json: #"{"target":"ws://h/","messages":1}"#))
        #expect(
            plan.document.json
                == #"{"name":"run","target":"ws://h/","machines":1,"processes":1,"instances":1,"threads":1,"client":{"kind":"stock"},"schedule":{"kind":"periodic","interval":"1s","phase":"random"},"payload":{"kind":"random","format":"text","length":240},"send_messages":true,"messages":1,"duration":null,"timer_slack":"auto","ramp":{"rate":"1000/s","max_opening":null},"match":"echo","in_flight":null,"max_unanswered":1024,"seed":1,"tls":{"verify":true,"ca":null,"certificate":null,"key":null,"server_name":null},"headers":[],"subprotocols":[],"source_addresses":[],"congestion_control":null,"timeouts":{"connect":"10s","reply":"10s","close":"5s","idle":null},"max_message_size":16777216,"reconnect":"never","on_lost_worker":"continue","min_machines":null,"time_limit":null,"thresholds":[],"fleet":{"join":"60s","launch":"30s","liveness":"5s","collect":"30s"}}"#
        )
    }

    /// A given slack is a limit; none given is `auto`, which is for the engine to choose.
    @Test func timerSlack() throws {
        func slack(_ json: String) throws -> Duration? { try Plan(document: PlanNode(json: json)).timerSlack }
        #expect(try slack(#"{"target":"ws://h/","messages":1}"#) == nil)
        #expect(try slack(#"{"target":"ws://h/","messages":1,"timer_slack":"auto"}"#) == nil)
        #expect(try slack(#"{"target":"ws://h/","messages":1,"timer_slack":null}"#) == nil)
        #expect(try slack(#"{"target":"ws://h/","messages":1,"timer_slack":0}"#) == .zero)
        #expect(try slack(#"{"target":"ws://h/","messages":1,"timer_slack":"400us"}"#) == .microseconds(400))
    }

    @Test func shorthandsAreWhatTheyStandFor() throws {
        let short = try Plan(
            document: PlanNode(
                json:
                    #"{"target":"ws://h/","messages":1,"interval":"2s","randomized_interval":true,"message_length":16}"#
            ))
        #expect(short.schedule == .randomized(.exponential(mean: .seconds(2))))
        #expect(short.payload == .random(RandomPayloadOptions(length: .fixed(16))))
    }

    /// Every error, with its exact words.
    @Test(
        arguments: [
            (#"{"messages":1}"#, "target: missing"),
            (
                #"{"target":"http://h/"}"#,
                "target: 'http://h/' is not a WebSocket URL: use ws:// for http://, wss:// for https://"
            ),
            (#"{"target":["ws://h/"]}"#, "target: expected text, not a list"),
            (#"{"machines":0}"#, "machines: must be from 1 to 10000, not 0"),
            (#"{"processes":-1}"#, "processes: must be from 1 to 10000, not -1"),
            (#"{"instances":10000001}"#, "instances: must be from 1 to 10000000, not 10000001"),
            (#"{"instances":"5"}"#, "instances: expected a whole number, not the text \"5\" (write it without quotes)"),
            (#"{"threads":1.5}"#, "threads: expected a whole number, not '1.5'"),
            (#"{"threads":2}"#, "threads: more threads than instances (1)"),
            (
                #"{"machines":10000,"instances":1000000}"#,
                "instances: machines × processes × instances is more than 1000000000 connections"
            ),
            (#"{"messages":0}"#, "messages: must be from 1 to 1000000000, not 0"),
            (#"{"messages":[]}"#, "messages: expected a whole number, not a list"),
            (#"{"messages":null}"#, "messages: missing: give messages or duration, so that the run ends"),
            (#"{"instnces":1}"#, "instnces: unknown key; did you mean 'instances'?"),
            (#"{"intervall":"1s"}"#, "intervall: unknown key; did you mean 'interval'?"),
            (#"{"frobnicate":1}"#, "frobnicate: unknown key"),
            (#"{"runs":[{}]}"#, "runs: a sweep is not a single plan"),
            (#"{"interval":5}"#, "interval: a duration needs its unit: write 5s or 5ms, not 5"),
            (
                #"{"interval":"1s","schedule":{"interval":"2s"}}"#,
                "interval: given twice: here and as schedule.interval"
            ),
            (
                #"{"message_length":1,"payload":{"length":2}}"#,
                "message_length: given twice: here and as payload.length"
            ),
            (
                #"{"randomized_interval":true,"schedule":"periodic"}"#,
                "randomized_interval: contradicts schedule.kind, which is 'periodic'"
            ),
            (#"{"randomized_interval":1}"#, "randomized_interval: expected true or false, not '1'"),
            (#"{"interval":0}"#, "interval: 0 needs a closed loop: give in_flight as well"),
            (#"{"schedule":[]}"#, "schedule: expected a mapping (key: value), not a list"),
            (#"{"schedule":""}"#, "schedule.kind: '' is not a valid kind"),
            (
                #"{"schedule":{"phase":"alined"}}"#,
                "schedule.phase: expected random or aligned, not 'alined'; did you mean 'aligned'?"
            ),
            (#"{"schedule":{"intervall":"1s"}}"#, "schedule.intervall: unknown key; did you mean 'interval'?"),
            (#"{"schedule":{"kind":"periodic","log":"x"}}"#, "schedule.log: unknown key"),
            (
                #"{"schedule":{"kind":"randomized","distribution":"gamma"}}"#,
                "schedule.distribution: expected exponential, uniform, normal or poisson, not 'gamma'"
            ),
            (
                #"{"schedule":{"kind":"randomized","stddev":"1s"}}"#,
                "schedule.stddev: belongs to the normal distribution, not to the exponential one"
            ),
            (
                #"{"schedule":{"kind":"randomized","distribution":"uniform","min":"2s","max":"1s"}}"#,
                "schedule.min: min is above max"
            ),
            (#"{"schedule":{"kind":"randomized","distribution":"uniform","min":"2s"}}"#, "schedule.max: missing"),
            (
                #"{"schedule":{"kind":"randomized","distribution":"uniform","max":"2s","interval":"1s"}}"#,
                "schedule.interval: give either interval or min and max"
            ),
            (
                #"{"schedule":{"kind":"randomized","distribution":"poisson","unit":"0"}}"#,
                "schedule.unit: must be from 1us to 86400s, not 0s"
            ),
            (#"{"schedule":{"kind":"replay"}}"#, "schedule.log: missing"),
            (#"{"schedule":{"kind":"replay","log":""}}"#, "schedule.log: expected the path of a file, not ''"),
            (
                #"{"schedule":{"kind":"replay","log":"x","speed":0}}"#,
                "schedule.speed: must be from 0.001 to 1000000, not 0"
            ),
            (
                #"{"schedule":{"kind":"replay","log":"x","loop":true},"messages":null}"#,
                "schedule.loop: needs messages or duration, so that the run ends"
            ),
            (#"{"client":{"kind":"stock","x":1}}"#, "client.x: unknown key"),
            (#"{"payload":{"format":"json"}}"#, "payload.format: expected text or binary, not 'json'"),
            (#"{"payload":{"length":-1}}"#, "payload.length: must not be negative, not -1"),
            (
                #"{"message_length":"64k"}"#,
                "message_length: write 64KiB (powers of 1,024) or 64KB (powers of 1,000), not '64k'"
            ),
            (#"{"payload":{"length":"1GiB"}}"#, "payload.length: must be from 0 to 268435456, not 1073741824"),
            (#"{"payload":{"length":[1]}}"#, "payload.length: expected a size such as 240, 4KiB or 1MiB, not a list"),
            (
                #"{"payload":{"length":{"unifrom":[1,2]}}}"#,
                "payload.length.unifrom: unknown key; did you mean 'uniform'?"
            ),
            (
                #"{"payload":{"length":{}}}"#,
                "payload.length: expected a size, or one of fixed, uniform, normal, exponential and weighted"
            ),
            (
                #"{"payload":{"length":{"uniform":[16]}}}"#,
                "payload.length.uniform: expected two sizes, the smallest and the largest: [16, 512]"
            ),
            (
                #"{"payload":{"length":{"uniform":[16,8]}}}"#,
                "payload.length.uniform: the smallest length, 16, is above the largest, 8"
            ),
            (
                #"{"payload":{"length":{"uniform":[16,"x"]}}}"#,
                "payload.length.uniform[1]: expected a size such as 240, 4KiB or 1MiB, not 'x'"
            ),
            (#"{"payload":{"length":{"normal":{"mean":1}}}}"#, "payload.length.normal.stddev: missing"),
            (
                #"{"payload":{"length":{"normal":{"mean":1,"stdev":1,"stddev":1}}}}"#,
                "payload.length.normal.stdev: unknown key; did you mean 'stddev'?"
            ),
            (
                #"{"payload":{"length":{"weighted":[]}}}"#,
                "payload.length.weighted: expected at least one pair of a size and its weight: [[16, 0.7], [4096, 0.3]]"
            ),
            (
                #"{"payload":{"length":{"weighted":[[16]]}}}"#,
                "payload.length.weighted[0]: expected a size and its weight: [16, 0.7]"
            ),
            (
                #"{"payload":{"length":{"weighted":[[16,0]]}}}"#,
                "payload.length.weighted[0][1]: must be from 1e-09 to 1000000000, not 0"
            ),
            (#"{"payload":{"kind":"fixed"}}"#, "payload: give either data (a text) or file (a path)"),
            (#"{"payload":{"kind":"replay"}}"#, "payload.kind: replay needs the replay schedule, whose log it sends"),
            (#"{"ramp":"500/s"}"#, "ramp: expected a mapping (key: value), not '500/s'"),
            (#"{"ramp":{"rate":500}}"#, "ramp.rate: a rate needs its unit: write 500/s, not 500"),
            (#"{"ramp":{"rate":"0/s"}}"#, "ramp.rate: must be from 0.001/s to 1000000/s, not 0/s"),
            (#"{"ramp":{"rate":"1/s","over":"1s"}}"#, "ramp.over: give either rate or over, not both"),
            (#"{"ramp":{"max_opening":0}}"#, "ramp.max_opening: must be from 1 to 10000000, not 0"),
            (
                #"{"ramp":{"max_opening":"5/s"}}"#,
                #"ramp.max_opening: expected a whole number, not the text "5/s" (write it without quotes)"#
            ),
            (#"{"ramp":{"max_openings":5}}"#, "ramp.max_openings: unknown key; did you mean 'max_opening'?"),
            (
                #"{"ramp":{"max_opening":2},"threads":3,"instances":9}"#,
                "ramp.max_opening: fewer than threads (3): each event loop opens at least one at a time"
            ),
            (#"{"match":"ecko"}"#, "match: expected echo, tagged, ping or none, not 'ecko'; did you mean 'echo'?"),
            (
                #"{"match":"tagged","message_length":47}"#,
                "message_length: match: tagged needs text messages of at least 48 bytes, not 47"
            ),
            (
                #"{"match":"tagged","payload":{"format":"binary","length":{"uniform":[23,99]}}}"#,
                "payload.length: match: tagged needs binary messages of at least 24 bytes, not 23"
            ),
            (#"{"in_flight":0}"#, "in_flight: must be from 1 to 1000000, not 0"),
            (
                #"{"in_flight":1,"match":"none"}"#,
                "in_flight: waits for replies, but match is none: nothing received is a reply"
            ),
            (#"{"seed":-1}"#, "seed: expected a whole number from 0 to 18446744073709551615, not '-1'"),
            (#"{"tls":{"key":"k.pem"}}"#, "tls.key: needs tls.certificate as well"),
            (#"{"tls":{"certificate":"c.pem"}}"#, "tls.certificate: needs tls.key as well"),
            (
                #"{"tls":{"verify":"no"}}"#,
                "tls.verify: expected true or false, not the text \"no\" (write it without quotes)"
            ),
            (#"{"tls":{"server_name":"a b"}}"#, "tls.server_name: 'a b' is not a host name"),
            (#"{"tls":{"verfy":false}}"#, "tls.verfy: unknown key; did you mean 'verify'?"),
            (#"{"headers":"Origin: x"}"#, "headers: expected a list, not 'Origin: x'"),
            (
                #"{"headers":["Origin"]}"#,
                "headers[0]: expected a header such as 'Origin: https://example.org', not 'Origin'"
            ),
            (
                #"{"headers":{"X-Token":{"secret":null}}}"#,
                "headers.X-Token: the value of this secret header is missing; records of runs do not contain it"
            ),
            (#"{"headers":{"Host":"x"}}"#, "headers.Host: the client writes the header Host itself"),
            (#"{"headers":{"a b":"x"}}"#, "headers.a b: 'a b' is not a header name"),
            (
                #"{"headers":{"a":"x\r\ny"}}"#,
                "headers.a: a header's value must have at most 8192 bytes and no control characters"
            ),
            (#"{"subprotocols":["a","a"]}"#, "subprotocols[1]: 'a' occurs twice"),
            (
                #"{"subprotocols":"a b"}"#,
                "subprotocols: 'a b' is not a subprotocol: use letters, digits and -._~!#$%&'*+^`|"
            ),
            (
                #"{"source_addresses":["127.0.0.9-127.0.0.1"]}"#,
                "source_addresses[0]: '127.0.0.9-127.0.0.1' ends before it begins"
            ),
            (#"{"source_addresses":["127.0.0.2/31","127.0.0.3"]}"#, "source_addresses: 127.0.0.3 occurs twice"),
            (
                #"{"source_addresses":["10.0.0.0/16","10.1.0.0"]}"#,
                "source_addresses: 65537 addresses in total; at most 65536 are allowed"
            ),
            (
                #"{"source_addresses":"::1","target":"ws://127.0.0.1/"}"#,
                "source_addresses: ::1 is IPv6, but the target 127.0.0.1 is IPv4"
            ),
            (
                #"{"source_addresses":["fd00::1","127.0.0.1"],"target":"ws://[::1]/"}"#,
                "source_addresses: 127.0.0.1 is IPv4, but the target ::1 is IPv6"
            ),
            (
                #"{"congestion_control":"cu bic"}"#,
                "congestion_control: 'cu bic' is not a congestion control: write a name such as cubic"
            ),
            (#"{"timeouts":{"connect":"0"}}"#, "timeouts.connect: must be from 1ms to 31622400s, not 0s"),
            (#"{"timeouts":{"conect":"1s"}}"#, "timeouts.conect: unknown key; did you mean 'connect'?"),
            (#"{"fleet":{"liveness":"1ms"}}"#, "fleet.liveness: must be from 100ms to 31622400s, not 1ms"),
            (
                #"{"reconnect":"always"}"#,
                "reconnect: write never, or a mapping such as {backoff: {initial: 1s, max: 30s}}"
            ),
            (#"{"reconnect":{"backoff":{"initial":"5s","max":"1s"}}}"#, "reconnect.backoff.max: less than initial"),
            (#"{"reconnect":{"limits":3}}"#, "reconnect.limits: unknown key; did you mean 'limit'?"),
            (#"{"min_machines":2}"#, "min_machines: more than machines (1)"),
            (#"{"timer_slack":"11ms"}"#, "timer_slack: must be from 0s to 10ms, not 11ms"),
            (
                #"{"timer_slack":"audo"}"#,
                "timer_slack: expected auto, or a duration such as 400us or 0, not 'audo'"
            ),
            (#"{"timer_slack":5}"#, "timer_slack: a duration needs its unit: write 5s or 5ms, not 5"),
            (#"{"max_message_size":0}"#, "max_message_size: must be from 1 to 1073741824, not 0"),
            (
                #"{"name":"a/b"}"#,
                "name: 'a/b' is not a name: use 1 to 100 bytes without '/', control characters or a leading '.'"
            ),
        ])
    func refuses(json: String, message: String) throws {
        let base = try PlanNode(json: #"{"target":"ws://h/","messages":1}"#)
        let given = try PlanNode(json: json)
        var document = PlanNode.mapping(
            base.entries.filter { given[$0.key] == nil && !(json == #"{"messages":1}"# && $0.key == "target") }
                + given.entries)
        if given["schedule"]?["loop"] != nil || json.contains("null") {
            document = .mapping(document.entries.filter { $0.key != "messages" || $0.value.isNull })
        }
        #expect { try Plan(document: document) } throws: { error in
            if "\(error)" != message { print("was: \(error)") }
            return "\(error)" == message
        }
    }

    @Test func noticesWhatMayNotBeMeant() throws {
        func notices(_ json: String) throws -> [String] { try Plan(document: PlanNode(json: json)).notices }
        #expect(try notices(#"{"target":"ws://h/","messages":1}"#) == [])
        #expect(
            try notices(#"{"target":"ws://h/","schedule":{"kind":"perodic"},"tls":{"ca":"x"}}"#) == [
                "schedule.kind 'perodic' is not a stock kind (did you mean 'periodic'?): the workers must know it",
                "tls is not used: the target is a ws:// URL",
            ])
        #expect(
            try notices(#"{"target":"wss://h/","send_messages":false,"messages":1,"tls":{"verify":false}}"#) == [
                "tls.verify is false: any server at the target's address is trusted",
                "messages and duration are not used: send_messages is false",
            ])
        #expect(
            try notices(#"{"target":"ws://h/","messages":1,"message_length":200,"max_message_size":100}"#) == [
                "echoes of 200 bytes are above max_message_size (100 bytes)"
            ])
    }

    @Test func noticesThatAnotherClientMayNotBindItsSockets() throws {
        let json = #"{"target":"ws://h/","messages":1,"client":"own","source_addresses":"127.0.0.2"}"#
        let notices = try Plan(document: PlanNode(json: json)).notices
        #expect(
            notices.last
                == "source_addresses and congestion_control are for the stock client: a custom client may ignore them"
        )
    }

    /// Documents with one thing changed at random must give a plan or an error, and nothing else.
    @Test func survivesEveryMutation() throws {
        var state: UInt64 = 42
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let values = [
            "0", "-1", "1e309", "99999999999999999999", "null", "true", "[]", "{}", "\"\"", "\"\\u0000\"", "\"1s\"",
            "\"0\"",
            "\"366d\"", "\"8784h\"", "\"1/s\"", "\"ws://h/\"", "[[[]]]", "{\"kind\":\"x\"}", "0.0001", "\"replay\"",
            "\"fixed\"",
            "10000", "10000000", "\"randomized\"", "\"5ns\"",
        ]
        func mutate(_ node: PlanNode, _ depth: Int) throws -> PlanNode {
            if depth > 0, random(4) == 0 { return try PlanNode(json: values[random(values.count)]) }
            switch node.content {
            case .mapping(var entries) where !entries.isEmpty:
                let index = random(entries.count)
                switch random(6) {
                case 0: entries.remove(at: index)
                case 1: entries[index].key += "x"
                default: entries[index].value = try mutate(entries[index].value, depth + 1)
                }
                return PlanNode(.mapping(entries))
            case .sequence(var elements) where !elements.isEmpty:
                let index = random(elements.count)
                if random(4) == 0 { elements.append(elements[index]) }
                elements[index] = try mutate(elements[index], depth + 1)
                return PlanNode(.sequence(elements))
            default: return try PlanNode(json: values[random(values.count)])
            }
        }
        let full = try Self.documents.map { try Plan(document: PlanNode(json: $0)).document }
        var (accepted, refused) = (0, 0)
        for round in 0..<6000 {
            var document = full[round % full.count]
            for _ in 0...random(3) { document = try mutate(document, 0) }
            if random(4) == 0 { document = document.merging(try mutate(full[random(full.count)], 0)) }
            if random(8) == 0 {
                document = .mapping(document.entries + [.init(key: "runs", value: .sequence([full[0], document]))])
            }
            do {
                for plan in try Sweep(document: document).plans {
                    #expect(try Plan(document: plan.document) == plan)
                    let arithmetic = plan.arithmetic
                    #expect(arithmetic.limit > .zero)
                    _ = plan.notices
                }
                accepted += 1
            } catch {
                #expect(!error.problems.isEmpty && error.problems.count <= PlanError.limit)
                refused += 1
            }
        }
        #expect(accepted > 300)
        #expect(refused > 300)
    }
}
