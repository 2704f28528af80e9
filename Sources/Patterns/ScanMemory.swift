// SPDX-License-Identifier: Apache-2.0
import Wire

/// What scans of short values found lately, so that the same browser's header is not scanned for every request: a hit costs 230 instructions,
/// a scan 1 400 (a GET with the shipped rules has three). A table in which the newer takes the older's place; the value is compared byte
/// by byte, so that nobody can make one text pass for another. Confined to a worker, 81 KiB once it is used.
struct ScanMemory {
    private static let slots = 256
    /// Longer values are scanned each time.
    private static let valueBytes = 256
    /// What found more is not remembered.
    private static let foundLimit = 8

    private struct Slot {
        /// The address of the database, 0 for none.
        var database: UInt = 0
        var length = 0
        var found = 0
        var numbers = InlineArray<8, UInt32>(repeating: 0)
    }

    private var table: [Slot] = []
    private var bytes: [UInt8] = []

    /// An address may come to stand for another database: before one is used for the first time, all is forgotten.
    mutating func removeAll() { for place in table.indices { table[place].database = 0 } }

    /// Adds what the database is known to find in `text`; false when that is not known.
    @inline(__always)
    func recall(_ database: UInt, _ text: Span<UInt8>, into matched: inout [UInt32]) -> Bool {
        if table.isEmpty || text.count > ScanMemory.valueBytes { return false }
        let place = ScanMemory.place(database, text)
        if table[place].database != database || table[place].length != text.count { return false }
        let start = place * ScanMemory.valueBytes
        if !ByteScan.equals(bytes.span.extracting(start..<(start + text.count)), text) { return false }
        for index in 0..<table[place].found { matched.append(table[place].numbers[index]) }
        return true
    }

    mutating func keep(_ database: UInt, _ text: Span<UInt8>, _ matched: [UInt32]) {
        if matched.count > ScanMemory.foundLimit || text.count > ScanMemory.valueBytes { return }
        if table.isEmpty {
            table = [Slot](repeating: Slot(), count: ScanMemory.slots)
            bytes = [UInt8](repeating: 0, count: ScanMemory.slots * ScanMemory.valueBytes)
        }
        let place = ScanMemory.place(database, text)
        table[place].database = database
        table[place].length = text.count
        table[place].found = matched.count
        for index in matched.indices { table[place].numbers[index] = matched[index] }
        let start = place * ScanMemory.valueBytes
        var target = bytes.mutableSpan
        for index in text.indices { target[start + index] = text[index] }
    }

    /// Sixteen bytes of the text and its length: values that differ elsewhere take each other's place.
    @inline(__always)
    private static func place(_ database: UInt, _ text: Span<UInt8>) -> Int {
        var mixed = (database >> 4) &+ UInt(text.count)
        let step = max(1, text.count >> 4)
        var index = text.count - 1
        while index >= 0 {
            mixed = mixed &* 31 &+ UInt(text[index])
            index -= step
        }
        mixed = mixed &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: mixed >> 56)
    }
}
