// SPDX-License-Identifier: Apache-2.0
import Wire

/// Writes the fields of one protobuf message. A value, used while a batch is encoded.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func integer(_ field: UInt64, _ value: UInt64) {
        varint(field << 3)
        varint(value)
    }

    mutating func fixed64(_ field: UInt64, _ value: UInt64) {
        varint(field << 3 | 1)
        for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }

    /// A string, or a message that was written before.
    mutating func bytes(_ field: UInt64, _ value: [UInt8]) {
        varint(field << 3 | 2)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    mutating func text(_ field: UInt64, _ value: StaticString) {
        varint(field << 3 | 2)
        varint(UInt64(value.utf8CodeUnitCount))
        bytes.append(value)
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest > 0x7F {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// Finds one field of a protobuf message that a collector sent; damaged messages have no fields. Stateless.
enum ProtobufReader {
    enum Field {
        case integer(UInt64)
        case bytes(ArraySlice<UInt8>)
    }

    static func field(_ wanted: UInt64, in message: ArraySlice<UInt8>) -> Field? {
        var rest = message
        while !rest.isEmpty {
            guard let tag = varint(&rest) else { return nil }
            switch tag & 7 {
            case 0:
                guard let value = varint(&rest) else { return nil }
                if tag >> 3 == wanted { return .integer(value) }
            case 2:
                guard let length = varint(&rest), length <= UInt64(rest.count) else { return nil }
                let value = rest.prefix(Int(length))
                if tag >> 3 == wanted { return .bytes(value) }
                rest.removeFirst(Int(length))
            case 1, 5:
                let length = tag & 7 == 1 ? 8 : 4
                if rest.count < length { return nil }
                rest.removeFirst(length)
            default: return nil
            }
        }
        return nil
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst(), shift < 64 {
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }
}
