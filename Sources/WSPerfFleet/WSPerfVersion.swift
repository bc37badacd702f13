/// The version of this software, which `--version` prints.
public enum WSPerfVersion {
    /// Semantic version number.
    public static let current = "0.2.0"
}
