// SPDX-License-Identifier: Apache-2.0
import Wire

/// What a user agent says of itself, as far as rules about consistency need it. A value.
struct BrowserName {
    enum Family: UInt8 {
        case other, chrome, edge, firefox, safari, opera, samsung, app, tool
    }

    enum System: UInt8 {
        case other, windows, mac, linux, android, iphone, chromeOS
    }

    var family = Family.other
    var major = 0
    var system = System.other
    var isMobile = false
    /// Chrome has written `x.0.0.0` since version 101.
    var isReduced = true

    init(_ text: Span<UInt8>) {
        isMobile = Self.number(after: "Mobile", text) != nil || Self.find("Mobile", text) != nil
        system = Self.system(text)
        if let version = Self.number(after: "Edg/", text) ?? Self.number(after: "EdgA/", text) {
            (family, major) = (.edge, version)
        } else if let version = Self.number(after: "OPR/", text) {
            (family, major) = (.opera, version)
        } else if let version = Self.number(after: "SamsungBrowser/", text) {
            (family, major) = (.samsung, version)
        } else if let version = Self.number(after: "CriOS/", text) ?? Self.number(after: "Chrome/", text) {
            (family, major) = (.chrome, version)
        } else if let version = Self.number(after: "Firefox/", text) ?? Self.number(after: "FxiOS/", text) {
            (family, major) = (.firefox, version)
        } else if let version = Self.number(after: "Version/", text), Self.find("Safari/", text) != nil {
            (family, major) = (.safari, version)
        } else if Self.find("Mozilla/", text) == 0 {
            family = .other
        } else if Self.find("CFNetwork", text) != nil || Self.find("okhttp", text) != nil
            || Self.find("Dalvik", text) != nil
        {
            family = .app
        } else {
            family = .tool
        }
        if let start = Self.find("Chrome/", text) {
            isReduced = Self.find(".0.0.0", text.extracting(start..<text.count)) != nil
        }
    }

    private static func system(_ text: Span<UInt8>) -> System {
        if find("Windows", text) != nil { return .windows }
        if find("Android", text) != nil { return .android }
        if find("iPhone", text) != nil || find("iPad", text) != nil { return .iphone }
        if find("CrOS", text) != nil { return .chromeOS }
        if find("Macintosh", text) != nil { return .mac }
        return find("Linux", text) != nil ? .linux : .other
    }

    static func find(_ needle: StaticString, _ text: Span<UInt8>, from first: Int = 0) -> Int? {
        let count = needle.utf8CodeUnitCount
        if text.count < first + count { return nil }
        for start in first...(text.count - count)
        where ByteScan.equals(text.extracting(start..<(start + count)), needle) {
            return start
        }
        return nil
    }

    private static func number(after key: StaticString, _ text: Span<UInt8>) -> Int? {
        guard let start = find(key, text) else { return nil }
        return number(text, from: start + key.utf8CodeUnitCount)
    }

    /// Decimal digits from `start`, at most six.
    static func number(_ text: Span<UInt8>, from start: Int) -> Int? {
        var value = 0
        var index = start
        while index < text.count, index < start + 6, text[index] >= 48, text[index] <= 57 {
            value = value * 10 + Int(text[index] - 48)
            index += 1
        }
        return index == start ? nil : value
    }
}
