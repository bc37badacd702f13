/// The deadlines of a loop's slots, at most one per slot: an indexed 4-ary heap.
///
/// A 4-ary heap is shallower than a binary one and its four children share a cache line, and unlike a timer wheel it
/// keeps deadlines to the nanosecond. Setting and removing cost O(log n), reading the earliest O(1). Confined to one
/// thread. A class, because each call on a stored value costs an exclusivity check.
final class DeadlineQueue {
    private struct Entry {
        var deadline: UInt64
        var slot: UInt32
    }

    // Invariant: `entries` and `positions` have room for `capacity` elements; the first `count` entries are initialised
    // and form the heap; positions[s] is the index of slot s's entry, or `absent`.
    private let entries: UnsafeMutablePointer<Entry>
    private let positions: UnsafeMutablePointer<UInt32>
    private let capacity: Int
    private(set) var count = 0
    private static var absent: UInt32 { .max }

    /// For slots 0 ..< capacity.
    init(capacity: Int) {
        self.capacity = capacity
        entries = .allocate(capacity: max(capacity, 1))
        positions = .allocate(capacity: max(capacity, 1))
        positions.initialize(repeating: Self.absent, count: max(capacity, 1))
    }

    deinit {
        entries.deallocate()
        positions.deallocate()
    }

    /// The earliest deadline; `UInt64.max` when there is none.
    var earliest: UInt64 { count == 0 ? .max : entries[0].deadline }

    /// The slot with the earliest deadline. There must be one.
    var earliestSlot: Int {
        precondition(count > 0)
        return Int(entries[0].slot)
    }

    /// Gives the slot this deadline instead of the one it had, if any.
    func set(_ slot: Int, to deadline: UInt64) {
        precondition(slot >= 0 && slot < capacity)
        let position = positions[slot]
        let entry = Entry(deadline: deadline, slot: UInt32(truncatingIfNeeded: slot))
        if position == Self.absent {
            count += 1
            siftUp(entry, from: count - 1)
        } else if deadline < entries[Int(position)].deadline {
            siftUp(entry, from: Int(position))
        } else {
            siftDown(entry, from: Int(position))
        }
    }

    func remove(_ slot: Int) {
        precondition(slot >= 0 && slot < capacity)
        let position = Int(positions[slot])
        guard positions[slot] != Self.absent else { return }
        positions[slot] = Self.absent
        count -= 1
        guard position < count else { return }
        let last = entries[count]
        if position > 0, last.deadline < entries[(position - 1) / 4].deadline {
            siftUp(last, from: position)
        } else {
            siftDown(last, from: position)
        }
    }

    private func siftUp(_ entry: Entry, from start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 4
            guard entry.deadline < entries[parent].deadline else { break }
            place(entries[parent], at: index)
            index = parent
        }
        place(entry, at: index)
    }

    private func siftDown(_ entry: Entry, from start: Int) {
        var index = start
        while true {
            let first = index * 4 + 1
            guard first < count else { break }
            var least = first
            for child in (first + 1)..<max(first + 1, min(first + 4, count))
            where entries[child].deadline < entries[least].deadline { least = child }
            guard entries[least].deadline < entry.deadline else { break }
            place(entries[least], at: index)
            index = least
        }
        place(entry, at: index)
    }

    private func place(_ entry: Entry, at index: Int) {
        (entries + index).initialize(to: entry)
        positions[Int(entry.slot)] = UInt32(truncatingIfNeeded: index)
    }
}
