/// The same bytes in every message.
///
/// If the schedule sets a shorter length, the payload is cut; text is cut at the end of a character. If the length is
/// longer, zeros follow. Bytes that are not UTF-8 are never sent as text: if the schedule asks for text, the message
/// consists of zeros.
public struct FixedPayload: PayloadGenerator {
    private let bytes: SharedArray<UInt8>
    private let format: MessageKind
    private let isUTF8: Bool

    /// Sends this text in text messages.
    public init(_ text: String) {
        bytes = SharedArray(text.utf8)
        format = .text
        isUTF8 = true
    }

    /// Sends these bytes. With `.text`, bytes that are not valid UTF-8 are still sent as `.binary`.
    public init(_ bytes: [UInt8], kind: MessageKind = .binary) {
        self.bytes = SharedArray(bytes)
        isUTF8 = Self.isText(bytes)
        format = isUTF8 ? kind : .binary
    }

    /// Whether the bytes may be sent as a text message.
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
