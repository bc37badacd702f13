import Testing

@testable import WSPerfCore

@Suite struct TargetTests {
    @Test(
        arguments: [
            ("ws://localhost", false, "localhost", 80, "/", "localhost"),
            ("wss://localhost:9443/telemetry", true, "localhost", 9443, "/telemetry", "localhost:9443"),
            (
                "WSS://Example.org:443/a%20b?q=%C3%A9&r=1", true, "Example.org", 443, "/a%20b?q=%C3%A9&r=1",
                "Example.org"
            ),
            ("ws://127.0.0.1:9001?x=1", false, "127.0.0.1", 9001, "/?x=1", "127.0.0.1:9001"),
            ("ws://[::1]:9001/", false, "::1", 9001, "/", "[::1]:9001"),
            ("wss://[2001:db8::1]", true, "2001:db8::1", 443, "/", "[2001:db8::1]"),
            ("ws://a_b.example./x/../y", false, "a_b.example.", 80, "/x/../y", "a_b.example."),
            ("ws://h/p?u=ws://other/", false, "h", 80, "/p?u=ws://other/", "h"),
        ])
    func takesURLsApart(
        url: String, isSecure: Bool, host: String, port: UInt16, path: String, authority: String
    ) throws {
        let target = try Target(url)
        #expect(target.isSecure == isSecure)
        #expect(target.host == host)
        #expect(target.port == port)
        #expect(target.path == path)
        #expect(target.authority == authority)
        #expect(try Target(target.description) == target)
    }

    @Test(
        arguments: [
            ("", "target: empty: write a ws:// or wss:// URL"),
            ("localhost:9001", "target: 'localhost:9001' has no scheme: write ws://localhost:9001"),
            (
                "http://localhost",
                "target: 'http://localhost' is not a WebSocket URL: use ws:// for http://, wss:// for https://"
            ),
            ("ftp://localhost", "target: 'ftp://localhost' is not a WebSocket URL: use ws:// or wss://"),
            ("ws://", "target: 'ws://' names no host"),
            ("ws:///path", "target: 'ws:///path' names no host"),
            ("ws://:80/", "target: 'ws://:80/' names no host"),
            ("ws://h:0/", "target: '0' is not a port: write one from 1 to 65535"),
            ("ws://h:65536/", "target: '65536' is not a port: write one from 1 to 65535"),
            ("ws://h:/", "target: '' is not a port: write one from 1 to 65535"),
            ("ws://h:+80/", "target: '+80' is not a port: write one from 1 to 65535"),
            ("ws://h:8o/", "target: '8o' is not a port: write one from 1 to 65535"),
            ("ws://h/#top", "target: 'ws://h/#top' has a fragment (#…), which a WebSocket URL may not have"),
            (
                "ws://me:secret@h/",
                "target: has a user name before the '@': put it into an Authorization header instead"
            ),
            ("ws://[::1/", "target: 'ws://[::1/' has no ']' after its IPv6 address"),
            ("ws://[::g]/", "target: '::g' is not an IPv6 address"),
            ("ws://[::1]9001/", "target: 'ws://[::1]9001/' has something between ']' and the path"),
            ("ws://::1/", "target: 'ws://::1/': write an IPv6 address in brackets: ws://[::1]:9000/"),
            ("ws://1.2.3/", "target: '1.2.3' is not an IPv4 address"),
            ("ws://1.2.3.400/", "target: '1.2.3.400' is not an IPv4 address"),
            ("ws://-h/", "target: '-h' is not a host name"),
            ("ws://a..b/", "target: 'a..b' is not a host name"),
            ("ws://h/a b", "target: 'ws://h/a b' holds a space: percent-encode it (a host name: in punycode)"),
            (
                "ws://h/\r\nX: y",
                "target: 'ws://h/\\u{d}\\u{a}X: y' holds a control character: percent-encode it (a host name: in punycode)"
            ),
            ("ws://münchen/", "target: 'ws://münchen/' holds 'ü': percent-encode it (a host name: in punycode)"),
        ])
    func refuses(url: String, message: String) {
        #expect { try Target(url) } throws: { "\($0)" == message }
    }

    @Test func boundsNamesAndURLs() throws {
        let label = String(repeating: "a", count: 63)
        let longest = [label, label, label, String(label.dropLast(2))].joined(separator: ".")
        #expect(longest.utf8.count == 253)
        #expect(try Target("ws://\(longest)/").host == longest)
        #expect(throws: PlanError.self) { try Target("ws://\(longest)a/") }
        #expect(throws: PlanError.self) { try Target("ws://a\(label).b/") }
        #expect(throws: PlanError.self) { try Target("ws://h/" + String(repeating: "p", count: 9000)) }
    }
}
