/// Lines of text in columns.
struct TextTable {
    enum Alignment {
        case left
        case right
    }

    struct Column {
        var alignment: Alignment
        /// The least number of characters, without the two spaces before the column.
        var width: Int
    }

    private let columns: [Column]
    private var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    mutating func append(_ cells: [String]) { rows.append(cells) }

    /// The lines. Each column is as wide as its widest cell, and no line ends with spaces.
    var lines: [String] {
        let widths = columns.indices.map { column in
            rows.reduce(columns[column].width) { max($0, column < $1.count ? $1[column].count : 0) }
        }
        return rows.map { cells in
            var line = ""
            for (column, cell) in cells.enumerated() where column < columns.count {
                if column > 0 { line += "  " }
                let blanks = String(repeating: " ", count: max(0, widths[column] - cell.count))
                line += columns[column].alignment == .left ? cell + blanks : blanks + cell
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
