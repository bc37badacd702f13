/// Which listener runs which shares of a plan: first assignments, replacements and spares. Pure.
///
/// A share is the connections of one worker. The plan's machines are numbered from 0, and machine `m` has the shares `m
/// × processes` up to `(m + 1) × processes`. One listener represents one machine. A listener without an assignment is a
/// spare.
struct RunAssignments {
    struct Assignment {
        /// The listener's name.
        let name: String
        /// The planned machine that the listener represents.
        let machine: Int
        /// The latest order for each of its shares.
        fileprivate(set) var orders: [WorkerOrder] = []
        /// All orders so far, including those for workers that were replaced.
        fileprivate(set) var ordered = 0
        /// The listener has confirmed all of its orders.
        fileprivate(set) var isAccepted = false
        /// How often each share was ordered from this listener.
        fileprivate var launches: [Int: Int] = [:]
    }

    private let run: String
    private let machines: Int
    private let minMachines: Int
    private let processes: Int
    /// By the identity of the listener.
    private(set) var assignments: [String: Assignment] = [:]
    /// Planned machines without a living listener, in ascending order.
    private(set) var unassigned: [Int]
    /// Listeners whose workers died too often before the load. They get no share of this run.
    private var unfit: Set<String> = []
    /// The largest number of listeners that can still take part; nil while more may join.
    private var reachable: Int?
    /// Planned machines that had a listener earlier.
    private var assignedBefore: Set<Int> = []
    /// How often each share was ordered from any listener.
    private var launches: [Int: Int] = [:]

    /// - Parameters:
    ///   - run: The run's identity, which the identities of its workers begin with.
    ///   - machines: Machines in the plan.
    ///   - minMachines: Machines that are enough once the join deadline has passed.
    ///   - processes: Workers per machine.
    init(run: String, machines: Int, minMachines: Int, processes: Int) {
        self.run = run
        self.machines = machines
        self.minMachines = minMachines
        self.processes = processes
        unassigned = Array(0..<machines)
    }

    /// Whether every listener with an assignment has confirmed it.
    var areAccepted: Bool { assignments.values.allSatisfy(\.isAccepted) }

    /// Whether a listener can take a machine of the plan.
    func isFree(_ listener: String) -> Bool { assignments[listener] == nil && isFit(listener) }

    func isFit(_ listener: String) -> Bool { !unfit.contains(listener) }

    /// Whether the load may begin with this many machines.
    func areEnough(_ count: Int, joinIsOver: Bool) -> Bool {
        let wanted = joinIsOver ? minMachines : max(min(machines, reachable ?? machines), minMachines)
        return count >= wanted
    }

    /// Gives a listener the first free machine; nil if there is none.
    ///
    /// - Returns: The workers that the listener must launch, and whether it replaces a lost listener.
    mutating func assign(_ listener: String, name: String) -> (orders: [WorkerOrder], isReplacement: Bool)? {
        guard isFree(listener), !unassigned.isEmpty else { return nil }
        let machine = unassigned.removeFirst()
        let isReplacement = !assignedBefore.insert(machine).inserted
        assignments[listener] = Assignment(name: name, machine: machine)
        let shares = machine * processes..<(machine + 1) * processes
        return (shares.compactMap { order($0, from: listener) }, isReplacement)
    }

    /// Orders a new worker for a share from the listener that has it; nil if the listener has no assignment.
    mutating func order(_ share: Int, from listener: String) -> WorkerOrder? {
        guard var assignment = assignments[listener] else { return nil }
        let launch = launches[share, default: 0] + 1
        launches[share] = launch
        let order = WorkerOrder(id: "\(run)-w\(share)" + (launch > 1 ? ".\(launch)" : ""), index: share)
        assignment.orders.removeAll { $0.index == share }
        assignment.orders.append(order)
        assignment.ordered += 1
        assignment.launches[share, default: 0] += 1
        assignment.isAccepted = false
        assignments[listener] = assignment
        return order
    }

    /// How often a share was ordered from this listener; nil if the listener has no assignment.
    func launches(of share: Int, on listener: String) -> Int? { assignments[listener]?.launches[share] }

    /// The listener reports how many workers it has launched. Returns true if that confirms its assignment.
    mutating func confirm(_ listener: String, launched: Int) -> Bool {
        guard let assignment = assignments[listener], !assignment.isAccepted, launched >= assignment.ordered else {
            return false
        }
        assignments[listener]?.isAccepted = true
        return true
    }

    /// Frees the listener's machine, so that a spare may take it.
    mutating func giveUp(_ listener: String) {
        guard let assignment = assignments.removeValue(forKey: listener) else { return }
        unassigned.append(assignment.machine)
        unassigned.sort()
    }

    /// Excludes a listener from this run: its workers died too often.
    mutating func exclude(_ listener: String) { unfit.insert(listener) }

    /// No more than this many listeners can still take part.
    mutating func expectAtMost(_ count: Int) { reachable = count }
}
