// SPDX-License-Identifier: Apache-2.0
import CRE2
public import Wire

/// Why a regular expression was refused.
public struct PatternError: Error, Equatable, Sendable {
    public var message: String
    /// Position in the list that was compiled; 0 for a single one.
    public var index: Int
}

/// One compiled regular expression over bytes: RE2's language, linear time, searched anywhere unless anchored. Immutable, shared by all
/// loops. Owner of the door to RE2.
@safe
public final class Pattern: Sendable {
    /// Bytes that one pattern's machine may take; RE2 falls back to a slower, smaller machine beyond it.
    private static let memoryLimit: Int64 = 8 << 20
    /// Groups that `captures` can give, the whole match included.
    public static let groupLimit = 17

    nonisolated(unsafe) private let handle: OpaquePointer
    public let groups: Int

    public init(_ expression: String, caseInsensitive: Bool) throws(PatternError) {
        let bytes = Array(expression.utf8)
        var message = [CChar](repeating: 0, count: 256)
        let handle = unsafe bytes.withUnsafeBufferPointer { source in
            unsafe source.withMemoryRebound(to: CChar.self) { text in
                unsafe cre2_compile(
                    text.baseAddress, text.count, caseInsensitive ? 1 : 0, Pattern.memoryLimit, &message, message.count)
            }
        }
        guard let handle = unsafe handle else {
            let end = message.firstIndex(of: 0) ?? message.count
            let text = String(decoding: message[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw PatternError(message: text, index: 0)
        }
        unsafe self.handle = handle
        groups = unsafe Int(cre2_groups(handle))
    }

    deinit { unsafe cre2_free(handle) }

    public func matches(_ text: Span<UInt8>) -> Bool {
        var pair: (Int32, Int32) = (0, 0)
        return unsafe text.withUnsafeBufferPointer { source in
            unsafe withUnsafeMutablePointer(to: &pair) { pairs in
                unsafe pairs.withMemoryRebound(to: Int32.self, capacity: 2) { pairs in
                    unsafe source.withMemoryRebound(to: CChar.self) {
                        unsafe cre2_match(handle, $0.baseAddress, $0.count, pairs, 0) != 0
                    }
                }
            }
        }
    }

    /// Fills `groups` with the whole match and its groups; a group that took no part is empty at 0.
    public func captures(_ text: Span<UInt8>, into groups: inout [ByteRange]) -> Bool {
        let count = min(self.groups + 1, Pattern.groupLimit)
        var pairs = [Int32](repeating: -1, count: 2 * count)
        let found = unsafe text.withUnsafeBufferPointer { source in
            unsafe source.withMemoryRebound(to: CChar.self) {
                unsafe cre2_match(handle, $0.baseAddress, $0.count, &pairs, Int32(count)) != 0
            }
        }
        groups.removeAll(keepingCapacity: true)
        if !found { return false }
        for index in 0..<count {
            let start = pairs[2 * index]
            groups.append(start < 0 ? .empty : ByteRange(Int(start), Int(pairs[2 * index + 1])))
        }
        return true
    }
}
