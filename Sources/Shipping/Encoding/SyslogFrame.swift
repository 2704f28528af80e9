// SPDX-License-Identifier: Apache-2.0
import Wire

/// Writes events as RFC 5424 messages with their length in front (RFC 5425 §4.3, RFC 6587 §3.4.1). Pure; host and process are given.
struct SyslogFrame: Sendable {
    /// authpriv: for those who may see who logs in.
    static let facility = 10
    private static let tokenMaximum = 32

    private let host: [UInt8]
    private let process: [UInt8]

    init(host: String, process: Int32) {
        self.host = Self.token(Array(host.utf8), maximum: 255)
        self.process = Array(String(process).utf8)
    }

    /// Appends one frame around `message`, dated and named as its event.
    func append(_ message: [UInt8], of event: EventFields, to out: inout [UInt8]) {
        let severity = event.isBlocked ? 4 : event.outcome == .failure || event.outcome == .unknown ? 5 : 6
        var frame: [UInt8] = []
        frame.reserveCapacity(message.count + 160)
        frame.append("<")
        frame.append(contentsOf: String(Self.facility * 8 + severity).utf8)
        frame.append(">1 ")
        // The native form's time is RFC 3339 with six digits, as RFC 5424 §6.2.3 has it.
        let time = event["time"] ?? []
        frame.append(contentsOf: Timestamp.parse(time.span) == nil ? Array("-".utf8) : time)
        frame.append(32)
        frame.append(contentsOf: host)
        frame.append(" loginward ")
        frame.append(contentsOf: process)
        frame.append(32)
        frame.append(contentsOf: Self.token(Array(event.name.utf8), maximum: Self.tokenMaximum))
        frame.append(" - ")
        frame.append(contentsOf: message)
        out.append(contentsOf: String(frame.count).utf8)
        out.append(32)
        out.append(contentsOf: frame)
    }

    /// Printable ASCII without spaces, or "-" (RFC 5424 §6).
    private static func token(_ text: [UInt8], maximum: Int) -> [UInt8] {
        let kept = Array(text.lazy.filter { $0 > 32 && $0 < 127 }.prefix(maximum))
        return kept.isEmpty ? [UInt8(ascii: "-")] : kept
    }
}
