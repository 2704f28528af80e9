// SPDX-License-Identifier: Apache-2.0
public import Wire

/// An answer that a rule gives instead of the service. Immutable. `{id}`, `{request_id}`, `{status}`, `{client_ip}` and `{retry_after}` in its headers and
/// bodies are replaced when it is written.
public struct RuleAnswer: Equatable, Sendable {
    public enum Content: Equatable, Sendable {
        case text(type: [UInt8], body: [UInt8])
        /// HTML or JSON, as the request's Accept asks; nil: the page of the configuration.
        case page(html: [UInt8]?, json: [UInt8]?)
    }

    public var status: Int
    /// Complete field lines.
    public var headers: [UInt8]
    public var content: Content

    public init(status: Int, headers: [UInt8] = [], content: Content) {
        self.status = status
        self.headers = headers
        self.content = content
    }
}

/// Fills the places of a text that an answer is made from. Stateless.
public enum AnswerTemplate {
    /// What stands in the places. All of it is plain: nothing of it can end a line, a quotation or a tag.
    public struct Values {
        public var status: Int
        public var client: IPAddress
        /// Seconds.
        public var retryAfter: UInt64

        public init(status: Int, client: IPAddress, retryAfter: UInt64) {
            self.status = status
            self.client = client
            self.retryAfter = retryAfter
        }
    }

    /// Appends `template` with its places filled.
    public static func render(
        _ template: Span<UInt8>, id: Span<UInt8>, _ values: Values, into out: inout [UInt8]
    ) {
        var index = 0
        while index < template.count {
            guard template[index] == UInt8(ascii: "{") else {
                out.append(template[index])
                index += 1
                continue
            }
            func stands(_ word: StaticString) -> Bool {
                word.utf8CodeUnitCount <= template.count - index
                    && ByteScan.equals(template.extracting(index..<(index + word.utf8CodeUnitCount)), word)
            }
            if stands("{id}") {
                out.append(id)
                index += 4
            } else if stands("{request_id}") {
                out.append(id)
                index += 12
            } else if stands("{status}") {
                out.append(decimal: UInt64(values.status))
                index += 8
            } else if stands("{client_ip}") {
                values.client.write(to: &out)
                index += 11
            } else if stands("{retry_after}") {
                out.append(decimal: values.retryAfter)
                index += 13
            } else {
                out.append(template[index])
                index += 1
            }
        }
    }
}
