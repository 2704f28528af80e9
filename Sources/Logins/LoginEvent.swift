// SPDX-License-Identifier: Apache-2.0
package import Wire

/// One login and its outcome, as it is shipped. Built on a loop, then crosses threads: all texts stand in one arena. Neither passwords nor
/// bodies ever come here.
package struct LoginEvent: Sendable {
    package enum Action: UInt8, Sendable {
        case allow, block, monitor, refuse, fail

        var text: StaticString {
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
    package struct Texts: Sendable {
        package var id = ByteRange.empty
        package var service = ByteRange.empty
        package var route = ByteRange.empty
        package var login = ByteRange.empty
        package var userID = ByteRange.empty
        package var method = ByteRange.empty
        package var path = ByteRange.empty
        package var host = ByteRange.empty
        package var userAgent = ByteRange.empty
        /// Names of the request's fields in order, each with a line feed behind it.
        package var headerNames = ByteRange.empty
        package var fingerprintHTTP = ByteRange.empty
        package var fingerprintHeader = ByteRange.empty
        package var fingerprintNetwork = ByteRange.empty
        package var fingerprintSession = ByteRange.empty
        package var rule = ByteRange.empty
        package var reason = ByteRange.empty
        package var requestID = ByteRange.empty
        package var tlsVersion = ByteRange.empty
        package var tlsCipher = ByteRange.empty
        package var tlsServerName = ByteRange.empty
    }

    /// Longest typed name that is kept; what is longer is cut and tagged.
    package static let nameLimit = 1_024

    package var bytes: [UInt8]
    package var texts = Texts()
    package var tags: [(name: ByteRange, value: ByteRange)] = []
    package var unixNanoseconds: Int64 = 0
    package var outcome = LoginOutcome.unknown
    package var exists: Bool?
    /// A name was typed, be it empty.
    package var hasLogin = false
    package var client = IPAddress.loopback
    package var peer = IPAddress.loopback
    package var version = HTTPVersion.http11
    /// 0: no answer was sent.
    package var status = 0
    package var action = Action.allow
    package var durationMicroseconds: UInt64 = 0

    package var isBlocked: Bool { action == .block }

    /// `capacity` bytes of text are expected; more fit.
    package init(capacity: Int) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Takes a text over and returns where it stands.
    package mutating func add(_ text: Span<UInt8>) -> ByteRange {
        let start = bytes.count
        bytes.append(text)
        return ByteRange(start, bytes.count)
    }

    package mutating func add(_ text: [UInt8]) -> ByteRange { add(text.span) }

    package mutating func addTag(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        let nameRange = add(name)
        tags.append((nameRange, add(value)))
    }

    /// The native form as text.
    package var line: [UInt8] {
        var buffer = ByteBuffer()
        buffer.reserve(1_024)
        writeJSON(to: &buffer)
        var line: [UInt8] = []
        line.append(buffer.bytes)
        return line
    }

    /// The native form, one JSON object without a line feed. What is unknown is absent.
    package func writeJSON(to out: inout ByteBuffer) {
        var writer = EventWriter(event: self)
        writer.write(to: &out)
    }
}
