// SPDX-License-Identifier: Apache-2.0

/// What texts are written to: a connection's buffer or an array. Only ever used as a generic constraint, which is specialised away.
public protocol ByteSink: ~Copyable {
    mutating func append(_ byte: UInt8)
    mutating func append(_ span: Span<UInt8>)
    mutating func append(_ text: StaticString)
}

extension ByteSink where Self: ~Copyable {
    /// Decimal digits of `number`.
    public mutating func append(decimal number: UInt64) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var place = 20
        var rest = number
        repeat {
            place -= 1
            digits[place] = UInt8(truncatingIfNeeded: 48 + rest % 10)
            rest /= 10
        } while rest > 0
        append(digits.span.extracting(place..<20))
    }
}

extension ByteBuffer: ByteSink {}

extension [UInt8]: ByteSink {}
