public import WSPerfCore

/// What a plan will do, in a few lines, for people to check before they run it.
public struct PlanSummary: CustomStringConvertible {
    private let plan: Plan
    private let arithmetic: PlanArithmetic

    /// Reads the files that the plan names.
    public init(_ plan: Plan) {
        self.plan = plan
        arithmetic = plan.arithmetic
    }

    /// What the plan opens, sends and needs, and notices.
    public var description: String {
        var lines = ["\(plan.name): \(plan.target)"]
        func add(_ label: String, _ text: String) {
            lines.append("  " + label + String(repeating: " ", count: max(1, 16 - label.count)) + text)
        }
        add(
            "connections",
            "\(Self.count(arithmetic.connections)) = \(Self.plural(plan.machines, "machine")) × "
                + "\(Self.plural(plan.processes, "process", "processes")) × \(Self.plural(plan.instances, "instance"))")
        let bound = plan.maxOpening.map { ", at most \(Self.count($0)) opening at once" } ?? ""
        switch plan.ramp {
        case .rate(let rate):
            add("opening", "\(Self.time(arithmetic.openingTime)), \(Self.number(rate))/s in each worker\(bound)")
        case .over(let time): add("opening", "evenly over \(Self.time(time))\(bound)")
        }
        if !plan.sendMessages {
            add("messages", "none, only the handshake")
        } else if let each = arithmetic.messagesPerConnection, let all = arithmetic.messages {
            let about = plan.messages == nil || plan.duration != nil ? "about " : ""
            add("messages", "\(about)\(Self.number(each)) on each connection, \(about)\(Self.number(all)) in total")
        } else {
            add("messages", "as many as the schedule has")
        }
        if plan.sendMessages {
            if let rate = arithmetic.messagesPerSecond {
                let bytes = arithmetic.bytesPerSecond.map { ", \(Self.bytes($0))/s of payload" } ?? ""
                add("steady state", "\(Self.number(rate)) messages/s\(bytes)")
            } else {
                add("steady state", "not known in advance")
            }
        }
        let expected = arithmetic.expectedDuration.map { "about \(Self.time($0))" } ?? "not known in advance"
        add("duration", "\(expected); connections left after \(Self.time(arithmetic.limit)) are aborted")
        add("descriptors", "\(Self.count(arithmetic.descriptorsPerWorker)) in each worker process")
        add("local ports", "\(Self.count(arithmetic.localPortsPerMachine)) on each machine\(portsNote)")
        lines += (plan.notices + arithmetic.notices).map { "  notice: \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    private var portsNote: String {
        let addresses = max(plan.sourceAddresses.reduce(0) { $0 + $1.count }, 1)
        let each = (arithmetic.localPortsPerMachine + addresses - 1) / addresses
        let share = addresses > 1 ? ", \(Self.count(each)) on each of \(Self.count(addresses)) source addresses" : ""
        return switch each {
        case ...28_000: share
        case ...64_000: share + " (more than the usual 28,232: widen net.ipv4.ip_local_port_range)"
        default: share + " (one local address has at most 64,511: give source_addresses)"
        }
    }

    // MARK: -

    private static func plural(_ count: Int, _ noun: String, _ plural: String? = nil) -> String {
        "\(Self.count(count)) \(count == 1 ? noun : plural ?? noun + "s")"
    }

    private static func count(_ value: Int) -> String { PlanText.count(value) }

    /// Whole numbers from 100 on; three significant digits below.
    private static func number(_ value: Double) -> String {
        guard value < 1e15 else { return "\(value)" }
        if value >= 100 || value == value.rounded() { return count(Int(value.rounded())) }
        let scale: Double = value >= 10 ? 10 : value >= 1 ? 100 : 1000
        return PlanQuantity.text((value * scale).rounded() / scale)
    }

    private static func bytes(_ value: Double) -> String {
        for (unit, size) in [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] where value >= size {
            return "\(number(value / size)) \(unit)"
        }
        return "\(number(value)) bytes"
    }

    private static func time(_ value: Duration) -> String {
        let (seconds, attoseconds) = value.components
        let time = Double(seconds) + Double(attoseconds) / 1e18
        switch time {
        case 0: return "0 s"
        case ..<1e-6: return "\(number(time * 1e9)) ns"
        case ..<1e-3: return "\(number(time * 1e6)) µs"
        case ..<1: return "\(number(time * 1e3)) ms"
        case ..<7200: return "\(number(time)) s"
        case ..<172_800: return "\(number(time / 3600)) h"
        default: return "\(number(time / 86_400)) days"
        }
    }
}
