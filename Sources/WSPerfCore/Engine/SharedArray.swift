/// An immutable array of plain values that any number of values and threads read without touching a reference count.
///
/// Schedulers and payload generators are copied once per connection or loop, and used for every message. Each use of an
/// `Array` in them would retain and release one count that all threads share.
///
/// Unsafe code: `base` points to `count` initialised elements that are never written after `init`; they live as long
/// as `owner`, which every copy of the value holds. Reads are checked against `count`.
struct SharedArray<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    private let owner: Owner
    /// For reading elements below `count` while this value is alive.
    let base: UnsafePointer<Element>
    let count: Int

    init(_ elements: some Collection<Element>) {
        owner = Owner(elements)
        base = UnsafePointer(owner.storage)
        count = owner.count
    }

    @inline(__always)
    subscript(index: Int) -> Element {
        precondition(index >= 0 && index < count, "index out of range")
        return base[index]
    }

    /// Frees the elements with the last value that refers to them.
    private final class Owner {
        let storage: UnsafeMutablePointer<Element>
        let count: Int

        init(_ elements: some Collection<Element>) {
            count = elements.count
            // Aligned to a cache line, so wide loads cross none.
            storage = UnsafeMutableRawPointer.allocate(
                byteCount: max(count, 1) * MemoryLayout<Element>.stride,
                alignment: max(64, MemoryLayout<Element>.alignment)
            ).bindMemory(to: Element.self, capacity: max(count, 1))
            var index = 0
            for element in elements {
                // A collection that miscounts itself must not write past the end.
                precondition(index < count, "the collection has more elements than it said")
                (storage + index).initialize(to: element)
                index += 1
            }
            precondition(index == count, "the collection has fewer elements than it said")
        }

        deinit { UnsafeMutableRawPointer(storage).deallocate() }
    }
}
