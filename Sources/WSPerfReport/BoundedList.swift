/// The first so many sentences of any number, and how many there were more.
struct BoundedList {
    private let limit: Int
    private var kept: [String] = []
    private var omitted = 0

    init(limit: Int) { self.limit = limit }

    mutating func append(_ sentence: String) {
        if kept.count < limit { kept.append(sentence.printable()) } else { omitted += 1 }
    }

    var items: [String] { omitted == 0 ? kept : kept + ["and \(omitted) more of the kind"] }
}
