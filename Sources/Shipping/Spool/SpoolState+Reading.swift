// SPDX-License-Identifier: Apache-2.0
import Glibc
import Wire

extension SpoolState {
    private func cursorPath(_ sink: String) -> String {
        // The name may come from a configuration that nobody checked; it must stay inside the directory.
        let safe = sink.utf8.map { ByteClass.isToken($0) && $0 != 37 ? String(UnicodeScalar($0)) : "%\($0)" }.joined()
        return directory + "/cursor-" + safe
    }

    /// The sequence number in a cursor file; nil when it is missing or damaged.
    func storedCursor(_ name: String) -> UInt64? {
        let path = directory + "/" + name
        guard let bytes = try? DiskFile.read(path, from: 0, count: 128) else { return nil }
        let parts = bytes.split(separator: 32, omittingEmptySubsequences: false)
        guard parts.count == 2, let sequence = UInt64(String(decoding: parts[0], as: UTF8.self)),
            sequence < Frame.maximumStart, bytes == Self.cursorText(sequence)
        else { return nil }
        return sequence
    }

    private static func cursorText(_ sequence: UInt64) -> [UInt8] {
        let number = Array(String(sequence).utf8)
        return number + [32] + Array((String(CRC32C.checksum(number.span), radix: 16) + "\n").utf8)
    }

    /// From now on segments are kept until this sink has them. A sink that was never seen begins with the oldest record, or with the next
    /// one when it is new.
    mutating func register(_ sink: String, isNew: Bool = false) {
        if cursors[sink] != nil { return }
        let path = cursorPath(sink)
        let stored = storedCursor(String(path.dropFirst(directory.count + 1)))
        let oldest = segments.first?.first ?? waiting.first?.sequence ?? nextSequence
        cursors[sink] = Cursor(sequence: stored.map { max(oldest, $0) } ?? (isNew ? nextSequence : oldest))
    }

    /// Nothing is kept for this sink any more.
    mutating func forget(_ sink: String) -> (left: UInt64, dropped: UInt64) {
        let left = pending(sink)
        guard let cursor = cursors.removeValue(forKey: sink) else { return (0, 0) }
        dirtyCursors.remove(sink)
        DiskFile.remove(cursorPath(sink))
        removeAcknowledged()
        return (left, cursor.dropped)
    }

    mutating func read(sink: String, maximumRecords: Int, maximumBytes: Int) -> Batch {
        register(sink)
        // Who reads anew let go of what it held.
        guard var cursor = cursors[sink] else { return Batch(sink: sink, end: 0) }
        cursor.dropped += cursor.heldDropped
        cursor.heldDropped = 0
        cursors[sink] = cursor
        var batch = Batch(sink: sink, end: cursor.sequence)
        if let oldest = recent.first, oldest.sequence <= cursor.sequence {
            readRecent(&batch, maximumRecords, maximumBytes)
            if batch.end == recent[recent.endIndex - 1].sequence + 1 {
                readWaiting(&batch, maximumRecords, maximumBytes)
            }
            cursors[sink]?.held = batch.end
            return batch
        }
        var index = segments.firstIndex { $0.end > cursor.sequence } ?? segments.count
        while index < segments.count && batch.records.count < max(1, maximumRecords) && batch.bytes < maximumBytes {
            if cursor.segment != segments[index].first {
                cursor.segment = segments[index].first
                cursor.offset = 0
            }
            let room = min(segments[index].bytes - cursor.offset, max(1 << 20, maximumBytes))
            var isDone = read(index, room, &cursor, &batch, maximumRecords, maximumBytes)
            if batch.records.isEmpty && !isDone {
                let rest = segments[index].bytes - cursor.offset
                isDone = read(index, rest, &cursor, &batch, maximumRecords, maximumBytes)
            }
            if !isDone { break }
            batch.end = max(batch.end, segments[index].end)
            cursor.sequence = batch.end
            index += 1
        }
        batch.segment = cursor.segment
        batch.offset = cursor.offset
        if index == segments.count { readWaiting(&batch, maximumRecords, maximumBytes) }
        cursors[sink]?.held = batch.end
        return batch
    }

    /// Reads a window of one segment; true when the segment has nothing more.
    private mutating func read(
        _ index: Int, _ count: Int, _ cursor: inout Cursor, _ batch: inout Batch, _ maximumRecords: Int,
        _ maximumBytes: Int
    ) -> Bool {
        let start = cursor.offset
        let isWhole = start + count >= segments[index].bytes
        let bytes: [UInt8]
        do throws(DiskFault) {
            bytes = try DiskFile.read(segments[index].path, from: start, count: count)
        } catch {
            note(error)
            // Gone or unreadable bytes are damage; a lack of descriptors or memory passes, and the next read tries again.
            return (error.code == ENOENT || error.code == EIO) && noteDamage(index, start)
        }
        while batch.records.count < max(1, maximumRecords) && batch.bytes < maximumBytes {
            switch Frame.step(bytes.span, at: cursor.offset - start, isWhole: isWhole) {
            case .record(let sequence, let range, let next):
                if sequence >= cursor.sequence {
                    if !batch.records.isEmpty && batch.bytes + range.count > maximumBytes { return false }
                    batch.records.append(Array(bytes[Int(range.start)..<Int(range.end)]))
                    batch.bytes += range.count
                    batch.end = sequence + 1
                    cursor.sequence = sequence + 1
                }
                cursor.offset = start + next
            case .damaged(let next):
                _ = noteDamage(index, cursor.offset)
                cursor.offset = start + next
            case .incomplete: return false
            case .end: return isWhole && noteShortness(index, start + bytes.count)
            }
        }
        return cursor.offset >= segments[index].bytes
    }

    /// A file that became shorter than what was written to it was damaged behind our back.
    private mutating func noteShortness(_ index: Int, _ end: Int) -> Bool {
        end >= segments[index].bytes || noteDamage(index, end)
    }

    private mutating func noteDamage(_ index: Int, _ offset: Int) -> Bool {
        if segments[index].damage.insert(offset).inserted { damaged += 1 }
        return true
    }

    /// What was written a moment ago is sent from memory. The cursor then knows no place in a file and will find it by sequence.
    private func readRecent(_ batch: inout Batch, _ maximumRecords: Int, _ maximumBytes: Int) {
        guard let first = recent.first else { return }
        let skipped = Int(clamping: batch.end - first.sequence)
        for (sequence, frame) in recent.dropFirst(skipped) {
            if batch.records.count >= max(1, maximumRecords) || batch.bytes >= maximumBytes { return }
            let count = frame.count - Frame.headBytes
            if !batch.records.isEmpty && batch.bytes + count > maximumBytes { return }
            batch.records.append(Array(frame[Frame.headBytes...]))
            batch.bytes += count
            batch.end = sequence + 1
        }
    }

    /// What the disk would not take is sent from memory.
    private func readWaiting(_ batch: inout Batch, _ maximumRecords: Int, _ maximumBytes: Int) {
        for index in waiting.indices {
            let (sequence, frame) = waiting[index]
            if batch.records.count >= maximumRecords || batch.bytes >= maximumBytes { return }
            if sequence < batch.end { continue }
            batch.records.append(Array(frame[Frame.headBytes...]))
            batch.bytes += frame.count - Frame.headBytes
            batch.end = sequence + 1
        }
    }

    /// The sink has the batch. A cursor that cannot be stored costs a repetition after the next start, never a loss.
    mutating func acknowledge(_ batch: Batch) {
        cursors[batch.sink]?.heldDropped = 0
        guard let cursor = cursors[batch.sink], batch.end > cursor.sequence else { return }
        cursors[batch.sink]?.sequence = batch.end
        cursors[batch.sink]?.segment = batch.segment
        cursors[batch.sink]?.offset = batch.offset
        dirtyCursors.insert(batch.sink)
        removeAcknowledged()
    }

    /// Writes the cursors that moved. Ten times a second and not with every batch, which costs a rename each: who is killed in between sends a
    /// tenth of a second once more.
    mutating func storeCursors() {
        for sink in dirtyCursors {
            guard let cursor = cursors[sink] else { continue }
            do throws(DiskFault) {
                try DiskFile.replace(cursorPath(sink), with: Self.cursorText(cursor.sequence))
                dirtyCursors.remove(sink)
            } catch {
                note(error)
            }
        }
    }

    /// How many records the sink has not acknowledged, damaged ones included.
    func pending(_ sink: String) -> UInt64 {
        guard let cursor = cursors[sink] else { return 0 }
        return cursor.heldDropped + (nextSequence > cursor.sequence ? nextSequence - cursor.sequence : 0)
    }
}
