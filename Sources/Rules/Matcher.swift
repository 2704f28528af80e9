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
}
