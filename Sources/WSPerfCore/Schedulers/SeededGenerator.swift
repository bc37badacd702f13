import Glibc

/// The random numbers of one connection: a small, fast generator that repeats exactly for the same seed.
///
/// All randomness in a run comes from generators like this one. Each is derived from the plan's `seed` and a stream
/// number (a connection's index in the whole run), so a run can be repeated byte for byte. The algorithm is
/// xoroshiro128++ 1.0 (Blackman and Vigna, <https://prng.di.unimi.it>) with 16 bytes of state. It is not cryptographic.
///
/// The helpers store nothing outside `state`, so `state` alone determines the rest of a stream.
public struct SeededGenerator: RandomNumberGenerator, Sendable, Hashable {
    @usableFromInline var state: (low: UInt64, high: UInt64)

    /// The generator of stream `stream` under `seed`.
    ///
    /// Two different pairs never share a state, because (seed, stream) goes through four rounds of a Feistel network,
    /// which is a bijection of 128 bits. Streams overlap within a run only with the probability of random starting
    /// points in a period of 2¹²⁸ − 1.
    public init(seed: UInt64, stream: UInt64) {
        var low = seed
        var high = stream
        low ^= Self.mixed(high &+ 0x9E37_79B9_7F4A_7C15)
        high ^= Self.mixed(low &+ 0x3C6E_F372_FE94_F82A)
        low ^= Self.mixed(high &+ 0xDAA6_6D2C_7DDF_743F)
        high ^= Self.mixed(low &+ 0x78DD_E6E5_FD29_F054)
        self.init(state: low, high)
    }

    /// A generator in the given state. The all-zero state would stay zero for ever, so it is replaced.
    init(state low: UInt64, _ high: UInt64) {
        state = (low, high)
        if low | high == 0 { state = (0x9E37_79B9_7F4A_7C15, 0x3C6E_F372_FE94_F82A) }
    }

    /// 64 uniform bits.
    @inlinable @inline(__always)
    public mutating func next() -> UInt64 {
        let low = state.low
        var high = state.high
        let sum = low &+ high
        let result = ((sum &<< 17) | (sum &>> 47)) &+ low
        high ^= low
        state.low = ((low &<< 49) | (low &>> 15)) ^ high ^ (high &<< 21)
        state.high = (high &<< 28) | (high &>> 36)
        return result
    }

    /// Uniform in [0, 1): a multiple of 2⁻⁵³.
    @inlinable @inline(__always)
    public mutating func nextUnit() -> Double {
        Double(next() &>> 11) * 0x1p-53
    }

    /// A uniform integer in `range`, without bias (Lemire, "Fast random integer generation in an interval", 2019).
    @inlinable
    public mutating func nextInteger(in range: ClosedRange<Int>) -> Int {
        let span = UInt64(bitPattern: Int64(range.upperBound)) &- UInt64(bitPattern: Int64(range.lowerBound)) &+ 1
        // A span of 2⁶⁴ wraps to zero; then every value is in the range.
        guard span != 0 else { return Int(truncatingIfNeeded: next()) }
        var product = next().multipliedFullWidth(by: span)
        if product.low < span {
            let threshold = (0 &- span) % span
            while product.low < threshold { product = next().multipliedFullWidth(by: span) }
        }
        return range.lowerBound &+ Int(truncatingIfNeeded: product.high)
    }

    /// Exponentially distributed with this mean. The largest value is 36.8 means, because the draw has 53 random bits.
    public mutating func nextExponential(mean: Double) -> Double {
        -log(1 - nextUnit()) * mean
    }

    /// Normally distributed (Box and Muller, 1958). The second number of the pair is discarded, to keep no state.
    public mutating func nextNormal(mean: Double, deviation: Double) -> Double {
        let radius = (-2 * log(1 - nextUnit())).squareRoot()
        return mean + deviation * radius * cos(2 * .pi * nextUnit())
    }

    /// Poisson distributed with this mean; 0 for a mean that is not positive.
    ///
    /// Exact in distribution: small means multiply uniforms (Knuth, TAOCP vol. 2, 3.4.1); means from 10 on use
    /// transformed rejection (PTRS; Hörmann, "The transformed rejection method for generating Poisson random
    /// variables", 1993).
    public mutating func nextPoisson(mean: Double) -> Int {
        guard mean > 0 else { return 0 }
        guard mean >= 10 else {
            let limit = exp(-mean)
            var count = 0
            var product = nextUnit()
            while product > limit {
                count += 1
                product *= nextUnit()
            }
            return count
        }
        // Above this, the distribution is narrower than the spacing of floating-point numbers.
        guard mean < 0x1p60 else { return 1 << 60 }
        let b = 0.931 + 2.53 * mean.squareRoot()
        let a = -0.059 + 0.02483 * b
        let inverseAlpha = 1.1239 + 1.1328 / (b - 3.4)
        let squeeze = 0.9277 - 3.6224 / (b - 2)
        while true {
            let u = nextUnit() - 0.5
            let v = nextUnit()
            let us = 0.5 - abs(u)
            let k = ((2 * a / us + b) * u + mean + 0.43).rounded(.down)
            if us >= 0.07, v <= squeeze { return Int(k) }
            if k < 0 || !k.isFinite || (us < 0.013 && v > us) { continue }
            let accepted = log(v * inverseAlpha / (a / (us * us) + b))
            if accepted <= k * log(mean) - mean - Self.logFactorial(k) { return Int(k) }
        }
    }

    /// ln(k!) for an integer k ≥ 0. From 10 on it uses Stirling's series, with an error below 10⁻¹⁰. (`lgamma` writes a
    /// global variable, so it is not thread-safe.)
    static func logFactorial(_ k: Double) -> Double {
        guard k >= 10 else {
            var product = 1.0
            var factor = 2.0
            while factor <= k {
                product *= factor
                factor += 1
            }
            return log(product)
        }
        let x = k + 1
        let inverseSquare = 1 / (x * x)
        let series = (1.0 / 12 - inverseSquare * (1.0 / 360 - inverseSquare * (1.0 / 1260 - inverseSquare / 1680))) / x
        return (x - 0.5) * log(x) - x + 0.5 * log(2 * .pi) + series
    }

    /// The finaliser of SplitMix64 (Stafford's variant 13): a bijection of 64 bits that scatters them.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z &>> 31)
    }

    public static func == (a: Self, b: Self) -> Bool { a.state == b.state }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(state.low)
        hasher.combine(state.high)
    }
}

extension SeededGenerator {
    /// Stream numbers that no connection uses, for randomness that belongs to the whole run.
    enum Stream {
        /// The bytes that random payloads are cut from.
        static let payloadPool = UInt64.max
    }
}
