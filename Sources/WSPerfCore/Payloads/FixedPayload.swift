/// The same bytes in every message.
///
/// If the schedule sets another length, the payload is cut (text at the end of a character) or padded with zeros. Bytes
/// that are not valid UTF-8 are never sent as text: if the schedule sets text, such a message consists of zeros.
public struct FixedPayload: PayloadGenerator {
    private let bytes: SharedArray<UInt8>
    private let format: MessageKind
    private let isUTF8: Bool

    /// A text message of this text.
    public init(_ text: String) {
        bytes = SharedArray(text.utf8)
        format = .text
        isUTF8 = true
    }

    /// A message of these bytes. `.text` needs valid UTF-8; other bytes are sent as `.binary`.
    public init(_ bytes: [UInt8], kind: MessageKind = .binary) {
        self.bytes = SharedArray(bytes)
        isUTF8 = Self.isText(bytes)
        format = isUTF8 ? kind : .binary
    }

    /// Whether the bytes may be sent as text.
    static func isText(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    public func kind(for message: MessageContext) -> MessageKind { format }

    public func length(for message: MessageContext, using random: inout SeededGenerator) -> Int { bytes.count }

    public func fill(
        _ payload: inout PayloadBuffer,
        for message: MessageContext,
        using random: inout SeededGenerator
    ) {
        let kind = message.scheduled.kind ?? format
        if kind == .binary || isUTF8 { payload.append(bytes, 0..<bytes.count, kind) }
        payload.pad()
    }
}

extension PayloadGenerator where Self == FixedPayload {
    /// This text in every message; see `FixedPayload`.
    public static func fixed(_ text: String) -> Self { FixedPayload(text) }

    /// These bytes in every message; see `FixedPayload`.
    public static func fixed(_ bytes: [UInt8], kind: MessageKind = .binary) -> Self { FixedPayload(bytes, kind: kind) }
}
