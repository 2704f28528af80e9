// SPDX-License-Identifier: Apache-2.0

/// What texts are written to: a connection's buffer or an array. Only ever used as a generic constraint, which is specialised away.
package protocol ByteSink: ~Copyable {
    mutating func append(_ byte: UInt8)
    mutating func append(_ span: Span<UInt8>)
    mutating func append(_ text: StaticString)
}

extension ByteBuffer: ByteSink {}

extension [UInt8]: ByteSink {}
