// SPDX-License-Identifier: Apache-2.0
import Wire

/// What is done to a value before it is matched; several apply in their order.
public enum Transform: String, CaseIterable, Hashable, Sendable {
    case lowercase
    case trim
    case removeNulls = "remove_nulls"
    case compressWhitespace = "compress_whitespace"
    case urlDecode = "url_decode"
    case base64Decode = "base64_decode"
    case htmlEntityDecode = "html_entity_decode"
    case jsDecode = "js_decode"
    case normalizePath = "normalize_path"
    case removeComments = "remove_comments"

    /// Appends the transformed `text` to the empty `out`.
    public func apply(_ text: Span<UInt8>, into out: inout [UInt8]) {
        switch self {
        case .lowercase: for index in text.indices { out.append(ByteSearch.lowercased(text[index])) }
        case .trim: out.append(text.slice(Whitespace.trimmed(text)))
        case .removeNulls: for index in text.indices where text[index] != 0 { out.append(text[index]) }
        case .compressWhitespace: Whitespace.compress(text, into: &out)
        case .urlDecode: PercentCoding.decode(text, plusIsSpace: true, into: &out)
        case .base64Decode: if !Base64.decode(text, into: &out) { out.append(text) }
        case .htmlEntityDecode: HTMLEntityDecode.apply(text, into: &out)
        case .jsDecode: JSDecode.apply(text, into: &out)
        case .normalizePath: RequestTarget.normalise(text, into: &out)
        case .removeComments: RemoveComments.apply(text, into: &out)
        }
    }
}
