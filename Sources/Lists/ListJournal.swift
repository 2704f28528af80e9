// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Rules
package import Shipping
import Wire

/// The file in which changes to the lists outlive the process: one checksummed frame each, in order. A change is in it, on the disk, before anybody
/// is told that it holds. Confined to its owner's lock.
package struct ListJournal: ~Copyable {
    /// What a file held, oldest first, and how many bytes of it were no record: a change that was being written when the power went.
    package struct Contents {
        package var changes: [ListChange] = []
        package var damagedBytes = 0
    }

    private let path: String
    private var descriptor: Int32
    /// Frames in the file.
    package private(set) var frames = 0
    private var sequence: UInt64 = 0

    /// Opens or makes the file and hands over what it holds. A torn end is cut off.
    package init(path: String, contents: inout Contents) throws(DiskFault) {
        self.path = path
        let size = DiskFile.size(path) ?? 0
        let bytes = size > 0 ? try DiskFile.read(path, from: 0, count: size) : []
        var offset = 0
        var end = 0
        reading: while true {
            switch Frame.step(bytes.span, at: offset, isWhole: true) {
            case .record(let number, let range, let next):
                if let change = ListRecord.read(bytes.span.slice(range)) {
                    contents.changes.append(change)
                } else {
                    contents.damagedBytes += range.count
                }
                frames += 1
                sequence = number + 1
                offset = next
                end = next
            case .damaged(let next):
                contents.damagedBytes += next - offset
                offset = next
            case .incomplete, .end: break reading
            }
        }
        // What is appended must not stand behind half a frame.
        descriptor = try ListJournal.open(path, cutAt: end < bytes.count ? end : nil)
    }

    private static func open(_ path: String, cutAt end: Int?) throws(DiskFault) -> Int32 {
        let descriptor = try DiskFile.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
        if let end, ftruncate(descriptor, off_t(end)) != 0 {
            let fault = DiskFault("truncate", path)
            _ = close(descriptor)
            throw fault
        }
        return descriptor
    }

    deinit { _ = close(descriptor) }

    /// Writes changes and waits for the disk. After a fault none of them is in the file.
    package mutating func append(_ changes: [ListChange]) throws(DiskFault) {
        var bytes: [UInt8] = []
        for change in changes {
            bytes += Frame.write(ListRecord.write(change), sequence: sequence)
            sequence += 1
        }
        let before = lseek(descriptor, 0, SEEK_END)
        let result = DiskFile.write(descriptor, bytes)
        if result.code != 0 || fdatasync(descriptor) != 0 {
            let code = result.code != 0 ? result.code : errno
            _ = ftruncate(descriptor, before)
            throw DiskFault("write", path, code)
        }
        frames += changes.count
    }

    /// Puts these entries in place of everything that the file holds. Whoever reads it sees the old file or the new one.
    package mutating func replace(with entries: [ListChange]) throws(DiskFault) {
        var bytes: [UInt8] = []
        for (number, change) in entries.enumerated() {
            bytes += Frame.write(ListRecord.write(change), sequence: UInt64(number))
        }
        let temporary = path + ".new"
        let new = try DiskFile.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, mode: 0o600)
        let result = DiskFile.write(new, bytes)
        if result.code != 0 || fdatasync(new) != 0 {
            let fault = DiskFault("write", temporary, result.code != 0 ? result.code : errno)
            _ = close(new)
            throw fault
        }
        do throws(DiskFault) {
            try DiskFile.move(temporary, to: path)
        } catch {
            _ = close(new)
            throw error
        }
        if let slash = path.lastIndex(of: "/") { _ = DiskFile.syncDirectory(String(path[..<slash])) }
        _ = close(descriptor)
        descriptor = new
        frames = entries.count
        sequence = UInt64(entries.count)
    }
}
