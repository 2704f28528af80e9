// SPDX-License-Identifier: Apache-2.0

/// The Castagnoli checksum that guards each record of the spool. Pure.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        var value = UInt32(index)
        for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
        return value
    }

    static func checksum(_ bytes: Span<UInt8>) -> UInt32 {
        let table = table
        let entries = table.span
        var value = ~UInt32(0)
        var index = 0
        while index < bytes.count {
            value = value >> 8 ^ entries[Int((value ^ UInt32(bytes[index])) & 0xFF)]
            index += 1
        }
        return ~value
    }
}
