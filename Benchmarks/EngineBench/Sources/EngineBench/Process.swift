internal import Foundation

/// Resident memory of this process, bytes, counted page by page.
func residentBytes() -> Int {
    let rollup = (try? String(contentsOfFile: "/proc/self/smaps_rollup", encoding: .utf8)) ?? ""
    for line in rollup.split(separator: "\n") where line.hasPrefix("Rss:") {
        return (line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0) * 1024
    }
    return 0
}
