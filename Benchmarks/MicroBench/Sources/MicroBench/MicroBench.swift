internal import CInstructions
import Glibc

/// Measures the parts of the hot path one by one.
///
/// Without arguments, prints one line of JSON per operation. With a name and a count, repeats that operation and prints
/// nothing, for a tool that counts instructions from outside. With `--list`, prints the names.
@main
enum MicroBench {
    static func main() throws {
        let benchmarks = try Benchmark.all()
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.count {
        case 0:
            let counter = instructions_open()
            for benchmark in benchmarks {
                let measured = benchmark.measure(counter: counter)
                print(
                    """
                    {"operation": "\(benchmark.name)", "nanoseconds": \(measured.nanoseconds), \
                    "instructions": \(measured.instructions.map { "\($0)" } ?? "null")}
                    """)
            }
        case 1 where arguments[0] == "--list":
            for benchmark in benchmarks { print(benchmark.name) }
        case 2:
            guard let benchmark = benchmarks.first(where: { $0.name == arguments[0] }) else {
                fail("no operation '\(arguments[0])'; see --list")
            }
            guard let count = Int(arguments[1]), count >= 0 else { fail("'\(arguments[1])' is not a count") }
            benchmark.run(count)
        default:
            fail("usage: micro-bench [--list | OPERATION COUNT]")
        }
    }

    private static func fail(_ message: String) -> Never {
        let text = "micro-bench: \(message)\n"
        write(2, text, text.utf8.count)
        exit(2)
    }
}
