import Foundation
import ReadingPayload
import Testing
import WSPerfCore
import WSPerfTesting

@Suite struct ReadingPayloadTests {
    @Test func `it passes what every payload generator must pass`() {
        let clock = WallClock()
        #expect(PayloadConformance { ReadingPayload(decimals: 3, clock: clock) }.check() == [])
    }

    @Test func `it is JSON with the intended time`() throws {
        var clock = WallClock()
        clock.offset = 1_764_086_400_000_000_000
        var payload = ReadingPayload(decimals: 3, clock: clock)
        var random = SeededGenerator(seed: 1, stream: 17)
        let context = MessageContext(
            connection: 17, index: 3, scheduled: ScheduledMessage(offset: 0), intended: 2_500_000_000)
        let (kind, bytes) = payload.message(for: context, using: &random)
        #expect(kind == .text)
        let reading = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        #expect(reading["sensor"] as? Int == 17)
        #expect(reading["sequence"] as? Int == 3)
        #expect(reading["time_us"] as? Int == 1_764_086_402_500_000)
        #expect((reading["value"] as? Double).map { (20..<21).contains($0) } == true)
    }

    @Test(arguments: ["decimals: 10", "decimal: 3"])
    func `options that make no sense are refused`(option: String) {
        let (key, value) = (option.prefix { $0 != ":" }, option.drop { $0 != " " }.dropFirst())
        let options = PlanNode.mapping([String(key): .integer(Int(value) ?? 0)])
        #expect(throws: PlanError.self) { try ReadingPayload(options) }
    }
}
