// SPDX-License-Identifier: Apache-2.0

/// A node of a condition, in the order of writing; `end` is the place behind its subtree.
struct RuleNode: Sendable {
    enum Kind: UInt8, Sendable {
        case test, all, any, not
    }

    var kind: Kind
    var bit: Int32
    var end: Int32
}

/// The conditions of all rules over the bits of their tests, and which rules are worth a look. Immutable, part of a ruleset.
///
/// Most rules match nothing. A rule that cannot hold without one of some bits stands in a list for each of these bits, so an exchange pays for
/// the bits that are set and not for the rules there are: 50 rules, none of which holds, 1 400 → 150 instructions.
struct RuleConditions: Sendable {
    /// One phase's rules by the bits that they need.
    private struct Index: Sendable {
        /// Every bit that some rule needs.
        var words: [UInt64]
        /// For each bit where its rules begin in `rules`; one more at the end.
        var starts: [Int32]
        var rules: [Int32]
        /// Rules that may hold with no bit set, and a bit with which each of them cannot, or -1.
        var others: [(rule: Int32, excluded: Int32)]
    }

    private let nodes: [RuleNode]
    /// The condition of each rule: its place in `nodes`.
    private let roots: [Int]
    private let indices: [Index]

    /// `spans`: for each rule the first phase in which it may hold and the last that it looks at.
    init(nodes: [RuleNode], roots: [Int], spans: [ClosedRange<Phase>], bits: Int) {
        self.nodes = nodes
        self.roots = roots
        indices = Phase.allCases.map { phase in
            RuleConditions.index(nodes, roots, spans.indices.filter { spans[$0].contains(phase) }, bits)
        }
    }

    private static func index(_ nodes: [RuleNode], _ roots: [Int], _ rules: [Int], _ bits: Int) -> Index {
        var index = Index(words: [UInt64](repeating: 0, count: (bits + 63) / 64), starts: [], rules: [], others: [])
        var byBit = [[Int32]](repeating: [], count: bits)
        for rule in rules {
            if let needed = neededBits(roots[rule], nodes) {
                for bit in Set(needed) { byBit[bit].append(Int32(rule)) }
            } else {
                index.others.append((Int32(rule), Int32(excludedBit(roots[rule], nodes))))
            }
        }
        for (bit, rules) in byBit.enumerated() {
            index.starts.append(Int32(index.rules.count))
            index.rules += rules
            if !rules.isEmpty { index.words[bit >> 6] |= 1 << UInt64(bit & 63) }
        }
        index.starts.append(Int32(index.rules.count))
        return index
    }

    // MARK: The hot path

    /// Appends the rules of `phase` whose conditions hold, in their order.
    func appendHolding(_ phase: Phase, _ bits: borrowing [UInt64], to matches: inout [UInt16]) {
        let before = matches.count
        let number = phase.rawValue
        var word = 0
        while word < indices[number].words.count {
            var live = bits[word] & indices[number].words[word]
            while live != 0 {
                let bit = word << 6 | live.trailingZeroBitCount
                live &= live &- 1
                for place in Int(indices[number].starts[bit])..<Int(indices[number].starts[bit + 1]) {
                    add(Int(indices[number].rules[place]), bits, before, &matches)
                }
            }
            word += 1
        }
        for place in indices[number].others.indices {
            let (rule, excluded) = indices[number].others[place]
            if excluded >= 0 && RuleConditions.isSet(Int(excluded), bits) { continue }
            add(Int(rule), bits, before, &matches)
        }
    }

    /// Puts a rule that holds in its place among those that this phase found; once, as it may stand in several lists.
    private func add(_ rule: Int, _ bits: borrowing [UInt64], _ before: Int, _ matches: inout [UInt16]) {
        if !holds(roots[rule], bits) { return }
        let number = UInt16(truncatingIfNeeded: rule)
        // It held in an earlier phase.
        for earlier in 0..<before where matches[earlier] == number { return }
        var place = matches.count
        while place > before && matches[place - 1] >= number {
            if matches[place - 1] == number { return }
            place -= 1
        }
        matches.insert(number, at: place)
    }

    @inline(__always)
    private static func isSet(_ bit: Int, _ bits: borrowing [UInt64]) -> Bool {
        bits[bit >> 6] & (1 << UInt64(bit & 63)) != 0
    }

    private func holds(_ node: Int, _ bits: borrowing [UInt64]) -> Bool {
        switch nodes[node].kind {
        case .test: return RuleConditions.isSet(Int(nodes[node].bit), bits)
        case .not: return !holds(node + 1, bits)
        case .all:
            var child = node + 1
            while child < Int(nodes[node].end) {
                if !holds(child, bits) { return false }
                child = Int(nodes[child].end)
            }
            return true
        case .any:
            var child = node + 1
            while child < Int(nodes[node].end) {
                if holds(child, bits) { return true }
                child = Int(nodes[child].end)
            }
            return false
        }
    }

    // MARK: Looked at once

    /// Bits of which one must be set for the condition to hold; nil when it may hold without any. Of several such sets the smallest, of equal
    /// ones the last: what is common (a method) is usually written first.
    private static func neededBits(_ node: Int, _ nodes: [RuleNode]) -> [Int]? {
        switch nodes[node].kind {
        case .test: return [Int(nodes[node].bit)]
        case .all:
            var best: [Int]?
            for child in children(of: node, nodes) {
                guard let bits = neededBits(child, nodes) else { continue }
                if best.map({ bits.count <= $0.count }) ?? true { best = bits }
            }
            return best
        case .any:
            var union: [Int] = []
            for child in children(of: node, nodes) {
                guard let bits = neededBits(child, nodes) else { return nil }
                union += bits
            }
            return union
        case .not: return nil
        }
    }

    /// A bit that must not be set for the condition to hold, or -1: rules about missing headers have one.
    private static func excludedBit(_ node: Int, _ nodes: [RuleNode]) -> Int {
        switch nodes[node].kind {
        case .test, .any: return -1
        case .all: return children(of: node, nodes).lazy.map { excludedBit($0, nodes) }.first { $0 >= 0 } ?? -1
        case .not: return nodes[node + 1].kind == .test ? Int(nodes[node + 1].bit) : -1
        }
    }

    private static func children(of node: Int, _ nodes: [RuleNode]) -> [Int] {
        var places: [Int] = []
        var child = node + 1
        while child < Int(nodes[node].end) {
            places.append(child)
            child = Int(nodes[child].end)
        }
        return places
    }
}
