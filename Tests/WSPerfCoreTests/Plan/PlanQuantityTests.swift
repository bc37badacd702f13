import Testing

@testable import WSPerfCore

@Suite struct PlanQuantityTests {
    @Test(
        arguments: [
            ("0", Duration.zero), ("0s", .zero), ("5ns", .nanoseconds(5)), ("10us", .microseconds(10)),
            ("10µs", .microseconds(10)), ("250ms", .milliseconds(250)), ("1s", .seconds(1)), ("2m", .seconds(120)),
            ("1.5h", .seconds(5400)), ("0.000000001s", .nanoseconds(1)), ("1.25 s", .milliseconds(1250)),
            ("8784h", .seconds(8784 * 3600)), ("-0", .zero),
        ])
    func readsDurations(text: String, expected: Duration) throws {
        #expect(try PlanQuantity.duration(text) == expected)
    }

    @Test(
        arguments: [
            ("5", "a duration needs its unit: write 5s or 5ms, not 5"),
            ("-5s", "must not be negative, not -5s"),
            ("5 secs", "'secs' is not a unit of time: write ns, us, ms, s, m or h"),
            ("1m30s", "'m30s' is not a unit of time: write ns, us, ms, s, m or h"),
            ("0.5ns", "0.5ns is finer than a nanosecond"),
            ("8785h", "must be at most 8784h (366 days), not 8785h"),
            ("9223372036854775807ns", "must be at most 8784h (366 days), not 9223372036854775807ns"),
            ("999999999999999999h", "must be at most 8784h (366 days), not 999999999999999999h"),
            ("1234567890123456789s", "must be at most 8784h (366 days), not 1234567890123456789s"),
            ("12345678901234567890s", "expected a duration such as 250ms, 1s, 2m or 1.5h, not '12345678901234567890s'"),
            ("", "expected a duration such as 250ms, 1s, 2m or 1.5h, not ''"),
            ("1.s", "expected a duration such as 250ms, 1s, 2m or 1.5h, not '1.s'"),
            (".5s", "expected a duration such as 250ms, 1s, 2m or 1.5h, not '.5s'"),
            ("s", "expected a duration such as 250ms, 1s, 2m or 1.5h, not 's'"),
            ("١s", "expected a duration such as 250ms, 1s, 2m or 1.5h, not '١s'"),
            ("1\u{1B}[31m", "'\\u{1b}[31m' is not a unit of time: write ns, us, ms, s, m or h"),
        ])
    func refusesDurations(text: String, message: String) {
        #expect { try PlanQuantity.duration(text) } throws: { ($0 as? PlanQuantity.Failure)?.message == message }
    }

    @Test(
        arguments: [
            ("0", 0), ("240", 240), ("16B", 16), ("4KiB", 4096), ("1MiB", 1 << 20), ("1GiB", 1 << 30), ("64KB", 64_000),
            ("64kB", 64_000), ("1.5MB", 1_500_000), ("0.5KiB", 512), ("1024GiB", 1 << 40), ("4 KiB", 4096),
        ])
    func readsSizes(text: String, expected: Int) throws {
        #expect(try PlanQuantity.size(text) == expected)
    }

    @Test(
        arguments: [
            ("64k", "write 64KiB (powers of 1,024) or 64KB (powers of 1,000), not '64k'"),
            ("1M", "write 1MiB (powers of 1,024) or 1MB (powers of 1,000), not '1M'"),
            ("5 bytes", "'bytes' is not a unit of size: write B, KiB, MiB, GiB, KB, MB or GB"),
            ("0.3KiB", "0.3KiB is not a whole number of bytes"),
            ("-1", "must not be negative, not -1"),
            ("2000GiB", "must be at most 1024GiB, not 2000GiB"),
            ("many", "expected a size such as 240, 4KiB or 1MiB, not 'many'"),
        ])
    func refusesSizes(text: String, message: String) {
        #expect { try PlanQuantity.size(text) } throws: { ($0 as? PlanQuantity.Failure)?.message == message }
    }

    @Test(arguments: [("500/s", 500), ("30/m", 0.5), ("36/h", 0.01), ("0.5/s", 0.5), ("1e3/s", 1000)])
    func readsRates(text: String, expected: Double) throws {
        #expect(try PlanQuantity.rate(text) == expected)
    }

    @Test(
        arguments: [
            ("500", "a rate needs its unit: write 500/s, not 500"),
            ("500/d", "expected a rate such as 500/s or 30/m, not '500/d'"),
            ("/s", "expected a rate such as 500/s or 30/m, not '/s'"),
            ("nan/s", "expected a rate such as 500/s or 30/m, not 'nan/s'"),
            ("", "expected a rate such as 500/s or 30/m, not ''"),
        ])
    func refusesRates(text: String, message: String) {
        #expect { try PlanQuantity.rate(text) } throws: { ($0 as? PlanQuantity.Failure)?.message == message }
    }

    @Test(
        arguments: [
            (Duration.seconds(90), "90s"), (.milliseconds(1500), "1500ms"), (.microseconds(1500), "1500us"),
            (.nanoseconds(7), "7ns"), (.zero, "0s"), (.seconds(8784 * 3600), "31622400s"),
        ])
    func writesDurationsThatReadAsTheSame(duration: Duration, text: String) throws {
        #expect(PlanQuantity.text(duration) == text)
        #expect(try PlanQuantity.duration(text) == duration)
    }

    @Test(arguments: ["1", "-1", "0", "0.5", "1e5", "1E-5", "-0.25e+10"])
    func knowsJSONNumbers(text: String) { #expect(PlanQuantity.isJSONNumber(text.utf8)) }

    @Test(arguments: ["", "-", "01", "1.", ".5", "+1", "1e", "0x1", "1_000", "NaN", "1 "])
    func knowsWhatIsNoJSONNumber(text: String) { #expect(!PlanQuantity.isJSONNumber(text.utf8)) }
}
