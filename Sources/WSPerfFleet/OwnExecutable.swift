internal import FoundationEssentials

/// The location of the running executable.
enum OwnExecutable {
    /// The path of the file called `name` in the folder of the running executable.
    static func sibling(_ name: String) -> String {
        let own =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent(name).path
    }
}
