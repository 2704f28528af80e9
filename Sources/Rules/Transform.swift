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
    case urlDecodeIIS = "url_decode_iis"
    case base64URLDecode = "base64url_decode"
    case base64Encode = "base64_encode"
    case cssDecode = "css_decode"
    case normalizePathWindows = "normalize_path_win"
    case shellUnescape = "shell_unescape"
    case urlBasename = "url_basename"
    case urlPath = "url_path"
    case urlQuery = "url_querystring"
    case unicodeNormalize = "unicode_normalize"

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
        case .normalizePath: NormalizePath.apply(text, into: &out)
        case .removeComments: RemoveComments.apply(text, into: &out)
        case .urlDecodeIIS: URLDecodeIIS.apply(text, into: &out)
        case .base64URLDecode: if !Base64.decode(text, into: &out) { out.append(text) }
        case .base64Encode: Base64Encode.apply(text, into: &out)
        case .cssDecode: CSSDecode.apply(text, into: &out)
        case .normalizePathWindows:
            var slashed: [UInt8] = []
            for index in text.indices {
                slashed.append(text[index] == UInt8(ascii: "\\") ? UInt8(ascii: "/") : text[index])
            }
            NormalizePath.apply(slashed.span, into: &out)
        case .shellUnescape: ShellUnescape.apply(text, into: &out)
        case .urlBasename: out.append(text.slice(URLParts.basename(text)))
        case .urlPath: out.append(text.slice(URLParts.path(text)))
        case .urlQuery: out.append(text.slice(URLParts.query(text)))
        case .unicodeNormalize: UnicodeNormalize.apply(text, into: &out)
        }
    }
}
