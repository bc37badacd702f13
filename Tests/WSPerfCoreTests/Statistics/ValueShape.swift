internal import Glibc
import WSPerfCore

/// Shapes of data that a histogram meets.
enum ValueShape: String, CaseIterable {
    case small, uniform, exponential, bimodal, powers, constant, boundaries, full

    func values(_ count: Int, seed: UInt64) -> [UInt64] {
        var random = SeededGenerator(seed: seed, stream: 0)
        return (0..<count).map { index in
            switch self {
            case .small: UInt64.random(in: 0..<2048, using: &random)
            case .uniform: UInt64.random(in: 0..<10_000_000, using: &random)
            case .exponential: UInt64(-log(Double.random(in: 1e-9..<1, using: &random)) * 2e6)
            case .bimodal: UInt64.random(in: 0..<1000, using: &random) + (index % 3 == 0 ? 2_000_000_000 : 90_000)
            case .powers: UInt64(1) << UInt64.random(in: 0...41, using: &random)
            case .constant: 123_456_789
            case .boundaries:
                (UInt64(1) << UInt64.random(in: 10...41, using: &random))
                    &+ UInt64.random(in: 0...2, using: &random) &- 1
            case .full: UInt64.random(in: 0..<1 << 42, using: &random)
            }
        }
    }
}
