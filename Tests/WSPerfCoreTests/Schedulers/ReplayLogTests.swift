import Foundation
import Testing

@testable import WSPerfCore

@Suite struct ReplayLogTests {
    @Test func nativeFormat() throws {
        let log = try replayLog(
            #"""
            {"t_us": 0, "conn": 0, "dir": "send", "op": 1, "len": 240}
            {"t_us": 700, "conn": 0, "dir": "receive", "op": 1, "len": 240}

            {"t_us": 1500, "conn": 0, "dir": "send", "op": 1, "data": "{\"hello\": 1}"}
            {"t_us": 1980, "conn": 1, "dir": "send", "op": 2, "b64": "3q2+7w==", "len": 4}
            """#)
        #expect(log.messageCount == 3)
        #expect(log.connectionCount == 2)
        #expect(log.duration == .microseconds(1980))
        #expect(log.byteCount == 240 + 12 + 4)
        #expect(log.maximumLength == 240)
        #expect(
            messages(log) == [
                Recorded(0, 0, .text, 240), Recorded(0, 1_500_000, .text, 12, #"{"hello": 1}"#.utf8),
                Recorded(1, 1_980_000, .binary, 4, [0xDE, 0xAD, 0xBE, 0xEF]),
            ])
    }

    @Test func defaults() throws {
        let log = try replayLog(#"{"t_us":5,"data":"x"}"#)
        #expect(messages(log) == [Recorded(0, 0, .text, 1, "x".utf8)])
    }

    /// Times count from the earliest message to send; within a connection they are sorted, and messages of one time
    /// stay in the order of their lines.
    @Test func timesAreRelativeAndSorted() throws {
        let log = try replayLog(
            """
            {"t_us": 1700000000000500, "conn": 9, "len": 1}
            {"t_us": 1700000000000300, "conn": 4, "len": 2}
            {"t_us": 1700000000000100, "conn": 9, "len": 3}
            {"t_us": 1700000000000500, "conn": 9, "len": 4}
            {"t_us": 1, "conn": 9, "dir": "receive"}
            {"t_us": 1700000000000300, "conn": 4, "len": 5}
            {"t_us": 1700000000000100, "conn": 9, "len": 6}
            """)
        #expect(
            messages(log) == [
                Recorded(0, 200_000, .text, 2), Recorded(0, 200_000, .text, 5),
                Recorded(1, 0, .text, 3), Recorded(1, 0, .text, 6),
                Recorded(1, 400_000, .text, 1), Recorded(1, 400_000, .text, 4),
            ])
    }

    @Test func toleratedForms() throws {
        let text =
            "\u{FEFF}{\"t_us\":1,\"len\":2}\r\n \t\r\n"
            + #" { "t_us" : 2 , "len":3,"note":{"a":[1,-2.5e+3,{"b":null}],"":[]},"t_us2":"\ud800","x":true} "#
            + "\n" + #"{"\u0074_us":3,"data":null,"b64":null,"len":4,"conn":null,"op":null,"dir":null}"#
        #expect(messages(try replayLog(text)).map(\.length) == [2, 3, 4])
    }

    /// Keys of other software, and keys that look like one that the line has.
    @Test(arguments: [
        #""ip": "127.0.0.1", "on": 1, "date": "2026-01-01", "duration": 3, "code": 7, "conn_id": 4, "time": 0, "x": 1"#,
        #""t_ms": 0, "lenght": 9, "len": 1, "op": 1, "opcode": 2, "dir": null, "direction": 1, "a long foreign key": 1"#,
        #""Date": 1, "payload": "x", "size": 2, "type": "text", "ä": 1, "length": 1"#,
    ])
    func otherKeysAreIgnored(keys: String) throws {
        let line = #"{"t_us": 0, "len": 1, \#(keys.replacing(#""len": 1, "#, with: ""))}"#
        #expect(messages(try replayLog(line + "\n" + line)).map(\.length) == [1, 1])
    }

    @Test(arguments: [
        (#"plain"#, "plain"), (#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"), (#"\u00e4\u20AC"#, "ä€"),
        (#"\ud83d\ude00!"#, "😀!"), ("ä€😀", "ä€😀"), (#"\u0000"#, "\0"), ("", ""), (#"\ufffd"#, "\u{fffd}"),
    ])
    func text(json: String, expected: String) throws {
        let log = try replayLog(#"{"t_us":0,"data":"\#(json)","len":\#(expected.utf8.count)}"#)
        #expect(messages(log) == [Recorded(0, 0, .text, expected.utf8.count, expected.utf8)])
    }

    @Test(
        arguments: [
            ("", []), ("AA==", [0]), ("AAE=", [0, 1]), ("AAEC", [0, 1, 2]), (#"\/\/\/\/"#, [255, 255, 255]),
            ("+/+/", [0xFB, 0xFF, 0xBF]), ("////AA==", [255, 255, 255, 0]),
        ] as [(String, [UInt8])])
    func base64(json: String, expected: [UInt8]) throws {
        let log = try replayLog(#"{"t_us":0,"op":2,"b64":"\#(json)"}"#)
        #expect(messages(log) == [Recorded(0, 0, .binary, expected.count, expected)])
    }

    @Test func everyKindOfText() throws {
        var random = SeededGenerator(seed: 3, stream: 3)
        for _ in 0..<200 {
            var text = ""
            for _ in 0..<random.nextInteger(in: 0...40) {
                let limits = [0x7F, 0x7FF, 0xFFFF, 0x10FFFF]
                let value = UInt32(random.nextInteger(in: 0...limits[random.nextInteger(in: 0...3)]))
                if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
            }
            let line = try JSONEncoder().encode(Line(time: 7, data: text))
            let log = try ReplayLog(parsing: Array(line), name: "log")
            #expect(messages(log) == [Recorded(0, 0, .text, text.utf8.count, text.utf8)])
            let bytes = text.utf8.map { $0 ^ 0xFF }
            let binary = try replayLog(#"{"t_us":0,"op":2,"b64":"\#(Data(bytes).base64EncodedString())"}"#)
            #expect(messages(binary) == [Recorded(0, 0, .binary, bytes.count, bytes)])
        }
    }

    private struct Line: Encodable {
        var time: Int
        var data: String

        enum CodingKeys: String, CodingKey {
            case time = "t_us"
            case data
        }
    }

    // MARK: Errors

    static let whole = "from 0 to 9007199254740992"
    static let faults: [(line: String, reason: String)] =
        [
            ("hello", "not a JSON object"),
            ("[1]", "not a JSON object"),
            ("{", "not JSON: expected a key in double quotes at column 2"),
            ("{t_us: 0}", "not JSON: expected a key in double quotes at column 2"),
            (#"{"t_us" 0}"#, "not JSON: expected a colon at column 9"),
            (#"{"t_us": }"#, "not JSON: expected a value at column 10"),
            (#"{"t_us": nul}"#, "not JSON: expected a value at column 10"),
            (#"{"t_us": 0 "len": 1}"#, "not JSON: expected a comma or a closing brace at column 12"),
            (#"{"t_us": 0, "len": 1"#, "not JSON: expected a comma or a closing brace at column 21"),
            (#"{"t_us": 0, "len": 1,}"#, "not JSON: expected a key in double quotes at column 22"),
            (#"{"t_us": 0, "len": 1} {}"#, "not JSON: expected the end of the line at column 23"),
            (#"{"t_us": 01, "len": 1}"#, "not JSON: expected a comma or a closing brace at column 11"),
            (#"{"t_us": 1., "len": 1}"#, "not JSON: expected a digit at column 12"),
            (#"{"t_us": -, "len": 1}"#, "not JSON: expected a digit at column 11"),
            (#"{"t_us": 1e+, "len": 1}"#, "not JSON: expected a digit at column 13"),
            (#"{"t_us": 0, "data": "abc"#, "not JSON: a string does not end at column 25"),
            (#"{"t_us": 0, "data": "\x"}"#, "not JSON: unknown escape sequence at column 23"),
            (#"{"t_us": 0, "data": "\u12G4"}"#, "not JSON: expected a hex digit at column 26"),
            ("{\"t_us\": 0, \"data\": \"a\tb\"}", "not JSON: control character in a string at column 23"),
            (#"{"t_us": 0, "len": 1, "x": [1 2]}"#, "not JSON: expected a comma or a closing bracket at column 31"),
            (#"{"t_us": 0, "len": 1, "x": {1: 2}}"#, "not JSON: expected a key in double quotes at column 29"),
            (
                #"{"t_us": 0, "len": 1, "x": "# + String(repeating: "[", count: 200),
                "nested deeper than 64 levels at column 91"
            ),
            (#"{"t_us": 0, "t_us": 0, "len": 1}"#, "t_us is given twice"),
            (#"{"t_us": 0, "len": null, "len": 1}"#, "len is given twice"),
            (#"{"len": 1}"#, "t_us is missing"),
            (#"{"t_us": null, "len": 1}"#, "t_us is missing"),
            (#"{"t_us": -1, "len": 1}"#, "t_us must be a whole number of microseconds \(whole), not -1"),
            (#"{"t_us": 1.5, "len": 1}"#, "t_us must be a whole number of microseconds \(whole), not 1.5"),
            (#"{"t_us": 1e3, "len": 1}"#, "t_us must be a whole number of microseconds \(whole), not 1e3"),
            (#"{"t_us": "1", "len": 1}"#, "t_us must be a whole number of microseconds \(whole), not \"1\""),
            (
                #"{"t_us": 9007199254740993, "len": 1}"#,
                "t_us must be a whole number of microseconds \(whole), not 9007199254740993"
            ),
            (
                #"{"t_us": 123456789012345678901234567890, "len": 1}"#,
                "t_us must be a whole number of microseconds \(whole), not 123456789012345678901234567890"
            ),
            (#"{"t_us": 0, "len": 1, "conn": -3}"#, "conn must be a whole number \(whole), not -3"),
            (#"{"t_us": 0, "len": 1, "conn": "a"}"#, "conn must be a whole number \(whole), not \"a\""),
            (#"{"t_us": 0, "len": 1, "dir": "sent"}"#, #"dir must be "send" or "receive", not "sent""#),
            (#"{"t_us": 0, "len": 1, "dir": 1}"#, #"dir must be "send" or "receive", not 1"#),
            (#"{"t_us": 0, "len": 1, "op": 9}"#, "op must be 1 (text) or 2 (binary), not 9"),
            (#"{"t_us": 0, "len": 1, "op": "text"}"#, "op must be 1 (text) or 2 (binary), not \"text\""),
            (#"{"t_us": 0, "len": -1}"#, "len must be a whole number of bytes from 0 to 268435456, not -1"),
            (
                #"{"t_us": 0, "len": 268435457}"#,
                "len must be a whole number of bytes from 0 to 268435456, not 268435457"
            ),
            (#"{"t_us": 0}"#, "has neither len nor data"),
            (#"{"t_us": 0, "data": "a", "b64": "AA=="}"#, "has both data and b64"),
            (#"{"t_us": 0, "data": 5}"#, "data must be a string"),
            (#"{"t_us": 0, "op": 2, "b64": []}"#, "b64 must be a string"),
            (#"{"t_us": 0, "len": 240, "data": "abc"}"#, "len is 240, but data has 3 bytes"),
            (#"{"t_us": 0, "len": 1, "data": "ä"}"#, "len is 1, but data has 2 bytes"),
            (#"{"t_us": 0, "len": 1, "op": 2, "b64": "AAEC"}"#, "len is 1, but b64 has 3 bytes"),
            (#"{"t_us": 0, "data": "\ud800"}"#, "half of a surrogate pair in a string at column 22"),
            (#"{"t_us": 0, "data": "\ude00\ud83d"}"#, "half of a surrogate pair in a string at column 22"),
            (#"{"t_us": 0, "data": "\ud83d\u0041"}"#, "half of a surrogate pair in a string at column 22"),
            (#"{"t_us": 0, "lenght": 1}"#, "unknown key 'lenght'; did you mean 'len'?"),
            (#"{"t_us": 0, "data": "a", "dirr": "receive"}"#, "unknown key 'dirr'; did you mean 'dir'?"),
            (#"{"t_us": 0, "data": "a", "direction": "receive"}"#, "unknown key 'direction'; did you mean 'dir'?"),
            (#"{"t_us": 0, "data": "a", "cnn": 3}"#, "unknown key 'cnn'; did you mean 'conn'?"),
            (#"{"t_us": 0, "data": "a", "Conn": 3}"#, "unknown key 'Conn'; did you mean 'conn'?"),
            (#"{"t_us": 0, "len": 1, "OP": 2}"#, "unknown key 'OP'; did you mean 'op'?"),
            (#"{"t_us": 0, "len": 1, "opcode": 2}"#, "unknown key 'opcode'; did you mean 'op'?"),
            (#"{"t_us": 0, "len": 1, "dta": "a"}"#, "unknown key 'dta'; did you mean 'data'?"),
            (#"{"t_us": 0, "len": 1, "base64": "YQ=="}"#, "unknown key 'base64'; did you mean 'b64'?"),
            (#"{"t_uS": 0, "len": 1}"#, "unknown key 't_uS'; did you mean 't_us'?"),
            (#"{"t_ms": 0, "len": 1}"#, "unknown key 't_ms'; did you mean 't_us'?"),
            (#"{"t_us": 0, "b64": "/w=="}"#, "op is 1 (text), but b64 is not valid UTF-8"),
        ]
        + [
            "A", "AA", "AAA", "AAAAA", "AA=A", "=AAA", "A===", "====", "AA==AAAA", "AB==", "AAB=", "AA-_", "AA A",
            "AAA\\n",
        ].map { (#"{"t_us": 0, "op": 2, "b64": "\#($0)"}"#, "b64 is not base64 (RFC 4648 §4)") }

    @Test(arguments: faults)
    func faultNamesFileAndLine(line: String, reason: String) {
        let text = #"{"t_us": 0, "len": 1}"# + "\n\n" + line + "\n" + #"{"t_us": 0, "len": 1}"#
        #expect(throws: ReplayLogError(file: "traffic.jsonl", line: 3, reason: reason)) {
            try ReplayLog(parsing: Array(text.utf8), name: "traffic.jsonl")
        }
    }

    @Test func invalidUTF8() {
        let line = Array(#"{"t_us":0,"data":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)
        #expect(throws: ReplayLogError(file: "log", line: 1, reason: "data is not valid UTF-8")) {
            try ReplayLog(parsing: line, name: "log")
        }
    }

    @Test(arguments: ["", "\n\n", #"{"t_us": 0, "dir": "receive"}"#])
    func nothingToSend(text: String) {
        #expect(throws: ReplayLogError(file: "log", line: nil, reason: "has no message to send")) {
            try replayLog(text)
        }
    }

    @Test func longLine() throws {
        let length = ReplayLog.maximumLineLength - 19
        let line = #"{"t_us":0,"data":""# + String(repeating: "x", count: length - 1) + #""}"#
        #expect(line.utf8.count == ReplayLog.maximumLineLength)
        #expect(try replayLog(line).maximumLength == length - 1)
        #expect(throws: ReplayLogError(file: "log", line: 2, reason: "longer than 16 MiB")) {
            try replayLog("\n" + line + " ")
        }
    }

    @Test func descriptionOfErrors() {
        #expect(
            "\(ReplayLogError(file: "a.jsonl", line: 12, reason: "t_us is missing"))" == "a.jsonl:12: t_us is missing")
        #expect("\(ReplayLogError(file: "a\u{1b}[2J", line: nil, reason: "no"))" == "a\\u{1b}[2J: no")
    }

    @Test func controlCharactersAreNotPrinted() throws {
        let error = #expect(throws: ReplayLogError.self) {
            try replayLog("{\"t_us\":0,\"dir\":\"\u{202E}\u{9B}31m\"}")
        }
        #expect(error?.reason == #"dir must be "send" or "receive", not "\u{202e}\u{9b}31m""#)
    }

    // MARK: Any bytes

    static let corpus: [String] = [
        #"{"t_us": 0, "conn": 0, "dir": "send", "op": 1, "len": 240}"#,
        #"{"t_us": 15, "conn": 3, "dir": "receive", "op": 9}"#,
        #"{"t_us": 1500, "conn": 1, "data": "a\u00e4\ud83d\ude00\n\"x\\ ä€😀", "x": [1, {"a": -0.5e-7}, null, true]}"#,
        #"{"t_us": 9007199254740992, "conn": 9007199254740992, "op": 2, "b64": "3q2+7w==", "len": 4}"#,
        #"{"t_us":4,"op":2,"b64":"\/w==","len":null}"#,
        "",
    ]

    /// Whatever the bytes are, the parser ends with an error that names a line there is, or with a log that is sound.
    @Test(arguments: 0..<8)
    func mutations(stream: UInt64) {
        var random = SeededGenerator(seed: 0xF022, stream: stream)
        let interesting = Array("{}[]\",:\\u0159eE+-.=/ \t\r\n".utf8) + [0, 0x7F, 0x80, 0xC3, 0xED, 0xF0, 0xFF]
        var parsed = 0
        for _ in 0..<1500 {
            var lines = Self.corpus
            lines.shuffle(using: &random)
            var bytes = Array(lines.prefix(random.nextInteger(in: 1...lines.count)).joined(separator: "\n").utf8)
            for _ in 0..<random.nextInteger(in: 0...3) where !bytes.isEmpty {
                let place = random.nextInteger(in: 0...bytes.count - 1)
                switch random.nextInteger(in: 0...5) {
                case 0: bytes[place] = interesting[random.nextInteger(in: 0...interesting.count - 1)]
                case 1: bytes[place] ^= 1 << UInt8(random.nextInteger(in: 0...7))
                case 2: bytes.insert(interesting[random.nextInteger(in: 0...interesting.count - 1)], at: place)
                case 3: bytes.remove(at: place)
                case 4: bytes.removeSubrange(place..<min(bytes.count, place + random.nextInteger(in: 1...20)))
                default: bytes.insert(contentsOf: bytes[..<place], at: place)
                }
            }
            do throws(ReplayLogError) {
                check(try ReplayLog(parsing: bytes, name: "log"))
                parsed += 1
            } catch {
                let lines = bytes.reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
                #expect(error.line.map { (1...lines).contains($0) } ?? true)
                #expect(error.description.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
            }
        }
        #expect(parsed > 150)
    }

    /// A line is refused as no JSON exactly when another parser refuses it.
    @Test(arguments: 0..<4)
    func sameGrammarAsFoundation(stream: UInt64) {
        var random = SeededGenerator(seed: 0x150, stream: stream)
        let interesting = Array("{}[]\",:\\u0159eE+-.tn ".utf8)
        let line = Array(
            #"{"t_us":10,"len":1,"x":[-1.5e3,"\u00e4\n\\",{"k":null,"l":[true,false]},0.1],"y":"z","e":{},"f":[]}"#.utf8
        )
        for _ in 0..<1500 {
            var bytes = line
            for _ in 0..<random.nextInteger(in: 1...2) {
                let place = random.nextInteger(in: 20...bytes.count - 1)
                let byte = interesting[random.nextInteger(in: 0...interesting.count - 1)]
                switch random.nextInteger(in: 0...2) {
                case 0: bytes[place] = byte
                case 1: bytes.insert(byte, at: place)
                default: bytes.remove(at: place)
                }
            }
            let isJSON = (try? JSONSerialization.jsonObject(with: Data(bytes))) != nil
            var isAccepted = true
            do throws(ReplayLogError) {
                _ = try ReplayLog(parsing: bytes, name: "log")
            } catch {
                isAccepted = !error.reason.hasPrefix("not JSON")
            }
            guard isJSON != isAccepted else { continue }
            let text = String(decoding: bytes, as: UTF8.self)
            // Half of a surrogate pair is JSON by the grammar (RFC 8259 §8.2), but nothing Foundation can hold.
            if isAccepted, text.contains(#"\u"#) { continue }
            // Foundation takes a comma before a closing bracket or brace.
            if !isAccepted, text.contains(/,\s*[\]}]/) { continue }
            Issue.record("\(text)")
        }
    }

    private func check(_ log: ReplayLog) {
        #expect(log.messageCount > 0 && log.connectionCount > 0)
        var count = 0
        for rank in 0..<log.connectionCount {
            let share = log.share(ofConnection: rank)
            #expect(share.lowerBound == count && !share.isEmpty)
            count = share.upperBound
            let offsets = share.map { log.entries[$0].offset }
            #expect(offsets == offsets.sorted() && offsets[0] >= 0 && offsets[offsets.count - 1] <= log.span)
        }
        #expect(count == log.messageCount)
        let isSound = messages(log).allSatisfy { message in
            guard let data = message.data else { return true }
            return data.count == message.length
                && (message.kind == .binary || String(validating: data, as: UTF8.self) != nil)
        }
        #expect(isSound)
    }
}

// MARK: -

/// A message of a log, taken out of it.
struct Recorded: Equatable {
    var rank: Int
    var offset: Int64
    var kind: MessageKind
    var length: Int
    var data: [UInt8]?

    init(_ rank: Int, _ offset: Int64, _ kind: MessageKind, _ length: Int, _ data: (any Sequence<UInt8>)? = nil) {
        self.rank = rank
        self.offset = offset
        self.kind = kind
        self.length = length
        self.data = data.map { Array($0) }
    }
}

func messages(_ log: ReplayLog) -> [Recorded] {
    (0..<log.connectionCount).flatMap { rank in
        log.share(ofConnection: rank).map { index in
            let entry = log.entries[index]
            let length = Int(entry.length)
            let data: [UInt8]? =
                entry.place == ReplayLog.Entry.noData
                ? nil
                : filled(length) {
                    $0.append(log.data, at: Int(entry.place), length: length, entry.writing, entry.kind)
                }
            return Recorded(rank, entry.offset, entry.kind, Int(entry.length), data)
        }
    }
}

func replayLog(_ text: String) throws(ReplayLogError) -> ReplayLog {
    try ReplayLog(parsing: Array(text.utf8), name: "log")
}
