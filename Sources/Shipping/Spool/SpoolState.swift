// SPDX-License-Identifier: Apache-2.0
import Glibc
import Wire

/// One file of the spool and what is known of it. Part of `SpoolState`.
struct Segment: Sendable {
    /// Sequence number that its first record has, also its name.
    let first: UInt64
    let path: String
    /// One behind its last record's sequence number.
    var end: UInt64
    var bytes = 0
    /// When its first and last record came, in seconds of the wall clock: it is compared with a file's time after a start.
    var began = 0
    var ended = 0
    /// Where damage was already counted.
    var damage: Set<Int> = []
}

/// How far one sink has come. Part of `SpoolState`.
struct Cursor: Sendable {
    /// The first record that the sink has not acknowledged.
    var sequence: UInt64
    /// Segment and offset where reading goes on; nil searches by sequence.
    var segment: UInt64?
    var offset = 0
    var dropped: UInt64 = 0
    /// One behind the last record that the sink's sender holds in memory and has not acknowledged.
    var held: UInt64 = 0
    /// Records that had to leave the disk while the sender held them: they may still arrive.
    var heldDropped: UInt64 = 0
    /// One behind the last record that grew too old for it.
    var expired: UInt64 = 0
}

/// All that the spool knows, behind the lock of its `Spool`; touched by any thread that holds it.
struct SpoolState: Sendable {
    /// Records that the disk would not take wait here.
    static let waitingMaximum = 8 << 20

    /// No segment that we wrote is longer; a longer file is not read into memory.
    static let believableSegment = 16 << 20
    /// After a refusal the disk is left alone for so long, so that a full disk does not cost a write for every event.
    static let refusalPause = Duration.milliseconds(100)

    let directory: String
    var maximumBytes: Int
    /// nil: records wait as long as there is room.
    var maximumAge: Duration?
    let segmentMaximum: Int
    /// Bytes of `recent` at most.
    let recentMaximum: Int
    /// Oldest first. The last one is written to when `active` is open.
    var segments: [Segment] = []
    var cursors: [String: Cursor] = [:]
    /// Sinks whose cursor moved since it was written.
    var dirtyCursors: Set<String> = []
    var active: Int32 = -1
    var lock: Int32 = -1
    var nextSequence: UInt64 = 1
    /// Frames that are not on disk, oldest first.
    var waiting: [(sequence: UInt64, frame: [UInt8])] = []
    var waitingBytes = 0
    /// Frames that are on disk and still in memory, oldest first, up to `nextSequence` or to what waits: a sink that keeps up is served from
    /// here, without reading, checking and copying what was just written.
    var recent: ArraySlice<(sequence: UInt64, frame: [UInt8])> = []
    var recentBytes = 0
    var needsSync = false
    var isSyncPlanned = false
    var isStopped = false
    var damaged: UInt64 = 0
    var writeErrors: UInt64 = 0
    var lastError: DiskFault?
    var refusedUntil: ContinuousClock.Instant?

    init(directory: String, maximumBytes: Int, recentMaximum: Int) throws(DiskFault) {
        self.recentMaximum = recentMaximum
        self.directory = directory
        self.maximumBytes = max(4096, maximumBytes)
        segmentMaximum = max(512, min(4 << 20, maximumBytes / 8))
        try DiskFile.makeDirectory(directory)
        lock = try DiskFile.open(directory + "/lock", O_RDWR | O_CREAT)
        if flock(lock, LOCK_EX | LOCK_NB) != 0 {
            let fault = DiskFault("lock", directory + "/lock")
            _ = close(lock)
            throw fault
        }
        do throws(DiskFault) {
            try scan()
        } catch {
            _ = close(lock)
            throw error
        }
    }

    var bytes: Int { segments.reduce(0) { $0 + $1.bytes } }

    /// The segment being written stays; a new start never writes behind a tail that may be torn.
    private mutating func scan() throws(DiskFault) {
        var firsts: [(UInt64, String)] = []
        for name in try DiskFile.names(in: directory) {
            if name.hasSuffix(".new") { DiskFile.remove(directory + "/" + name) }
            if name.hasPrefix("cursor-") && !name.hasSuffix(".new"), let sequence = storedCursor(name) {
                nextSequence = max(nextSequence, sequence)
            }
            guard name.hasPrefix("segment-"), name.utf8.count == 24, let first = UInt64(name.dropFirst(8), radix: 16),
                first < Frame.maximumStart
            else { continue }
            firsts.append((first, directory + "/" + name))
        }
        firsts.sort { $0.0 < $1.0 }
        for index in firsts.indices {
            let (first, path) = firsts[index]
            guard let size = DiskFile.size(path), size > 0 else {
                DiskFile.remove(path)
                continue
            }
            if size > Self.believableSegment {
                damaged += 1
                DiskFile.remove(path)
                continue
            }
            let time = DiskFile.modified(path) ?? Self.now
            var segment = Segment(first: first, path: path, end: first, bytes: size, began: time, ended: time)
            do throws(DiskFault) {
                examine(&segment, try DiskFile.read(path, from: 0, count: size))
            } catch {
                note(error)
                segment.end = index + 1 < firsts.count ? firsts[index + 1].0 : first + 1
            }
            nextSequence = max(nextSequence, segment.end, first + 1)
            segments.append(segment)
        }
    }

    /// Counts what is damaged in a segment found on disk.
    private mutating func examine(_ segment: inout Segment, _ bytes: [UInt8]) {
        var offset = 0
        var expected = segment.first
        var damageStart: Int?
        while true {
            switch Frame.step(bytes.span, at: offset, isWhole: true) {
            case .record(let sequence, _, let next):
                if let start = damageStart {
                    segment.damage.insert(start)
                    damaged += sequence > expected ? min(sequence - expected, UInt64(offset - start)) : 1
                    damageStart = nil
                }
                expected = max(expected, sequence + 1)
                offset = next
            case .damaged(let next):
                damageStart = offset
                offset = next
            case .incomplete, .end:
                if let start = damageStart {
                    segment.damage.insert(start)
                    damaged += 1
                }
                segment.end = expected
                return
            }
        }
    }

    mutating func note(_ fault: DiskFault) {
        writeErrors += 1
        lastError = fault
    }

    // MARK: Writing

    /// Takes records; the disk's refusals are counted and the records wait in memory, up to the maximum.
    mutating func append(_ records: [[UInt8]]) {
        for index in records.indices {
            let size = records[index].count + Frame.headBytes
            if records[index].count > Frame.maximumRecord || size > maximumBytes
                || waitingBytes + size > Self.waitingMaximum && !flush()
            {
                countDropped(1)
                continue
            }
            waiting.append((nextSequence, Frame.write(records[index], sequence: nextSequence)))
            waitingBytes += size
            nextSequence += 1
        }
        _ = flush()
    }

    private mutating func countDropped(_ count: UInt64) {
        for name in cursors.keys { cursors[name]?.dropped += count }
    }

    /// Writes what waits; true when nothing waits any more.
    mutating func flush() -> Bool {
        if waiting.isEmpty { return true }
        if let end = refusedUntil, end > .now { return false }
        refusedUntil = nil
        var done = 0
        while done < waiting.count {
            if active >= 0, isFull { closeActive() }
            if active < 0 && !openActive(at: waiting[done].sequence) { break }
            // As many frames as the segment has room for, in one write.
            var bytes: [UInt8] = []
            var end = done
            let room = segmentMaximum - segments[segments.count - 1].bytes
            while end < waiting.count && (bytes.isEmpty || bytes.count + waiting[end].frame.count <= room) {
                bytes.append(contentsOf: waiting[end].frame)
                end += 1
            }
            makeRoom(for: bytes.count)
            if !write(bytes) { break }
            segments[segments.count - 1].end = waiting[end - 1].sequence + 1
            segments[segments.count - 1].ended = Self.now
            done = end
        }
        for index in 0..<done {
            waitingBytes -= waiting[index].frame.count
            recentBytes += waiting[index].frame.count
        }
        recent.append(contentsOf: waiting[..<done])
        waiting.removeFirst(done)
        forgetRecent(below: nil)
        return waiting.isEmpty
    }

    /// Lets go of what every sink has, and of the oldest when there is too much.
    mutating func forgetRecent(below sequence: UInt64?) {
        while let oldest = recent.first, recentBytes > recentMaximum || oldest.sequence < sequence ?? 0 {
            recentBytes -= oldest.frame.count
            recent.removeFirst()
        }
    }

    private mutating func write(_ bytes: [UInt8]) -> Bool {
        let last = segments.count - 1
        let result = DiskFile.write(active, bytes)
        if result.code == 0 {
            segments[last].bytes += bytes.count
            needsSync = true
            return true
        }
        note(DiskFault("write", segments[last].path, result.code))
        refusedUntil = .now + Self.refusalPause
        // A torn frame would be counted as damage by the next start; where it cannot be cut off, a new segment begins.
        if result.written > 0 && ftruncate(active, off_t(segments[last].bytes)) != 0 {
            segments[last].damage.insert(segments[last].bytes)
            segments[last].bytes += result.written
            closeActive()
        }
        return false
    }

    private mutating func openActive(at sequence: UInt64) -> Bool {
        let digits = String(sequence, radix: 16)
        let name = "/segment-" + String(repeating: "0", count: 16 - digits.utf8.count) + digits
        do throws(DiskFault) {
            active = try DiskFile.open(directory + name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND)
        } catch {
            note(error)
            refusedUntil = .now + Self.refusalPause
            return false
        }
        let now = Self.now
        segments.append(Segment(first: sequence, path: directory + name, end: sequence, began: now, ended: now))
        _ = DiskFile.syncDirectory(directory)
        return true
    }

    mutating func closeActive() {
        if active < 0 { return }
        if needsSync && fdatasync(active) != 0 { note(DiskFault("fdatasync", segments[segments.count - 1].path)) }
        needsSync = false
        _ = close(active)
        active = -1
    }

    /// Drops oldest segments until so many bytes fit.
    private mutating func makeRoom(for count: Int) {
        var total = bytes
        while total + count > maximumBytes && segments.count > 1 {
            total -= segments[0].bytes
            dropOldest()
        }
    }

    /// Whoever has not had the oldest segment will never have it.
    mutating func dropOldest() {
        let oldest = segments[0]
        for name in cursors.keys {
            guard let cursor = cursors[name], cursor.sequence < oldest.end else { continue }
            let first = max(cursor.sequence, oldest.first)
            let held = max(first, min(cursor.held, oldest.end)) - first
            cursors[name]?.heldDropped += held
            cursors[name]?.dropped += oldest.end - first - held
            cursors[name]?.sequence = oldest.end
            cursors[name]?.segment = nil
            dirtyCursors.insert(name)
        }
        DiskFile.remove(oldest.path)
        segments.removeFirst()
    }

    /// Removes the segments that every known sink has behind it.
    mutating func removeAcknowledged() {
        guard let lowest = cursors.values.map(\.sequence).min() else { return }
        forgetRecent(below: lowest)
        while let oldest = segments.first, oldest.end <= lowest {
            if segments.count == 1 {
                if active >= 0 && oldest.bytes < segmentMaximum { break }
                closeActive()
            }
            // A cursor that names what is gone would begin anew.
            storeCursors()
            DiskFile.remove(oldest.path)
            segments.removeFirst()
        }
        let sent = waiting.firstIndex { $0.sequence >= lowest } ?? waiting.count
        for index in 0..<sent { waitingBytes -= waiting[index].frame.count }
        waiting.removeFirst(sent)
    }

    mutating func stop() {
        if isStopped { return }
        refusedUntil = nil
        _ = flush()
        storeCursors()
        closeActive()
        isStopped = true
        _ = close(lock)
        lock = -1
    }
}
