// SPDX-License-Identifier: Apache-2.0
import Wire

/// What an answer to a login looks like, without its words: the thing by which answers of a route with no outcome tests are told apart.
/// Made on a loop, a value.
public struct AnswerShape: Hashable, Sendable {
    public struct Signs: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16

        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// A cookie is set that the client did not have with this value; cookies against forgery do not count.
        public static let setsCookie = Signs(rawValue: 1)
        public static let redirects = Signs(rawValue: 2)
        /// The redirect goes back to where the attempt came from, or names an error.
        public static let redirectsBack = Signs(rawValue: 4)
        /// The page asks for a password.
        public static let asksPassword = Signs(rawValue: 8)
        /// JSON with a token of access or session.
        public static let hasToken = Signs(rawValue: 16)
        /// JSON with an error.
        public static let namesError = Signs(rawValue: 32)
        public static let isJSON = Signs(rawValue: 64)
        public static let isHTML = Signs(rawValue: 128)
        public static let isEmpty = Signs(rawValue: 256)
    }

    public var status: UInt16
    public var signs: Signs
    /// Of the Location's path, without numbers and query. 0: none.
    public var location: UInt32
    /// Of the names in a JSON body. 0: none.
    public var keys: UInt32
    /// Of what is not JSON: the length in steps of a doubling. 0: none.
    public var length: UInt8

    public init(status: UInt16, signs: Signs, location: UInt32 = 0, keys: UInt32 = 0, length: UInt8 = 0) {
        self.status = status
        self.signs = signs
        self.location = location
        self.keys = keys
        self.length = length
    }

    /// One number for the whole, the same in every run.
    public var number: UInt64 {
        var hash = StableHash()
        hash.add(UInt64(status) << 32 | UInt64(signs.rawValue) << 8 | UInt64(length))
        hash.add(UInt64(location) << 32 | UInt64(keys))
        return hash.value
    }

    /// How much the shape alone speaks for a success; below 0 for a failure. About 2 is enough to believe it.
    public var score: Double {
        var score = 0.0
        switch status {
        case 401: score -= 4
        case 403, 423, 429: score -= 3
        case 400, 422: score -= 1.5
        default: break
        }
        if signs.contains(.redirectsBack) {
            score -= 3.5
        } else if signs.contains(.redirects) {
            score += 1.5
        }
        if signs.contains(.setsCookie) { score += 1.5 }
        if signs.contains(.hasToken) { score += 4 }
        if signs.contains(.namesError) { score -= 2.5 }
        if signs.contains(.asksPassword) { score -= 3 }
        return score
    }

    /// An answer that says nothing of the password: the route is not there, or the server is broken.
    public var isBesides: Bool { status == 404 || status == 405 || status >= 500 || status < 200 }
}

/// FNV-1a with 64 bits: the same number for the same bytes in every run, so that it may be kept on disk. Not against enemies: whoever makes
/// two texts collide shares their counts.
public struct StableHash: Sendable {
    public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    public init() {}

    public mutating func add(byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }

    public mutating func add(_ text: Span<UInt8>) {
        for index in text.indices { add(byte: text[index]) }
        add(byte: 0xff)
    }

    public mutating func add(_ number: UInt64) {
        var rest = number
        for _ in 0..<8 {
            add(byte: UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    public static func of(_ first: Span<UInt8>, _ second: Span<UInt8>) -> UInt64 {
        var hash = StableHash()
        hash.add(first)
        hash.add(second)
        return hash.value
    }
}
