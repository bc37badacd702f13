import Testing
import WSPerfTestServer

struct BehaviourTests {
    @Test(arguments: Fault.allCases)
    func `a behaviour and its path say the same`(fault: Fault) throws {
        var behaviour = TestServerBehaviour(fault, .late)
        behaviour.after = 3
        behaviour.code = 4321
        behaviour.status = 404
        behaviour.reason = "ä b&c"
        behaviour.every = .microseconds(1500)
        behaviour.by = .seconds(2)
        behaviour.min = .milliseconds(7)
        behaviour.max = .milliseconds(70)
        behaviour.length = 9
        behaviour.count = 8
        behaviour.parts = 7
        behaviour.window = 6
        behaviour.nth = 5
        behaviour.bits = 1
        behaviour.opcode = 11
        behaviour.name = "n"
        behaviour.room = "r"
        #expect(try TestServerBehaviour(path: behaviour.path) == behaviour)
        #expect(try TestServerBehaviour(path: "/fault/\(fault.rawValue)") == TestServerBehaviour(fault))
        #expect(TestServerBehaviour(fault).path == "/fault/\(fault.rawValue)")
    }

    @Test(arguments: ["/", "/echo", "/echo?after=x", "/telemetry/close", ""])
    func `any other path is an echo`(path: String) throws {
        #expect(try TestServerBehaviour(path: path) == TestServerBehaviour())
    }

    static let mistakes = [
        "/fault", "/fault/clos", "/fault/close/bogus", "/fault/close?afte=1", "/fault/close?after",
        "/fault/close?after=-1",
        "/fault/close?code=65536", "/fault/late?by=5", "/fault/late?by=5h", "/fault/late?by=0ms",
        "/fault/late?by=2000000s",
        "/fault/close?reason=%zz", "/fault/close?reason=%ff", "/fault/extension?name=a%0d%0ab", "/fault/rsv?bits=8",
        "/fault/\u{1B}[31m", "/push?count=99999999999999999999",
        "/fault/expire?min=6s", "/fault/expire?max=999ms", "/fault/expire?min=5",
    ]

    @Test(arguments: mistakes)
    func `the message of a mistake is printable`(path: String) throws {
        let error = try #require(throws: TestServerError.self) { try TestServerBehaviour(path: path) }
        #expect(error.isInvalidBehaviour)
        #expect(error.description.utf8.allSatisfy { $0 >= 32 && $0 < 127 } && error.description.utf8.count < 200)
    }
}
