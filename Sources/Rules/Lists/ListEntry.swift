// SPDX-License-Identifier: Apache-2.0
import Wire

/// One entry of a list with all that is known of it, for people, the journal and exports; a compiled list holds it in a denser form. A value.
public struct ListEntry: Equatable, Sendable {
    public var subject: ListSubject
    /// Unix seconds, .max for never.
    public var expires: Int64
    public var reason: [UInt8]
    /// Who or what made it: a file, an operator, a campaign.
    public var source: [UInt8]
    /// Unix seconds; 0: unknown.
    public var time: Int64
    /// Noted only: in a denylist it refuses nothing, in an allowlist its holder is never refused but still judged.
    public var isMonitored: Bool

    public init(
        subject: ListSubject, expires: Int64 = .max, reason: [UInt8] = [], source: [UInt8] = [], time: Int64 = 0,
        isMonitored: Bool = false
    ) {
        self.subject = subject
        self.expires = expires
        self.reason = reason
        self.source = source
        self.time = time
        self.isMonitored = isMonitored
    }

    /// The line that a list file has for it.
    public var line: String {
        var out = Array("\(subject) ".utf8)
        if expires == .max { out.append(UInt8(ascii: "-")) } else { ListEntry.write(expires, to: &out) }
        if isMonitored { out += Array(" mode=monitored".utf8) }
        if time > 0 {
            out += Array(" since=".utf8)
            ListEntry.write(time, to: &out)
        }
        if !source.isEmpty { out += Array(" source=".utf8) + source }
        if !reason.isEmpty { out += [32] + reason }
        return String(decoding: out, as: UTF8.self)
    }

    /// "2026-12-24T00:00:00Z".
    private static func write(_ time: Int64, to out: inout [UInt8]) {
        out += Array(ListEntry.time(time).utf8)
    }

    /// RFC 3339, whole seconds.
    public static func time(_ seconds: Int64) -> String {
        var text: [UInt8] = []
        Timestamp.write(unixNanoseconds: min(seconds, 253_402_300_799 / 2) * 1_000_000_000, to: &text)
        return String(decoding: text.prefix(19), as: UTF8.self) + "Z"
    }
}

/// What a lookup found: enough to decide, and the way to the rest. A value.
public struct ListHit: Equatable, Sendable {
    /// Unix seconds, .max for never.
    public let expires: Int64
    public let isMonitored: Bool
    /// In the details of the list that gave it, or in the overlay.
    let row: UInt32
    /// It comes from a `ListOverlay`.
    public let isOverlay: Bool
}
