import Testing

@testable import WSPerfCore

@Suite struct WakeLeadTests {
    @Test func followsHowLateWakesAre() {
        var lead = WakeLead()
        var random = SeededGenerator(seed: 1, stream: 1)
        #expect(lead.current(now: 1) == 0)
        // 30 to 50 µs late: four of five are no later than 46.
        for _ in 0..<1000 { lead.woke(late: UInt64(random.nextInteger(in: 30_000...50_000))) }
        #expect((42_000...50_000).contains(lead.current(now: 2)))
        for _ in 0..<1000 { lead.woke(late: 500) }
        #expect(lead.current(now: 3) <= 2_500)
        for _ in 0..<1000 { lead.woke(late: 1 << 40) }
        #expect(lead.current(now: 4) == WakeLead.limit)
    }

    /// However many deadlines there are, at most a fifth of the time is spent awake before them.
    @Test(arguments: [20_000, 50_000, 200_000] as [UInt64]) func isBounded(interval: UInt64) {
        var lead = WakeLead()
        for _ in 0..<1000 { lead.woke(late: 60_000) }
        var (now, awake) = (UInt64(1_000_000_000), UInt64(0))
        let began = now
        for _ in 0..<100_000 {
            now += interval
            let time = min(lead.current(now: now), interval)
            lead.waitedAwake(time)
            awake += time
        }
        #expect(awake <= (now - began) / WakeLead.share + WakeLead.mostCredit)
        #expect(awake > (now - began) / 10 || interval > 100_000)
    }
}
