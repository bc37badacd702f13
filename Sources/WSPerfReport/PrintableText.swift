internal import WSPerfCore

extension String {
    /// This text as it may be shown on a terminal, whoever wrote it: on one line, control and formatting characters
    /// escaped, cut to `limit` characters.
    func printable(limit: Int = 400) -> String { PlanText.printable(self, limit: limit) }
}
