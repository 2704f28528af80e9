// SPDX-License-Identifier: Apache-2.0

/// How long a body is (RFC 9112 §6). Every message that two readers could measure differently is refused here.
package enum BodyFraming: Equatable, Sendable {
    case none
    /// Bytes that follow.
    case length(UInt64)
    case chunked
    /// Responses only: the body ends with the connection.
    case untilClose

    package static func request(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) throws(HeadError) -> BodyFraming {
        if head.contains(.transferEncoding) {
            if head.contains(.contentLength) { throw .lengthWithTransferEncoding }
            if head.version == .http10 { throw .transferEncodingInHTTP10 }
            try requireChunked(head.fields, bytes)
            if head.method == .trace { throw .bodyInTrace }
            return .chunked
        }
        if head.contains(.contentLength) {
            let count = try length(head.fields, bytes)
            if head.method == .trace && count > 0 { throw .bodyInTrace }
            return count == 0 ? .none : .length(count)
        }
        return .none
    }

    package static func response(
        _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, to method: HTTPMethod
    ) throws(HeadError) -> BodyFraming {
        // The framing fields must make sense even where no body follows, or the next reader may think otherwise.
        var framing = BodyFraming.untilClose
        if head.contains(.transferEncoding) {
            if head.contains(.contentLength) { throw .lengthWithTransferEncoding }
            if head.version == .http10 { throw .transferEncodingInHTTP10 }
            try requireChunked(head.fields, bytes)
            framing = .chunked
        } else if head.contains(.contentLength) {
            framing = .length(try length(head.fields, bytes))
        }
        if method == .head || head.status < 200 || head.status == 204 || head.status == 304 { return .none }
        return framing
    }

    /// The one coding that may stand in Transfer-Encoding is `chunked`, once.
    private static func requireChunked(_ fields: borrowing [HeadField], _ bytes: Span<UInt8>) throws(HeadError) {
        var seen = false
        for index in fields.indices where fields[index].known == .transferEncoding {
            if seen { throw .badTransferEncoding }
            seen = true
            let value = bytes.slice(fields[index].value)
            if ByteSearch.equalsIgnoringCase(value, "chunked".utf8.span) { continue }
            // A list of tokens is a coding that we do not have; anything else is an attempt to be read in two ways.
            throw ByteSearch.isTokenList(value) && !ByteSearch.containsToken(value, "chunked".utf8.span)
                ? .unsupportedTransferEncoding : .badTransferEncoding
        }
    }

    private static func length(_ fields: borrowing [HeadField], _ bytes: Span<UInt8>) throws(HeadError) -> UInt64 {
        var found: UInt64?
        for index in fields.indices where fields[index].known == .contentLength {
            if found != nil { throw .twoLengths }
            let value = bytes.slice(fields[index].value)
            if value.isEmpty || value.count > Limits.lengthDigits { throw .badLength }
            var number: UInt64 = 0
            for place in value.indices {
                let digit = value[place]
                if digit < 48 || digit > 57 { throw .badLength }
                number = number * 10 + UInt64(digit - 48)
            }
            found = number
        }
        return found ?? 0
    }
}
