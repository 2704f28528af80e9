// SPDX-License-Identifier: Apache-2.0
import Wire

/// What an HTTP/2 client does by itself before and with its first request: its settings, the window that it opens, the priorities that it
/// sets, the order of its pseudo fields. Part of a session; complete with the first request.
public struct HTTP2Print {
    /// Most settings and priorities that are looked at.
    private static let most = 16

    private var settings: [UInt8] = []
    private var windowUpdate: UInt32 = 0
    private var priorities: [UInt8] = []
    private var settingsSeen = false
    private var priorityCount = 0
    private var isComplete = false
    /// "settings|window update|priorities|pseudo fields", the form that Akamai made known: `3:100;4:10485760|1048510465|0|m,s,a,p`.
    /// Empty before the first request.
    public private(set) var text: [UInt8] = []

    mutating func sawSetting(_ id: Int32, _ value: UInt32, place: Int) {
        if isComplete || settingsSeen || place >= HTTP2Print.most { return }
        if !settings.isEmpty { settings.append(UInt8(ascii: ";")) }
        settings.append(decimal: UInt64(UInt32(bitPattern: id)))
        settings.append(UInt8(ascii: ":"))
        settings.append(decimal: UInt64(value))
    }

    mutating func sawEndOfSettings() { settingsSeen = true }

    mutating func sawWindowUpdate(_ increment: Int32) {
        if !isComplete && windowUpdate == 0 { windowUpdate = UInt32(bitPattern: increment) }
    }

    mutating func sawPriority(stream: Int32, dependsOn: Int32, weight: Int32, isExclusive: Bool) {
        if isComplete || priorityCount == HTTP2Print.most { return }
        priorityCount += 1
        if !priorities.isEmpty { priorities.append(UInt8(ascii: ",")) }
        priorities.append(decimal: UInt64(UInt32(bitPattern: stream)))
        priorities.append(UInt8(ascii: ":"))
        priorities.append(isExclusive ? UInt8(ascii: "1") : UInt8(ascii: "0"))
        priorities.append(UInt8(ascii: ":"))
        priorities.append(decimal: UInt64(UInt32(bitPattern: dependsOn)))
        priorities.append(UInt8(ascii: ":"))
        priorities.append(decimal: UInt64(UInt32(bitPattern: weight)))
    }

    /// `order`: one letter in each byte, the last one lowest.
    mutating func sawRequest(order: UInt32) {
        if isComplete { return }
        isComplete = true
        text = settings
        text.append(UInt8(ascii: "|"))
        if windowUpdate == 0 { text.append("00") } else { text.append(decimal: UInt64(windowUpdate)) }
        text.append(UInt8(ascii: "|"))
        if priorities.isEmpty { text.append(UInt8(ascii: "0")) } else { text += priorities }
        text.append(UInt8(ascii: "|"))
        var isFirst = true
        for shift in [UInt32(24), 16, 8, 0] {
            let letter = UInt8(truncatingIfNeeded: order >> shift)
            if letter == 0 { continue }
            if !isFirst { text.append(UInt8(ascii: ",")) }
            isFirst = false
            text.append(letter)
        }
    }
}
