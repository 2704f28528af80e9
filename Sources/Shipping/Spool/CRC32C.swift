// SPDX-License-Identifier: Apache-2.0
import CChecksum

/// The Castagnoli checksum (RFC 3720 §12.1). By the processor's own instruction 0.1 µs for an event, by tables 0.5 µs, byte by byte 2.2 µs.
enum CRC32C {
    private static let hasInstruction = cchecksum_has_crc32c() != 0

    /// Eight tables of 256: the n-th says what a byte does that is followed by n others.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
            tables[byte] = value
        }
        for index in 256..<2048 {
            let before = tables[index - 256]
            tables[index] = before >> 8 ^ tables[Int(before & 255)]
        }
        return tables
    }()

    static func checksum(_ bytes: Span<UInt8>) -> UInt32 {
        if !hasInstruction { return checksumByTables(bytes) }
        return unsafe bytes.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return 0 }
            return unsafe ~cchecksum_crc32c(~0, start, bytes.count)
        }
    }

    /// For processors without the instruction.
    static func checksumByTables(_ bytes: Span<UInt8>) -> UInt32 {
        let tables = tables.span
        var value = ~UInt32(0)
        var index = 0
        while bytes.count - index >= 8 {
            let low =
                value
                ^ (UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16
                    | UInt32(bytes[index + 3]) << 24)
            value =
                tables[1792 + Int(low & 255)] ^ tables[1536 + Int(low >> 8 & 255)] ^ tables[1280 + Int(low >> 16 & 255)]
                ^ tables[1024 + Int(low >> 24)]
            value ^=
                tables[768 + Int(bytes[index + 4])] ^ tables[512 + Int(bytes[index + 5])]
                ^ tables[256 + Int(bytes[index + 6])] ^ tables[Int(bytes[index + 7])]
            index += 8
        }
        while index < bytes.count {
            value = value >> 8 ^ tables[Int((value ^ UInt32(bytes[index])) & 255)]
            index += 1
        }
        return ~value
    }
}
