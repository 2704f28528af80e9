// SPDX-License-Identifier: Apache-2.0

/// The leaf loops: compare, find, fold. Each is one pass without allocation.
package enum ByteSearch {
    package static func equals(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        if left.count != right.count { return false }
        var index = 0
        while index < left.count {
            if left[index] != right[index] { return false }
            index += 1
        }
        return true
    }
}
