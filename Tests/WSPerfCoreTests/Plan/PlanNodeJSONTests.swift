import Testing

@testable import WSPerfCore

@Suite struct PlanNodeJSONTests {
    @Test func writesTheSameTextForTheSameTree() {
        let node = PlanNode.mapping([
            "a": .integer(1), "b": .string("1"), "c": .duration(.milliseconds(1500)), "d": .null, "e": .boolean(true),
            "f": .sequence([.number(0.5), .string("q\"\\\n\u{1}é")]), "g": .mapping([] as [PlanNode.Entry]),
        ])
        let text = #"{"a":1,"b":"1","c":"1500ms","d":null,"e":true,"f":[0.5,"q\"\\\n\u0001é"],"g":{}}"#
        #expect(node.json == text)
    }

    @Test(
        arguments: [
            #"{"a":[1,-2.5e3,"x",{"y":null}],"b":{"c":[]}}"#, "[]", "\"x\"", "18446744073709551615", "true",
            #"["\u00e9","\ud83d\ude00","\/\b\f\r\t"]"#, " { \"a\" : [ 1 , 2 ] } ",
        ])
    func readsWhatItWrote(text: String) throws {
        let node = try PlanNode(json: text)
        #expect(try PlanNode(json: node.json) == node)
        #expect(try PlanNode(json: node.json).json == node.json)
    }

    @Test func quotesMatterOnlyForLiterals() throws {
        #expect(PlanNode(.scalar("5s", quoted: false)) == PlanNode(.scalar("5s", quoted: true)))
        #expect(PlanNode(.scalar("5", quoted: false)) != PlanNode(.scalar("5", quoted: true)))
        #expect(try PlanNode(json: PlanNode(.scalar("5", quoted: true)).json) == PlanNode(.scalar("5", quoted: true)))
        #expect(try PlanNode(json: PlanNode(.scalar("0x1F", quoted: false)).json).text == "0x1F")
    }

    @Test(
        arguments: [
            ("", "not JSON: expected a value at byte 0"),
            ("{", "not JSON: expected a key in double quotes at byte 1"),
            ("[1,]", "not JSON: expected a value at byte 3"),
            ("[1 2]", "not JSON: expected a comma or a closing bracket at byte 3"),
            ("{\"a\":1,\"a\":2}", "the key 'a' occurs twice at byte 7"),
            ("{\"a\" 1}", "not JSON: expected a colon at byte 5"),
            ("{\"a\":1 \"b\":2}", "not JSON: expected a comma or a closing brace at byte 7"),
            ("01", "not JSON: something follows the value at byte 1"),
            ("nul", "not JSON: expected a value at byte 0"),
            ("1 1", "not JSON: something follows the value at byte 2"),
            ("\"a", "not JSON: a string does not end at byte 2"),
            ("\"\n\"", "not JSON: control character in a string at byte 1"),
            ("\"\\x\"", "not JSON: unknown escape sequence at byte 2"),
            ("\"\\ud800\"", "half of a surrogate pair in a string at byte 1"),
            ("\"\\udc00\"", "half of a surrogate pair in a string at byte 1"),
            ("\"\\u12\"", "not JSON: expected a hex digit at byte 5"),
            (String(repeating: "[", count: 100_000), "nested deeper than 32 levels at byte 33"),
        ])
    func refuses(text: String, message: String) {
        #expect { try PlanNode(json: text) } throws: { "\($0)" == message }
    }

    @Test func refusesBytesThatAreNotUTF8() {
        #expect { try PlanNode(json: [34, 0xC3, 34]) } throws: {
            "\($0)" == "a string that is not UTF-8 at byte 1"
        }
    }
}
