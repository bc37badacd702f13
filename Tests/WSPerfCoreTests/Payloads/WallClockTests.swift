import Foundation
import Testing

@testable import WSPerfCore

@Suite struct WallClockTests {
    @Test func tellsTheTimeOfDay() {
        let clock = WallClock()
        let before = Date().timeIntervalSince1970
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let after = Date().timeIntervalSince1970
        let now = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        let told = Double(clock.nanosecondsSince1970(at: now)) / 1e9
        // The time of day may be adjusted between the looks at it, by far less than this.
        #expect(told > before - 0.1 && told < after + 0.1)
    }

    @Test func onlyAdds() {
        var clock = WallClock()
        clock.offset = 1_700_000_000_000_000_000
        #expect(clock.nanosecondsSince1970(at: 0) == 1_700_000_000_000_000_000)
        #expect(clock.nanosecondsSince1970(at: 5_000_000_001) == 1_700_000_005_000_000_001)
    }
}
