public import ArgumentParser

extension CompletionShell {
    /// The shell with this name. Throws an error for the command line if there is none.
    public init(named name: String) throws {
        guard let shell = CompletionShell(rawValue: name) else {
            throw ValidationError("the shell must be bash, zsh or fish")
        }
        self = shell
    }
}
