// SPDX-License-Identifier: Apache-2.0
import Wire

/// How a service answers a login that failed, learnt from samples with different names: what they all say stays, what differs is made anew in the same
/// manner. Immutable.
public final class FailureTemplate: Sendable {
    /// Samples with different names from which one can be made: what only one client would see is in none of it.
    public static let least = 3

    public let status: Int
    public let reason: [UInt8]
    public let fieldNames: [[UInt8]]
    public let isChunked: Bool
    /// Values of the fields, then the body.
    private let parts: [[MimicPiece]]
    private let tokens: [VolatileWord]
    /// The body is HTML.
    private let isPage: Bool

    /// From the largest set of samples that are alike; nil while there are too few. Samples should have different names.
    public init?(_ samples: [FailureSample]) {
        let read = samples.map { (sample: $0, tokens: $0.tokens()) }
        var groups: [Int: [Int]] = [:]
        for (index, one) in read.enumerated() {
            groups[FailureTemplate.shape(one.sample, one.tokens), default: []].append(index)
        }
        guard let group = groups.values.max(by: { ($0.count, $0.last ?? 0) < ($1.count, $1.last ?? 0) }),
            group.count >= FailureTemplate.least
        else { return nil }
        let alike = group.map { read[$0] }
        let first = alike[0]
        // A hash may lie, and what is built here must not.
        for other in alike where other.tokens.map({ $0.map(\.kind) }) != first.tokens.map({ $0.map(\.kind) }) {
            return nil
        }
        status = first.sample.status
        reason = first.sample.reason
        fieldNames = first.sample.fields.map(\.name)
        isChunked = first.sample.isChunked
        var builder = MimicBuilder(times: alike.map(\.sample.unixSeconds))
        parts = first.tokens.indices.map { part in builder.pieces(alike.map { $0.tokens[part] }) }
        tokens = builder.words
        isPage = first.sample.fields.contains {
            ByteSearch.equalsIgnoringCase($0.name.span, "content-type".utf8.span)
                && OutcomeTest.contains($0.value.span, "html".utf8.span)
        }
    }

    private static func shape(_ sample: FailureSample, _ tokens: [[MimicToken]]) -> Int {
        var hasher = Hasher()
        hasher.combine(sample.status)
        hasher.combine(sample.isChunked)
        for field in sample.fields { hasher.combine(field.name) }
        for part in tokens {
            hasher.combine(part.count)
            for token in part { hasher.combine(token.kind) }
        }
        return hasher.finalize()
    }

    /// One copy: the fields' values in their order, and the body.
    public func render(
        name: [UInt8], requestID: [UInt8], unixSeconds: Int64, random: inout some RandomNumberGenerator
    ) -> (values: [[UInt8]], body: [UInt8]) {
        let words = tokens.map { $0.make(unixSeconds: unixSeconds, random: &random) }
        var values = parts.enumerated().map { place, pieces in
            var out: [UInt8] = []
            for piece in pieces {
                switch piece {
                case .text(let text): out += text
                case .token(let index): out += words[index]
                case .requestID: out += requestID
                case .httpDate(let offset): HTTPDate.write(unixSeconds: unixSeconds + offset, to: &out)
                case .timestamp(let offset): out += MimicBuilder.timestamp(unixSeconds + offset)
                case .name(let form): out += write(name, form, isField: place < parts.count - 1)
                }
            }
            return out
        }
        let body = values.removeLast()
        return (values, body)
    }

    /// The name of a stranger, in a form in which it ends nothing, whatever the samples' harmless names told of it.
    private func write(_ name: [UInt8], _ form: MimicToken.Form, isField: Bool) -> [UInt8] {
        if form == .percent || isField { return MimicReader.write(name, as: .percent) }
        if isPage || form == .html { return MimicReader.write(name, as: .html) }
        var out: [UInt8] = []
        JSONWriter.escape(name.span, into: &out)
        return MimicReader.write(out, as: .plain)
    }
}

/// A piece of a copy.
enum MimicPiece: Sendable {
    case text([UInt8])
    /// Place in the template's words: the same word may stand in a cookie and in a form.
    case token(Int)
    case name(MimicToken.Form)
    case requestID
    /// Seconds after the answer.
    case httpDate(Int64)
    case timestamp(Int64)
}
