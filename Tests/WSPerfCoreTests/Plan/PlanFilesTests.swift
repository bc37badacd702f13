import Foundation
import Testing

@testable import WSPerfCore

@Suite struct PlanFilesTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("plan-files-\(UUID())").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try body(directory)
    }

    @Test func namesTheFilesOfStockParts() throws {
        let plan = try Plan(
            document: PlanNode(
                json: #"""
                    {"target":"wss://h/","messages":1,"schedule":{"kind":"replay","log":"a"},
                    "payload":{"kind":"fixed","file":"b"},"tls":{"ca":"c","certificate":"d","key":"d"}}
                    """#))
        #expect(plan.referencedFiles == ["a", "b", "c", "d"])
        let own = try Plan(
            document: PlanNode(json: #"{"target":"ws://h/","schedule":{"kind":"own","log":"a"}}"#))
        #expect(own.referencedFiles == [])
    }

    @Test func attachmentsComeFirstThenLocations() throws {
        try withDirectory { directory in
            let path = directory + "/log"
            for (path, text) in [(path, "own"), (path + "2", "elsewhere")] {
                try text.write(toFile: path, atomically: false, encoding: .utf8)
            }
            var plan = Plan(target: try Target("ws://h/"))
            #expect(try plan.contents(ofFile: path) == Array("own".utf8))
            plan.fileLocations = [path: path + "2"]
            #expect(try plan.contents(ofFile: path) == Array("elsewhere".utf8))
            plan.attachments = [path: [1]]
            #expect(try plan.contents(ofFile: path) == [1])
            plan.attachments = [:]
            plan.fileLocations = [path: path + "3"]
            #expect { try plan.contents(ofFile: path) } throws: {
                "\($0)" == "cannot read \(path): No such file or directory"
            }
        }
    }

    @Test func aLogThatIsNoneIsRefused() throws {
        try withDirectory { directory in
            let path = directory + "/log"
            try "{\"t_us\": 0, \"len\": 3}\nnot JSON\n".write(toFile: path, atomically: false, encoding: .utf8)
            var plan = Plan(target: try Target("ws://h/"))
            plan.schedule = .replay(ReplayOptions(log: path))
            #expect { try plan.checkFiles() } throws: { "\($0)".hasPrefix("schedule.log: \(path):2: ") }
            plan.schedule = .replay(ReplayOptions(log: path + "x"))
            #expect { try plan.checkFiles() } throws: {
                "\($0)" == "cannot read \(path)x: No such file or directory"
            }
        }
    }

    @Test func saysWhyAFileCannotBeRead() throws {
        try withDirectory { directory in
            let plan = Plan(target: try Target("ws://h/"))
            #expect { try plan.contents(ofFile: directory + "/none") } throws: {
                "\($0)" == "cannot read \(directory)/none: No such file or directory"
            }
            #expect { try plan.contents(ofFile: directory) } throws: {
                "\($0)" == "cannot read \(directory): not a regular file"
            }
            #expect { try plan.contents(ofFile: "/dev/zero") } throws: {
                "\($0)" == "cannot read /dev/zero: not a regular file"
            }
            try Data(count: 11).write(to: URL(fileURLWithPath: directory + "/big"))
            #expect { try Plan.read(directory + "/big", limit: 10) } throws: {
                "\($0)" == "cannot read \(directory)/big: 11 bytes, more than 10"
            }
            #expect(try Plan.read(directory + "/big", limit: 11).count == 11)
        }
    }
}
