// SPDX-License-Identifier: Apache-2.0

/// How long a body is (RFC 9112 §6). Every message that two readers could measure differently is refused here.
public enum BodyFraming: Equatable, Sendable {
    case none
    /// Bytes that follow.
    case length(UInt64)
    case chunked
    /// Responses only: the body ends with the connection.
    case untilClose

    public static func request(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) throws(HeadError) -> BodyFraming {
        if head.contains(.transferEncoding) {
            if head.contains(.contentLength) { throw .lengthWithTransferEncoding }
            if head.version == .http10 { throw .transferEncodingInHTTP10 }
            if head.repeats(.transferEncoding) { throw .badTransferEncoding }
            if let index = head.first(.transferEncoding) { try requireChunked(bytes.slice(head.fields[index].value)) }
            // RFC 9110 §9.3.8: a TRACE has no content.
            if head.method == .trace { throw .bodyInTrace }
            return .chunked
        }
        guard let index = head.first(.contentLength) else { return .none }
        if head.repeats(.contentLength) { throw .twoLengths }
        let count = try length(bytes.slice(head.fields[index].value))
        if head.method == .trace && count > 0 { throw .bodyInTrace }
        return count == 0 ? .none : .length(count)
    }

    public static func response(
        _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, to method: HTTPMethod
    ) throws(HeadError) -> BodyFraming {
        // The framing fields must make sense even where no body follows, or the next reader may think otherwise.
        var framing = BodyFraming.untilClose
        if head.contains(.transferEncoding) {
            if head.contains(.contentLength) { throw .lengthWithTransferEncoding }
            if head.version == .http10 { throw .transferEncodingInHTTP10 }
            if head.repeats(.transferEncoding) { throw .badTransferEncoding }
            if let index = head.first(.transferEncoding) { try requireChunked(bytes.slice(head.fields[index].value)) }
            framing = .chunked
        } else if let index = head.first(.contentLength) {
            let count = try length(bytes.slice(head.fields[index].value))
            if head.repeats(.contentLength) { try requireSameLength(head.fields, bytes, count) }
            framing = .length(count)
        }
        if method == .head || head.status < 200 || head.status == 204 || head.status == 304 { return .none }
        return framing
    }

    /// The one coding that may stand in Transfer-Encoding is `chunked`, once. A list of other tokens is a coding that we do not have;
    /// anything else is an attempt to be read in two ways.
    private static func requireChunked(_ value: Span<UInt8>) throws(HeadError) {
        if ByteScan.equalsFolding(value, "chunked") { return }
        let isForeign = ByteSearch.isTokenList(value) && !ByteSearch.containsToken(value, "chunked".utf8.span)
        throw isForeign ? .unsupportedTransferEncoding : .badTransferEncoding
    }

    /// Origins that say one length twice exist, and we write it once (RFC 9112 §6.3). A request that does so has no such excuse.
    private static func requireSameLength(
        _ fields: borrowing [HeadField], _ bytes: Span<UInt8>, _ count: UInt64
    ) throws(HeadError) {
        for index in fields.indices where fields[index].known == .contentLength {
            if try length(bytes.slice(fields[index].value)) != count { throw .twoLengths }
        }
    }

    /// 1*DIGIT and nothing else.
    private static func length(_ value: Span<UInt8>) throws(HeadError) -> UInt64 {
        if value.isEmpty { throw .badLength }
        var number: UInt64 = 0
        for index in value.indices {
            if !ByteClass.isDigit(value[index]) { throw .badLength }
            number = number * 10 + UInt64(value[index] - 48)
            if number > Limits.bodyBytes { throw .badLength }
        }
        return number
    }
}
