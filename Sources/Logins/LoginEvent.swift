// SPDX-License-Identifier: Apache-2.0
public import Wire

/// One login and its outcome, or what else an account went through, as it is shipped. Built on a loop, then crosses threads: all texts stand in one arena. Neither passwords nor
/// bodies ever come here.
public struct LoginEvent: Sendable {
    public enum Action: UInt8, Sendable {
        case allow, block, monitor, refuse, fail

        public var text: StaticString {
            switch self {
            case .allow: "allow"
            case .block: "block"
            case .monitor: "monitor"
            case .refuse: "refuse"
            case .fail: "fail"
            }
        }
    }

    /// Texts by what they are; an empty range is unknown.
    public struct Texts: Sendable {
        public var id = ByteRange.empty
        public var service = ByteRange.empty
        public var route = ByteRange.empty
        public var login = ByteRange.empty
        public var userID = ByteRange.empty
        public var method = ByteRange.empty
        public var path = ByteRange.empty
        public var host = ByteRange.empty
        public var userAgent = ByteRange.empty
        /// Names of the request's fields in order, each with a line feed behind it.
        public var headerNames = ByteRange.empty
        public var fingerprintHTTP = ByteRange.empty
        public var fingerprintHeader = ByteRange.empty
        public var fingerprintNetwork = ByteRange.empty
        public var fingerprintHTTP2 = ByteRange.empty
        public var fingerprintSession = ByteRange.empty
        public var fingerprintClient = ByteRange.empty
        public var fingerprintJA4 = ByteRange.empty
        public var fingerprintJA3 = ByteRange.empty
        public var rule = ByteRange.empty
        public var reason = ByteRange.empty
        public var requestID = ByteRange.empty
        public var tlsVersion = ByteRange.empty
        public var tlsCipher = ByteRange.empty
        public var tlsServerName = ByteRange.empty
        /// The name of a `custom` event: lower-case letters, digits, "_" and ".".
        public var customName = ByteRange.empty
        /// Of a provisional route: where the name stands, as the configuration would say it. Not shipped.
        public var nameSource = ByteRange.empty
    }

    /// Longest typed name that is kept; what is longer is cut and tagged.
    public static let nameLimit = 1_024

    public var bytes: [UInt8]
    public var texts = Texts()
    public var tags: [(name: ByteRange, value: ByteRange)] = []
    public var unixNanoseconds: Int64 = 0
    public var kind = EventKind.login
    public var outcome = LoginOutcome.unknown
    public var exists: Bool?
    /// A name was typed, be it empty.
    public var hasLogin = false
    /// Unspecified: unknown, as the peer of an event that an application reported.
    public var client = IPAddress.loopback
    public var peer = IPAddress.loopback
    public var version = HTTPVersion.http11
    /// 0: no answer was sent.
    public var status = 0
    public var action = Action.allow
    public var durationMicroseconds: UInt64 = 0
    /// The route is none of the configuration's: it was found, and is watched until somebody declares it.
    public var isProvisional = false
    public var facts: EventFacts = []
    /// Of a route without outcome tests: what the answer looked like. Not shipped.
    public var shape: AnswerShape?

    public var isBlocked: Bool { action == .block }

    /// `capacity` bytes of text are expected; more fit.
    public init(capacity: Int) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Takes a text over and returns where it stands.
    public mutating func add(_ text: Span<UInt8>) -> ByteRange {
        let start = bytes.count
        bytes.append(text)
        return ByteRange(start, bytes.count)
    }

    public mutating func add(_ text: [UInt8]) -> ByteRange { add(text.span) }

    public mutating func addTag(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        let nameRange = add(name)
        tags.append((nameRange, add(value)))
    }

    /// The native form as text.
    public var line: [UInt8] {
        var buffer = ByteBuffer()
        buffer.reserve(1_024)
        writeJSON(to: &buffer)
        var line: [UInt8] = []
        line.append(buffer.bytes)
        return line
    }

    /// The native form, one JSON object without a line feed. What is unknown is absent.
    public func writeJSON(to out: inout ByteBuffer) {
        var writer = EventWriter(event: self)
        writer.write(to: &out)
    }
}
