// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not a message head, a body framing or a chunk. A value; the status and the metric's label stand here.
public enum HeadError: UInt8, Error, CaseIterable, Sendable {
    case badRequestLine, badMethod, badTarget, targetTooLong, badVersion, unsupportedVersion
    case badStatusLine, badStatus
    case badFieldName, badFieldValue, lineFolding, bareLineFeed, bareCarriageReturn, spaceBeforeColon, emptyFieldLine
    case headTooLarge, tooManyFields
    case missingHost, twoHosts, badHost, hostMismatch
    case twoLengths, badLength, lengthWithTransferEncoding, badTransferEncoding, unsupportedTransferEncoding
    case transferEncodingInHTTP10, lookalikeFramingField
    case badChunk, badTrailer, connectMethod
    case bodyInTrace

    /// Status of the answer that refuses it.
    public var status: Int {
        switch self {
        case .targetTooLong: 414
        case .headTooLarge, .tooManyFields: 431
        case .unsupportedVersion: 505
        case .unsupportedTransferEncoding: 501
        case .connectMethod: 405
        default: 400
        }
    }

    /// The label in metrics and logs.
    public var reason: StaticString {
        switch self {
        case .badRequestLine: "bad_request_line"
        case .badMethod: "bad_method"
        case .badTarget: "bad_target"
        case .targetTooLong: "target_too_long"
        case .badVersion: "bad_version"
        case .unsupportedVersion: "unsupported_version"
        case .badStatusLine: "bad_status_line"
        case .badStatus: "bad_status"
        case .badFieldName: "bad_field_name"
        case .badFieldValue: "bad_field_value"
        case .lineFolding: "line_folding"
        case .bareLineFeed: "bare_line_feed"
        case .bareCarriageReturn: "bare_carriage_return"
        case .spaceBeforeColon: "space_before_colon"
        case .emptyFieldLine: "empty_field_line"
        case .headTooLarge: "head_too_large"
        case .tooManyFields: "too_many_fields"
        case .missingHost: "missing_host"
        case .twoHosts: "two_hosts"
        case .badHost: "bad_host"
        case .hostMismatch: "host_mismatch"
        case .twoLengths: "two_lengths"
        case .badLength: "bad_length"
        case .lengthWithTransferEncoding: "length_with_transfer_encoding"
        case .badTransferEncoding: "bad_transfer_encoding"
        case .unsupportedTransferEncoding: "unsupported_transfer_encoding"
        case .transferEncodingInHTTP10: "transfer_encoding_in_http10"
        case .lookalikeFramingField: "lookalike_framing_field"
        case .badChunk: "bad_chunk"
        case .badTrailer: "bad_trailer"
        case .connectMethod: "connect_method"
        case .bodyInTrace: "body_in_trace"
        }
    }
}
