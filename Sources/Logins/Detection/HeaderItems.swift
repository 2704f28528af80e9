// SPDX-License-Identifier: Apache-2.0
public import Wire

/// A request's fields as the detection reads them: name and value, in order. Lent by whoever has the request.
public struct HeaderList: Sendable {
    public var bytes: [UInt8] = []
    public var fields: [(name: ByteRange, value: ByteRange)] = []

    /// More fields are not looked at; the head's own limit is about the same.
    static let limit = 64

    public init() {}

    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
    }

    public mutating func append(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        if fields.count >= HeaderList.limit { return }
        let start = bytes.count
        bytes.append(name)
        let middle = bytes.count
        bytes.append(value)
        fields.append((ByteRange(start, middle), ByteRange(middle, bytes.count)))
    }

    /// The value of the first field of this lower-case name; empty when there is none.
    func value(_ name: StaticString) -> ByteRange {
        for field in fields where ByteScan.equalsFolding(bytes.span.slice(field.name), name) { return field.value }
        return .empty
    }
}

/// What kind of observation an item is: closed, in the order in which traits prefer them, most telling first.
enum ItemFamily: UInt8, Sendable {
    case consistency, order, spelling, names, neighbours, present, absent, value, browserOrder, browserValue, tls,
        browser, agent
}

/// One observation on a request: its family, a hash that identifies it, and where its words stand.
struct HeaderItem: Sendable {
    var family: ItemFamily
    var key: UInt64
    /// Field that it is about, or -1.
    var field: Int16
    var other: Int16 = -1
    /// Number of the consistency rule, or a detail of the family.
    var code: UInt8 = 0
}

/// Turns a header list into items. Pure; about 80 items for a browser's request.
struct HeaderReader {
    let hash: KeyedHash
    private(set) var items: [HeaderItem] = []

    init(hash: KeyedHash) { self.hash = hash }

    /// How a field's value counts.
    private enum Use {
        /// Left out altogether: whether it is there depends on the request before, or on us.
        case skip
        /// Only that it is there.
        case name
        case value
    }

    static func absence(_ number: Int) -> StaticString { absences[min(number, absences.count - 1)] }

    private static let absences: [StaticString] = [
        "accept", "accept-encoding", "accept-language", "cache-control", "connection", "content-type", "dnt", "origin",
        "pragma", "priority", "referer", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "sec-fetch-dest",
        "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user", "te", "upgrade-insecure-requests", "user-agent",
        "x-requested-with",
    ]

    private static func use(_ name: Span<UInt8>) -> Use {
        switch name.count {
        case 4: if ByteScan.equalsFolding(name, "host") { return .name }
        case 6:
            if ByteScan.equalsFolding(name, "cookie") { return .skip }
            if ByteScan.equalsFolding(name, "accept") || ByteScan.equalsFolding(name, "pragma") { return .value }
        case 10: if ByteScan.equalsFolding(name, "connection") { return .value }
        case 14: if ByteScan.equalsFolding(name, "content-length") { return .name }
        default: break
        }
        if name.count >= 4 && ByteScan.equalsFolding(name.extracting(0..<4), "sec-") { return .value }
        for known: StaticString in [
            "accept-encoding", "accept-language", "accept-charset", "cache-control", "content-type", "dnt", "origin",
            "priority", "te",
            "upgrade-insecure-requests", "x-requested-with", "expect", "content-encoding",
        ] where ByteScan.equalsFolding(name, known) {
            return .value
        }
        return isOurs(name) ? .skip : .name
    }

    /// Proxies on the way write these.
    private static func isOurs(_ name: Span<UInt8>) -> Bool {
        for known: StaticString in [
            "x-forwarded-for", "x-real-ip", "forwarded", "via", "x-forwarded-proto", "x-forwarded-host", "x-request-id",
            "traceparent", "tracestate", "cf-connecting-ip", "true-client-ip", "cf-ray", "authorization",
            "if-none-match", "if-modified-since",
        ] where ByteScan.equalsFolding(name, known) {
            return true
        }
        return false
    }

    /// What is kept of a list for the words of traits: no value that could be a secret (cookies, credentials), none that belongs to one request,
    /// and no more than 2 KiB, whatever somebody sends.
    static func kept(_ list: borrowing HeaderList) -> HeaderList {
        var kept = HeaderList()
        let bytes = list.bytes.span
        for index in list.fields.indices {
            let name = bytes.slice(list.fields[index].name)
            let use = use(name)
            if use == .skip { continue }
            let value = bytes.slice(list.fields[index].value)
            let isWritten = use == .value || ByteScan.equalsFolding(name, "user-agent")
            if kept.bytes.count + name.count + value.count > 2_048 { break }
            if isWritten {
                kept.append(name, value)
            } else if value.isEmpty {
                kept.append(name, Span())
            } else {
                kept.append(name, [UInt8(ascii: "-")].span)
            }
        }
        return kept
    }

    /// The hash under which equal lists are one profile: all that items are made of.
    static func identity(_ list: borrowing HeaderList, tls: Span<UInt8>, _ hash: KeyedHash) -> UInt64 {
        var state = hash.of(tls)
        let bytes = list.bytes.span
        for index in list.fields.indices {
            let name = bytes.slice(list.fields[index].name)
            switch use(name) {
            case .skip: continue
            case .name:
                state = hash.of(state, hash.of(name))
                if ByteScan.equalsFolding(name, "user-agent") {
                    state = hash.of(state, hash.of(bytes.slice(list.fields[index].value)))
                }
            case .value: state = hash.of(hash.of(state, hash.of(name)), hash.of(bytes.slice(list.fields[index].value)))
            }
        }
        return state
    }

    mutating func read(_ list: borrowing HeaderList, tls: Span<UInt8>) {
        items.removeAll(keepingCapacity: true)
        let bytes = list.bytes.span
        let agent = bytes.slice(list.value("user-agent"))
        let browser = BrowserName(agent)
        let family = UInt64(browser.family.rawValue)
        let version = family << 16 | UInt64(browser.major)
        add(.browser, 1, family, UInt64(browser.system.rawValue))
        add(.browser, 2, version, 0)
        add(.agent, 0, hash.of(agent), 0)
        var (order, spelling, names) = (UInt64(7), UInt64(11), UInt64(13))
        var last = -1
        for index in list.fields.indices {
            let name = bytes.slice(list.fields[index].name)
            let use = HeaderReader.use(name)
            if use == .skip { continue }
            let lower = lowered(name)
            order = hash.of(order, lower)
            spelling = hash.of(spelling, hash.of(name))
            names = names &+ lower
            add(.present, 0, lower, 0, field: index)
            if last >= 0 {
                add(.neighbours, 0, lowered(bytes.slice(list.fields[last].name)), lower, field: last, other: index)
            }
            last = index
            if use == .value {
                let value = hash.of(bytes.slice(list.fields[index].value))
                add(.value, 0, lower, value, field: index)
                add(.browserValue, 1, hash.of(lower, value), family, field: index)
                add(.browserValue, 2, hash.of(lower, value), version, field: index)
            }
        }
        add(.order, 0, order, 0)
        add(.spelling, 0, spelling, 0)
        add(.names, 0, names, 0)
        add(.browserOrder, 0, order, family)
        add(.browserOrder, 1, order, version)
        add(.browserOrder, 2, order, family << 8 | UInt64(browser.system.rawValue))
        for (number, name) in HeaderReader.absences.enumerated() where list.value(name).isEmpty {
            add(.absent, UInt8(number), UInt64(number), 0)
        }
        if !tls.isEmpty {
            add(.tls, 0, hash.of(tls), 0)
            add(.tls, 1, hash.of(tls), family)
        }
        checkLanguage(bytes.slice(list.value("accept-language")), family)
        checkConsistency(list, browser)
    }

    /// The shape of accept-language without the languages: how weights are written tells the program, not the person.
    private mutating func checkLanguage(_ text: Span<UInt8>, _ family: UInt64) {
        var shape: UInt64 = 17
        var inWord = false
        for index in text.indices {
            let byte = text[index] | 32
            if byte >= 97 && byte <= 122 && byte != 113 {
                if !inWord { shape = hash.of(shape, 1) }
                inWord = true
            } else {
                inWord = false
                shape = hash.of(shape, UInt64(text[index]))
            }
        }
        add(.value, 1, shape, 0)
        add(.browserValue, 3, shape, family)
    }

    /// What a real browser never says at once.
    private mutating func checkConsistency(_ list: borrowing HeaderList, _ browser: BrowserName) {
        let bytes = list.bytes.span
        let hints = bytes.slice(list.value("sec-ch-ua"))
        let platform = bytes.slice(list.value("sec-ch-ua-platform"))
        let mobile = bytes.slice(list.value("sec-ch-ua-mobile"))
        let coding = bytes.slice(list.value("accept-encoding"))
        let isChromium =
            browser.family == .chrome || browser.family == .edge || browser.family == .opera
            || browser.family == .samsung
        if isChromium && browser.system != .iphone {
            if hints.isEmpty && browser.major >= 89 { rule(1) }
            if browser.major >= 123 && BrowserName.find("zstd", coding) == nil { rule(2) }
            if browser.major >= 124 && list.value("priority").isEmpty { rule(3) }
            if !browser.isReduced && browser.major >= 110 { rule(4) }
            if browser.major >= 80 && list.value("sec-fetch-site").isEmpty { rule(5) }
        } else if !hints.isEmpty {
            rule(6)
        }
        if !hints.isEmpty && !namesVersion(hints, browser.major) { rule(7) }
        if !platform.isEmpty && !agrees(platform, browser.system) { rule(8) }
        if !mobile.isEmpty && (ByteScan.equals(mobile, "?1") != browser.isMobile) { rule(9) }
        let isBrowser = browser.family != .other && browser.family != .tool && browser.family != .app
        if isBrowser && list.value("accept-language").isEmpty { rule(10) }
        if isBrowser && coding.isEmpty { rule(11) }
        if isBrowser && list.value("accept").isEmpty { rule(12) }
        if browser.family == .firefox && browser.major >= 90 && list.value("sec-fetch-site").isEmpty { rule(13) }
        if isBrowser && list.value("origin").isEmpty && list.value("referer").isEmpty { rule(14) }
    }

    private func namesVersion(_ hints: Span<UInt8>, _ major: Int) -> Bool {
        var index = 0
        while let place = BrowserName.find("v=\"", hints, from: index) {
            if BrowserName.number(hints, from: place + 3) == major { return true }
            index = place + 3
        }
        return false
    }

    private func agrees(_ platform: Span<UInt8>, _ system: BrowserName.System) -> Bool {
        func says(_ text: StaticString) -> Bool { BrowserName.find(text, platform) != nil }
        switch system {
        case .windows: return says("Windows")
        case .mac: return says("macOS")
        case .linux: return says("Linux")
        case .android: return says("Android")
        case .iphone: return says("iOS")
        case .chromeOS: return says("Chrom")
        case .other: return true
        }
    }

    private mutating func rule(_ number: UInt8) { add(.consistency, number, UInt64(number), 0) }

    private func lowered(_ name: Span<UInt8>) -> UInt64 {
        var value: UInt64 = 0x51_7c_c1_b7
        for index in name.indices { value = (value ^ UInt64(ByteSearch.lowercased(name[index]))) &* 0x100_0000_01b3 }
        return value
    }

    private mutating func add(
        _ family: ItemFamily, _ code: UInt8, _ first: UInt64, _ second: UInt64, field: Int = -1, other: Int = -1
    ) {
        let key = hash.of(first ^ UInt64(family.rawValue) << 56 ^ UInt64(code) << 48, second)
        items.append(
            HeaderItem(
                family: family, key: key, field: Int16(truncatingIfNeeded: field),
                other: Int16(truncatingIfNeeded: other), code: code))
    }
}
