/// The version of this software, as `--version` prints it.
public enum WSPerfVersion {
    /// Semantic version number.
    public static let current = "0.2.0"
}
