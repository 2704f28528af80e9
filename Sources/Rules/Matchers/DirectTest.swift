// SPDX-License-Identifier: Apache-2.0
import Wire

/// A test that needs no pattern engine, as the compiler finds it. Sets `bit` when it holds.
struct DirectTest: Sendable {
    enum Kind: Sendable {
        case equals([UInt8])
        case oneOf(ByteStrings)
        case prefix([UInt8])
        case suffix([UInt8])
        case greater(Double)
        case less(Double)
        case network(IPPrefixSet)
        case number(Double, within: Double)
        case listed(ExpiringTexts)
        case listedNetwork(ExpiringNetworks)
        case sqlInjection, scriptInjection
    }

    let kind: Kind
    /// The texts above are lower case then.
    let caseInsensitive: Bool
    let bit: Int
}

/// All direct tests of one input: plain numbers over one arena, so that a look takes no reference for each of them. Immutable.
final class DirectTests: Sendable {
    private enum Comparison: UInt8, Sendable {
        case equals, oneOf, prefix, suffix, greater, less, network, number, listed, listedNetwork, sqlInjection,
            scriptInjection
    }

    private struct Entry: Sendable {
        var comparison: Comparison
        var caseInsensitive: Bool
        var bit: Int
        var text = ByteRange.empty
        var limit = 0.0
        var delta = 0.0
        /// Place in `strings`, `networks` or the lists that run out.
        var place = 0
    }

    private let entries: [Entry]
    private let arena: [UInt8]
    private let strings: [ByteStrings]
    private let networks: [IPPrefixSet]
    private let listedTexts: [ExpiringTexts]
    private let listedNetworks: [ExpiringNetworks]

    init(_ tests: [DirectTest]) {
        var entries: [Entry] = []
        var arena: [UInt8] = []
        var strings: [ByteStrings] = []
        var networks: [IPPrefixSet] = []
        var listedTexts: [ExpiringTexts] = []
        var listedNetworks: [ExpiringNetworks] = []
        func add(_ comparison: Comparison, _ test: DirectTest, _ fill: (inout Entry) -> Void) {
            var entry = Entry(comparison: comparison, caseInsensitive: test.caseInsensitive, bit: test.bit)
            fill(&entry)
            entries.append(entry)
        }
        func text(_ bytes: [UInt8], _ entry: inout Entry) {
            entry.text = ByteRange(arena.count, arena.count + bytes.count)
            arena += bytes
        }
        for test in tests {
            switch test.kind {
            case .equals(let bytes): add(.equals, test) { text(bytes, &$0) }
            case .prefix(let bytes): add(.prefix, test) { text(bytes, &$0) }
            case .suffix(let bytes): add(.suffix, test) { text(bytes, &$0) }
            case .greater(let limit): add(.greater, test) { $0.limit = limit }
            case .less(let limit): add(.less, test) { $0.limit = limit }
            case .oneOf(let set):
                add(.oneOf, test) { $0.place = strings.count }
                strings.append(set)
            case .network(let set):
                add(.network, test) { $0.place = networks.count }
                networks.append(set)
            case .number(let number, let delta):
                add(.number, test) { ($0.limit, $0.delta) = (number, delta) }
            case .listed(let list):
                add(.listed, test) { $0.place = listedTexts.count }
                listedTexts.append(list)
            case .listedNetwork(let list):
                add(.listedNetwork, test) { $0.place = listedNetworks.count }
                listedNetworks.append(list)
            case .sqlInjection: add(.sqlInjection, test) { _ in }
            case .scriptInjection: add(.scriptInjection, test) { _ in }
            }
        }
        (self.listedTexts, self.listedNetworks) = (listedTexts, listedNetworks)
        (self.entries, self.arena, self.strings, self.networks) = (entries, arena, strings, networks)
    }

    var isEmpty: Bool { entries.isEmpty }

    /// Sets the bit of every test that holds for `value`.
    func look(at value: Span<UInt8>, _ state: inout Evaluation) {
        let arena = arena
        let texts = arena.span
        let now = state.unixSeconds
        for index in entries.indices where holds(entries[index], value, texts, now) { state.set(entries[index].bit) }
    }

    @inline(__always)
    private func holds(_ entry: Entry, _ value: Span<UInt8>, _ texts: Span<UInt8>, _ now: Int64) -> Bool {
        let count = entry.text.count
        switch entry.comparison {
        case .equals: return value.count == count && same(value, texts.slice(entry.text), entry)
        case .prefix: return value.count >= count && same(value.extracting(0..<count), texts.slice(entry.text), entry)
        case .suffix:
            return value.count >= count
                && same(value.extracting((value.count - count)..<value.count), texts.slice(entry.text), entry)
        case .oneOf: return strings[entry.place].contains(value)
        case .greater: return DecimalNumber.parse(value).map { $0 > entry.limit } ?? false
        case .less: return DecimalNumber.parse(value).map { $0 < entry.limit } ?? false
        case .network: return ForwardedAddress.address(value).map { networks[entry.place].contains($0) } ?? false
        case .number: return DecimalNumber.parse(value).map { abs($0 - entry.limit) <= entry.delta } ?? false
        case .listed: return listedTexts[entry.place].contains(value, at: now)
        case .listedNetwork:
            return ForwardedAddress.address(value).map { listedNetworks[entry.place].contains($0, at: now) } ?? false
        case .sqlInjection: return Injection.isSQL(value)
        case .scriptInjection: return Injection.isScript(value)
        }
    }

    @inline(__always)
    private func same(_ left: Span<UInt8>, _ right: Span<UInt8>, _ entry: Entry) -> Bool {
        entry.caseInsensitive ? ByteSearch.equalsIgnoringCase(left, right) : ByteSearch.equals(left, right)
    }
}

/// Numbers as people write them in forms and headers: sign, digits, fraction.
enum DecimalNumber {
    static func parse(_ text: Span<UInt8>) -> Double? {
        var index = 0
        var negative = false
        if index < text.count && text[index] == UInt8(ascii: "-") {
            negative = true
            index += 1
        }
        var value = 0.0
        var scale = 0.0
        var digits = 0
        while index < text.count && digits < 40 {
            let byte = text[index]
            if byte == UInt8(ascii: ".") && scale == 0 && digits > 0 {
                scale = 1
            } else if byte >= 48 && byte <= 57 {
                value = value * 10 + Double(byte - 48)
                scale *= 10
                digits += 1
            } else {
                return nil
            }
            index += 1
        }
        if digits == 0 || index < text.count { return nil }
        let result = scale > 1 ? value / scale : value
        return negative ? -result : result
    }
}
