import Testing

@testable import WSPerfCore

@Suite struct AddressRangeTests {
    @Test(arguments: [
        ("127.0.0.2", 1, "127.0.0.2"),
        ("127.0.1.1-127.0.1.40", 40, "127.0.1.1-127.0.1.40"),
        ("10.0.0.250-10.0.1.5", 12, "10.0.0.250-10.0.1.5"),
        ("127.0.2.0/26", 64, "127.0.2.0-127.0.2.63"),
        ("127.0.2.5/32", 1, "127.0.2.5"),
        ("10.1.0.0/16", 65_536, "10.1.0.0-10.1.255.255"),
        ("::1", 1, "::1"),
        ("FD00::1-fd00::ff", 255, "fd00::1-fd00::ff"),
        ("fd00:0:0::/112", 65_536, "fd00::-fd00::ffff"),
    ])
    func reads(text: String, count: Int, description: String) throws {
        let range = try AddressRange(text)
        #expect(range.count == count)
        #expect(range.description == description)
        #expect(try AddressRange(description) == range)
    }

    @Test(arguments: [
        ("", "'' is not an IP address, a range such as 127.0.1.1-127.0.1.40, or a network such as 127.0.2.0/26"),
        ("127.0.0.256", "is not an IP address"), ("localhost", "is not an IP address"),
        ("fe80::1%eth0", "is not an IP address"),
        ("127.0.0.1-", "'' in '127.0.0.1-' is not an IP address"),
        ("127.0.0.9-127.0.0.1", "ends before it begins"),
        ("127.0.0.1-::1", "mixes IPv4 and IPv6"),
        ("127.0.2.5/26", "is not a network: write 127.0.2.0/26, or a range"),
        ("127.0.0.0/33", "a network's length is from /0 to /32"),
        ("127.0.0.0/x", "a network's length is from /0 to /32"),
        ("fd00::/129", "a network's length is from /0 to /128"),
        ("10.0.0.0/15", "has more than 65536 addresses"), ("::/0", "has more than 65536 addresses"),
        ("0.0.0.0", "holds 0.0.0.0, which cannot be used as a source"),
        ("223.255.255.255-224.0.0.1", "holds multicast, reserved or broadcast"), ("::", "holds ::,"),
        ("::ffff:127.0.0.1", "holds IPv4 addresses written as IPv6"), ("ff02::1", "holds multicast"),
    ])
    func refuses(text: String, message: String) {
        let error = #expect(throws: PlanError.self) { try AddressRange(text) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test func anAddressIsWrittenAndReadTheSame() throws {
        for text in ["127.0.0.2", "fd00::12:3456", "::1"] {
            let range = try AddressRange(text)
            #expect(SocketAddress(range.first, isIPv6: range.isIPv6).text == text)
            #expect(SocketAddress.literal(text, port: 9)?.text == text)
        }
    }
}
