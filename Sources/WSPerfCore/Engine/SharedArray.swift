internal import Glibc

/// An immutable array of plain values that any number of values and threads read without touching a reference count.
///
/// Schedulers and payload generators are copied once per connection or loop, and used for every message. Each use of an
/// `Array` in them would retain and release one count that all threads share.
///
/// Unsafe code: `base` points to `count` initialised elements that are never written after `init`; they live as long
/// as `owner`, which every copy of the value holds. Reads are checked against `count`. A mapped file must be one
/// that nobody can write to or cut off.
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
        /// Bytes of the mapped file; nil for memory of this process.
        let mapped: Int?

        init(mapping storage: UnsafeMutableRawPointer, bytes: Int) {
            count = bytes / MemoryLayout<Element>.stride
            self.storage = storage.bindMemory(to: Element.self, capacity: count)
            mapped = bytes
        }

        init(_ elements: some Collection<Element>) {
            count = elements.count
            mapped = nil
            // Aligned to a cache line, so wide loads cross none.
            storage = UnsafeMutableRawPointer.allocate(
                byteCount: Swift.max(count, 1) * MemoryLayout<Element>.stride,
                alignment: Swift.max(64, MemoryLayout<Element>.alignment)
            ).bindMemory(to: Element.self, capacity: Swift.max(count, 1))
            let isCopied: Void? = elements.withContiguousStorageIfAvailable { elements in
                guard let base = elements.baseAddress else { return }
                storage.initialize(from: base, count: count)
            }
            guard isCopied == nil else { return }
            var index = 0
            for element in elements {
                // A collection that miscounts itself must not write past the end.
                precondition(index < count, "the collection has more elements than it said")
                (storage + index).initialize(to: element)
                index += 1
            }
            precondition(index == count, "the collection has fewer elements than it said")
        }

        deinit {
            if let mapped { munmap(storage, mapped) } else { UnsafeMutableRawPointer(storage).deallocate() }
        }
    }
}

extension SharedArray: RandomAccessCollection {
    var startIndex: Int { 0 }
    var endIndex: Int { count }

    func withContiguousStorageIfAvailable<Result>(
        _ body: (UnsafeBufferPointer<Element>) throws -> Result
    ) rethrows -> Result? {
        try body(UnsafeBufferPointer(start: base, count: count))
    }
}

extension SharedArray<UInt8> {
    /// Maps a file of `size` bytes, which must not be 0, into memory. Nil, with the reason in `errno`, if that fails.
    ///
    /// Nobody may be able to write to the file or to cut it off. Reading bytes that are no longer there kills the process.
    init?(mapping descriptor: Int32, size: Int) {
        guard let memory = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), memory != MAP_FAILED else {
            return nil
        }
        // Its pages are read now, so that a loop doesn't wait for the disk later.
        madvise(memory, size, MADV_WILLNEED)
        owner = Owner(mapping: memory, bytes: size)
        base = UnsafePointer(owner.storage)
        count = owner.count
    }
}
