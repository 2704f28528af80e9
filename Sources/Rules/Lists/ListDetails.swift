// SPDX-License-Identifier: Apache-2.0
import Wire

/// What an entry says beside whom it names: how long it holds, and its row in `ListDetails`. Eight bytes of a table.
struct ListFate: Sendable {
    /// Unix seconds; .max for never.
    var expires: UInt32
    var detail: UInt32

    static let never = UInt32.max

    /// Seconds since 1970 in 32 bits; what lies behind 2106 never ends.
    static func seconds(_ time: Int64) -> UInt32 { time >= Int64(never) ? never : UInt32(max(0, time)) }
}

/// What lines of lists say behind their time: source, time, mode and reason. Equal texts of one file are kept once, so that ten million lines
/// of one campaign share one row. Owned by the list that it is made for.
struct ListDetails: Sendable {
    struct Row: Sendable {
        /// In `texts`.
        var reason: ByteRange
        var source: ByteRange
        /// Position of the file that the line stands in.
        var file: UInt32
        /// Unix seconds; 0: the file's.
        var time: Int64
        var isMonitored: Bool
    }

    private(set) var rows: [Row] = []
    private(set) var texts: [UInt8] = []
    private(set) var hasMonitored = false
    // While it is made: the whole text of each row, found by hash.
    private var whole: [ByteRange] = []
    private var slots: [UInt32] = []
    private var last = -1

    /// The row of a line's rest, which is what stands behind its time. Leading `mode=`, `since=` and `source=` are no part of the reason.
    mutating func intern(_ rest: Span<UInt8>, file: UInt32) throws(ListMistake) -> UInt32 {
        if last >= 0 && rows[last].file == file && ByteSearch.equals(texts.span.slice(whole[last]), rest) {
            return UInt32(last)
        }
        if (rows.count + 1) * 2 > slots.count { grow() }
        var slot = place(rest, file)
        while slots[slot] != 0 {
            let row = Int(slots[slot]) - 1
            if rows[row].file == file && ByteSearch.equals(texts.span.slice(whole[row]), rest) {
                last = row
                return UInt32(row)
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        let start = texts.count
        if start + rest.count > Int(Int32.max) { throw ListMistake("the reasons of the lists are longer than 2 GiB") }
        texts.append(rest)
        var row = Row(reason: ByteRange(start, texts.count), source: .empty, file: file, time: 0, isMonitored: false)
        do throws(ListMistake) { try read(&row) } catch {
            texts.removeLast(texts.count - start)
            throw error
        }
        hasMonitored = hasMonitored || row.isMonitored
        rows.append(row)
        whole.append(ByteRange(start, texts.count))
        slots[slot] = UInt32(rows.count)
        last = rows.count - 1
        return UInt32(last)
    }

    /// Takes the attributes off the front of the reason.
    private func read(_ row: inout Row) throws(ListMistake) {
        while true {
            let rest = texts.span.slice(row.reason)
            let end = ByteSearch.find(32, in: rest) ?? rest.count
            let word = rest.extracting(0..<end)
            guard let split = ByteSearch.find(UInt8(ascii: "="), in: word) else { return }
            let start = Int(row.reason.start)
            let value = word.extracting((split + 1)..<end)
            let name = word.extracting(0..<split)
            if ByteSearch.equals(name, "mode".utf8.span) {
                if ByteSearch.equals(value, "monitored".utf8.span) {
                    row.isMonitored = true
                } else if !ByteSearch.equals(value, "block".utf8.span) {
                    throw ListMistake("mode= must be block or monitored")
                }
            } else if ByteSearch.equals(name, "since".utf8.span) {
                guard let time = Timestamp.parse(value) else { throw ListMistake("since= must be a time") }
                row.time = time
            } else if ByteSearch.equals(name, "source".utf8.span) {
                row.source = ByteRange(start + split + 1, start + end)
            } else {
                return
            }
            var next = end
            while next < rest.count && rest[next] == 32 { next += 1 }
            row.reason = ByteRange(start + next, Int(row.reason.end))
        }
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: max(64, slots.count * 2))
        for row in rows.indices {
            var slot = place(texts.span.slice(whole[row]), rows[row].file)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = UInt32(row + 1)
        }
    }

    private func place(_ text: Span<UInt8>, _ file: UInt32) -> Int {
        Int(truncatingIfNeeded: TextTable.hash(text, seed: UInt64(file) &+ 0x9e37_79b9)) & (slots.count - 1)
    }

    /// Lets go of what only the making needs.
    mutating func finish() {
        whole = []
        slots = []
        last = -1
    }
}
