/// When a listener that has not joined must look for the reason: once a second for a minute, then once a minute. A
/// listener that had joined before waits for its next controller, and looks once a minute. Pure.
struct JoinWatch {
    private static let often: Duration = .seconds(1)
    private static let seldom: Duration = .seconds(60)

    private let began: FleetInstant
    private var hasJoined = false
    /// When to look next; nil while there is a controller or a look is under way.
    private(set) var next: FleetInstant?
    private var isLooking = false

    init(now: FleetInstant) {
        began = now
        next = now + Self.often
    }

    /// Returns whether to look now. The caller then calls `looked` when the look is over.
    mutating func isDue(hasController: Bool, now: FleetInstant) -> Bool {
        if hasController {
            hasJoined = true
            next = nil
            return false
        }
        guard !isLooking else { return false }
        guard let next else {
            self.next = now + interval(now)
            return false
        }
        guard now >= next else { return false }
        isLooking = true
        self.next = nil
        return true
    }

    mutating func looked(now: FleetInstant) {
        isLooking = false
        next = now + interval(now)
    }

    private func interval(_ now: FleetInstant) -> Duration {
        hasJoined || now - began >= Self.seldom ? Self.seldom : Self.often
    }
}
