/// The listeners of a controller.
///
/// A listener's status only moves forward: greeted → alive → lost. A lost listener that sends a message is told to rejoin,
/// which it does with a new identity. So no listener counts twice.
struct MembershipMachine {
    enum Status: Int, Comparable, Sendable {
        /// It said hello but has not answered the welcome yet.
        case greeted
        /// It has answered the welcome.
        case alive
        /// It was silent for too long, said that it leaves, or its process has ended.
        case lost

        static func < (a: Status, b: Status) -> Bool { a.rawValue < b.rawValue }
    }

    struct Member: Sendable {
        let id: String
        /// Unique among members that are not lost.
        let name: String
        let pid: Int32
        /// Where it came from, if known.
        let address: String?
        fileprivate(set) var status: Status
        /// Order in which it joined, from 0; -1 until it is alive.
        fileprivate(set) var order: Int
        fileprivate(set) var lastHeard: FleetInstant
        fileprivate var lastSequence: UInt64
        // From its last status.
        fileprivate(set) var number = 0
        fileprivate(set) var workersAlive = 0
    }

    enum Action: Equatable, Sendable {
        case welcome(id: String, name: String)
        /// It cannot take part.
        case refuse(id: String, name: String, reason: String)
        /// Something that the operator should know about a listener that takes part.
        case note(String)
        case rejoin(id: String)
        case greeted(id: String)
        case joined(id: String)
        case lost(id: String, silence: Duration)
    }

    private(set) var members: [String: Member] = [:]
    /// Names of members that are not lost.
    private var names: Set<String> = []
    private var joined = 0
    /// Why listeners cannot take part, by name: the first ones.
    private(set) var incompatible: [String: String] = [:]
    /// Hellos that were dropped because there were too many members.
    private(set) var refused = 0

    /// Living members in the order in which they joined.
    var alive: [Member] { members.values.filter { $0.status == .alive }.sorted { $0.order < $1.order } }

    /// Members that have said hello but not answered their welcome, by name.
    var greeted: [Member] { members.values.filter { $0.status == .greeted }.sorted { $0.name < $1.name } }

    mutating func hello(
        id: String, _ hello: PeerMessage.Hello, from address: String? = nil, sequence: UInt64, now: FleetInstant
    ) -> [Action] {
        if let member = members[id] {
            guard member.status != .lost else { return [.rejoin(id: id)] }
            hear(id, sequence: sequence, now: now)
            return [.welcome(id: id, name: member.name)]
        }
        if let reason = hello.incompatibility {
            if incompatible.count < 16 { incompatible[hello.name] = reason }
            return [.refuse(id: id, name: hello.name, reason: reason)]
        }
        guard members.count < FleetLimits.listeners else {
            refused += 1
            return []
        }
        let name = uniqueName(hello.name)
        names.insert(name)
        members[id] = Member(
            id: id, name: name, pid: hello.pid, address: address, status: .greeted, order: -1, lastHeard: now,
            lastSequence: sequence)
        let note = hello.otherBuild.map { Action.note("listener \(name) \($0)") }
        return [.welcome(id: id, name: name), .greeted(id: id)] + (note.map { [$0] } ?? [])
    }

    mutating func status(
        id: String, _ status: PeerMessage.ListenerStatus, sequence: UInt64, now: FleetInstant
    ) -> [Action] {
        guard var member = members[id] else { return [.rejoin(id: id)] }
        guard member.status != .lost else { return [.rejoin(id: id)] }
        guard sequence > member.lastSequence else { return [] }
        member.lastSequence = sequence
        member.lastHeard = max(member.lastHeard, now)
        member.number = status.number
        member.workersAlive = max(0, status.alive)
        var actions: [Action] = []
        if status.leaving {
            if member.status == .alive { actions.append(.lost(id: id, silence: .zero)) }
            member.status = .lost
            names.remove(member.name)
        } else if member.status == .greeted {
            member.status = .alive
            member.order = joined
            joined += 1
            actions.append(.joined(id: id))
        }
        members[id] = member
        return actions
    }

    /// Any other sign of life.
    mutating func hear(_ id: String, sequence: UInt64, now: FleetInstant) {
        guard var member = members[id], member.status != .lost, sequence > member.lastSequence else { return }
        member.lastSequence = sequence
        member.lastHeard = max(member.lastHeard, now)
        members[id] = member
    }

    /// The process of a local listener has ended.
    mutating func ended(pid: Int32) -> [Action] {
        guard let member = members.values.first(where: { $0.pid == pid && $0.status != .lost }) else { return [] }
        members[member.id]?.status = .lost
        names.remove(member.name)
        return member.status == .alive ? [.lost(id: member.id, silence: .zero)] : []
    }

    /// Marks members that were silent for `liveness` as lost. Forgets members that never answered their welcome, and members
    /// that were lost long ago.
    mutating func tick(now: FleetInstant, liveness: Duration) -> [Action] {
        var actions: [Action] = []
        for member in members.values where now - member.lastHeard >= liveness {
            switch member.status {
            case .greeted:
                members[member.id] = nil
                names.remove(member.name)
            case .alive:
                members[member.id]?.status = .lost
                names.remove(member.name)
                actions.append(.lost(id: member.id, silence: now - member.lastHeard))
            case .lost where now - member.lastHeard >= liveness * 60:
                members[member.id] = nil
            case .lost: break
            }
        }
        return actions.sorted { a, b in
            guard case .lost(let a, _) = a, case .lost(let b, _) = b else { return false }
            return order(a) < order(b)
        }
    }

    mutating func forgive(_ duration: Duration) {
        for id in members.keys { members[id].map { members[id]?.lastHeard = $0.lastHeard + duration } }
    }

    /// The earliest time at which `tick` can have an effect.
    func nextDeadline(liveness: Duration) -> FleetInstant? {
        members.values.filter { $0.status != .lost }.map { $0.lastHeard + liveness }.min()
    }

    private func order(_ id: String) -> Int { members[id]?.order ?? -1 }

    private func uniqueName(_ name: String) -> String {
        guard names.contains(name) else { return name }
        var number = 2
        while names.contains("\(name)#\(number)") { number += 1 }
        return "\(name)#\(number)"
    }
}
