import Foundation

// `log` and `cos` are ambiguous where Testing and Foundation meet.
func logarithm(_ x: Double) -> Double { Foundation.log(x) }
func cosine(_ x: Double) -> Double { Foundation.cos(x) }
