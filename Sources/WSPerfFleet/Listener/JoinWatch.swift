/// When a listener that has not joined must look for its controller, and when it says why it has not joined: once a
/// second for a minute, then once a minute. A listener that had joined before waits for its next controller, and says so
/// once a minute. While the controller's address is not known, it looks once a second. Pure.
struct JoinWatch {
    private static let often: Duration = .seconds(1)
    private static let seldom: Duration = .seconds(60)

    private let began: FleetInstant
    private var hasJoined = false
    /// Whether there is an address to which the sockets connect.
    private var hasAddress: Bool
    /// When to look next; nil while there is a controller or a look is under way.
    private(set) var next: FleetInstant?
    private var isLooking = false
    private var sayAt: FleetInstant

    /// - Parameter hasAddress: Whether the controller is given by an address, not by a name.
    init(hasAddress: Bool, now: FleetInstant) {
        began = now
        self.hasAddress = hasAddress
        next = hasAddress ? now + Self.often : now
        sayAt = now + Self.often
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
            sayAt = now + saying(now)
            self.next = now + (hasAddress ? saying(now) : Self.often)
            return false
        }
        guard now >= next else { return false }
        isLooking = true
        self.next = nil
        return true
    }

    /// A look is over. Returns whether to say why the listener has not joined.
    ///
    /// - Parameter hasAddress: Whether there is now an address to which the sockets connect.
    mutating func looked(hasAddress: Bool, now: FleetInstant) -> Bool {
        isLooking = false
        self.hasAddress = hasAddress
        next = now + (hasAddress ? saying(now) : Self.often)
        guard now >= sayAt else { return false }
        sayAt = now + saying(now)
        return true
    }

    private func saying(_ now: FleetInstant) -> Duration {
        hasJoined || now - began >= Self.seldom ? Self.seldom : Self.often
    }
}
