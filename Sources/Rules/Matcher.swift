// SPDX-License-Identifier: Apache-2.0
public import Wire

/// How a value is looked at. A subject with several values matches when one of them does.
public enum Matcher: Sendable {
    case equals([UInt8])
    case oneOf([[UInt8]])
    case prefix([UInt8])
    case suffix([UInt8])
    case contains([UInt8])
    case regex(String)
    /// Whether there is a value at all, be it empty.
    case exists(Bool)
    case ip([IPPrefix])
    case greater(Double)
    case less(Double)
    /// A number that differs by at most `within`.
    case number(Double, within: Double)
    /// One of these texts stands in it; `wholeWords`: with no letter, digit or underscore joined to it.
    case phrases([[UInt8]], wholeWords: Bool)
    /// A list whose entries may run out; of equal ones the latest counts.
    case listed([ListedText])
    case listedNetwork([ListedNetwork])
    /// It breaks out of an SQL statement, or starts a script in a page, as libinjection sees it.
    case sqlInjection, scriptInjection
}

/// A text of a list and when it runs out.
public struct ListedText: Sendable {
    public var text: [UInt8]
    /// Unix seconds; `Int64.max`: never.
    public var expires: Int64

    public init(text: [UInt8], expires: Int64) {
        self.text = text
        self.expires = expires
    }
}

/// A network of a list and when it runs out.
public struct ListedNetwork: Sendable {
    public var network: IPPrefix
    /// Unix seconds; `Int64.max`: never.
    public var expires: Int64

    public init(network: IPPrefix, expires: Int64) {
        self.network = network
        self.expires = expires
    }
}
