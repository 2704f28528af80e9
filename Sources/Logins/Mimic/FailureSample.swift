// SPDX-License-Identifier: Apache-2.0

/// One real answer of a service to a login that failed, as its client got it. A value.
public struct FailureSample: Sendable {
    /// The longest body that is kept.
    public static let bodyLimit = 65_536

    public var status: Int
    public var reason: [UInt8]
    /// The fields that go to clients, in their order, without those of framing and connection.
    public var fields: [(name: [UInt8], value: [UInt8])]
    /// It came in chunks, without a length.
    public var isChunked: Bool
    /// Without its content coding.
    public var body: [UInt8]
    /// What was typed as the name; its answer may say it again.
    public var name: [UInt8]
    public var requestID: [UInt8]
    public var unixSeconds: Int64

    public init(
        status: Int, reason: [UInt8], fields: [(name: [UInt8], value: [UInt8])], isChunked: Bool, body: [UInt8],
        name: [UInt8], requestID: [UInt8], unixSeconds: Int64
    ) {
        self.status = status
        self.reason = reason
        self.fields = fields
        self.isChunked = isChunked
        self.body = body
        self.name = name
        self.requestID = requestID
        self.unixSeconds = unixSeconds
    }

    /// Everything that a copy must say in another way, by place: values of fields, then the body.
    func tokens() -> [[MimicToken]] {
        let reader = MimicReader(name: name, requestID: requestID, unixSeconds: unixSeconds)
        return fields.map { reader.read($0.value) } + [reader.read(body)]
    }
}
