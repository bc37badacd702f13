import Testing

@testable import WSPerfCore

@Suite struct UTF8ValidatorTests {
    static func isValid(_ pieces: [[UInt8]]) -> Bool {
        var validator = UTF8Validator()
        for piece in pieces where !piece.withUnsafeBytes({ validator.take($0) }) { return false }
        return validator.isComplete
    }

    /// The standard library is the reference, for every sequence of three byte classes and for random bytes.
    @Test func agreesWithTheStandardLibrary() {
        let bytes: [UInt8] = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
            0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ]
        for a in bytes {
            for b in bytes {
                for c in bytes {
                    for tail in [[], [0x80], [0xBF, 0x41]] as [[UInt8]] {
                        let text = [a, b, c] + tail
                        let expected = String(validating: text, as: UTF8.self) != nil
                        #expect(Self.isValid([text]) == expected)
                        #expect(Self.isValid([Array(text[..<1]), Array(text[1...])]) == expected)
                    }
                }
            }
        }
    }

    /// One non-ASCII byte or character at each place of otherwise ASCII blocks.
    @Test func findsEveryNonASCIIByte() {
        let ascii = (0..<300).map { UInt8(0x20 + $0 % 0x5F) }
        #expect(Self.isValid([ascii]))
        for place in 0..<299 {
            var broken = ascii
            broken[place] = 0x80
            #expect(!Self.isValid([broken]))
            broken[place] = 0xC3
            broken[place + 1] = 0xBC
            #expect(Self.isValid([broken]))
            #expect(Self.isValid([Array(broken[...place]), Array(broken[(place + 1)...])]))
            #expect(!Self.isValid([Array(broken[...place])]))
        }
    }

    @Test func longTexts() {
        let text = Array(String(repeating: "Grüße, 世界 👋 and some ASCII to fill a block or two. ", count: 40).utf8)
        for cut in stride(from: 0, through: text.count, by: 1) {
            #expect(Self.isValid([Array(text[..<cut]), Array(text[cut...])]))
        }
        for place in stride(from: 0, to: text.count, by: 3) {
            var broken = text
            broken[place] = 0xFF
            #expect(!Self.isValid([broken]))
        }
    }
}
