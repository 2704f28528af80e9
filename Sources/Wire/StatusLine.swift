// SPDX-License-Identifier: Apache-2.0

/// HTTP-version SP status-code SP [ reason-phrase ] CRLF (RFC 9112 §4). Stateless.
enum StatusLine {
    /// The offset behind the line, or nil when the bytes end before it.
    static func parse(_ bytes: Span<UInt8>, into head: inout ResponseHead) throws(HeadError) -> Int? {
        guard let version = try HTTPVersion.read(bytes, from: 0, otherwise: .badStatusLine) else { return nil }
        head.version = version
        if bytes.count == 8 { return nil }
        if bytes[8] != 32 { throw .badStatusLine }
        var status = 0
        for place in 9..<12 {
            if place == bytes.count { return nil }
            let digit = bytes[place]
            if digit < 48 || digit > 57 { throw .badStatus }
            status = status * 10 + Int(digit - 48)
            // RFC 9110 §15: values outside of 100 to 599 are invalid.
            if place == 9 && (status == 0 || status > 5) { throw .badStatus }
        }
        head.status = status
        if bytes.count == 12 { return nil }
        var start = 12
        // Many servers leave out the space before an empty reason; nobody reads that in two ways.
        if bytes[12] == 32 { start = 13 } else if bytes[12] != 13 { throw .badStatus }
        let end = ByteScan.endOfValue(bytes, from: start)
        if end == bytes.count { return nil }
        if bytes[end] != 13 { throw bytes[end] == 10 ? .bareLineFeed : .badStatusLine }
        if end + 1 == bytes.count { return nil }
        if bytes[end + 1] != 10 { throw .bareCarriageReturn }
        head.reason = ByteRange(start, end)
        return end + 2
    }
}
