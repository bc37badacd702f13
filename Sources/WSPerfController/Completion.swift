import ArgumentParser
import WSPerfCommand

/// `wsperf-controller completion`: shell → ArgumentParser's script.
struct Completion: StandardCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints a script that lets a shell complete this command.",
        discussion: """
            bash: wsperf-controller completion bash >~/.local/share/bash-completion/completions/wsperf-controller
            zsh: wsperf-controller completion zsh >DIRECTORY/_wsperf-controller, in a directory of $fpath
            fish: wsperf-controller completion fish >~/.config/fish/completions/wsperf-controller.fish
            """)

    @Argument(
        help: ArgumentHelp("The shell: bash, zsh or fish.", valueName: "shell"),
        completion: .list(["bash", "zsh", "fish"]), transform: { try CompletionShell(named: $0) })
    var shell: CompletionShell

    func run() async throws { print(WSPerfController.completionScript(for: shell)) }
}
