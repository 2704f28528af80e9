// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The world refused an operation on a file. A value, thrown to whoever opens the spool, counted everywhere else.
package struct DiskFault: Error, Equatable, Sendable, CustomStringConvertible {
    package let operation: String
    package let path: String
    package let code: Int32

    package init(_ operation: String, _ path: String, _ code: Int32 = errno) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    package var description: String {
        "\(operation) \(path): \(unsafe String(cString: strerror(code)))"
    }
}

/// The few system calls on files that this target makes, each retried when a signal broke it. Stateless.
package enum DiskFile {
    package static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0o640) throws(DiskFault) -> Int32 {
        while true {
            let descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC, mode)
            if descriptor >= 0 { return descriptor }
            if errno != EINTR { throw DiskFault("open", path) }
        }
    }

    /// Writes all of it, or says how much of it went and what stopped it.
    package static func write(_ descriptor: Int32, _ bytes: [UInt8]) -> (written: Int, code: Int32) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { all in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: all[written...])
                return unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
            }
            if count > 0 {
                written += count
            } else if count == 0 || errno != EINTR {
                return (written, count == 0 ? EIO : errno)
            }
        }
        return (written, 0)
    }

    /// Up to `count` bytes from `offset`; fewer where the file ends.
    package static func read(_ path: String, from offset: Int, count: Int) throws(DiskFault) -> [UInt8] {
        let descriptor = try open(path, O_RDONLY)
        defer { _ = close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: max(0, count))
        var got = 0
        while got < bytes.count {
            let start = got
            let now = unsafe bytes.withUnsafeMutableBytes { all in
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: all[start...])
                return unsafe pread(descriptor, rest.baseAddress, rest.count, off_t(offset + start))
            }
            if now == 0 { break }
            if now > 0 {
                got += now
            } else if errno != EINTR {
                throw DiskFault("read", path)
            }
        }
        bytes.removeLast(bytes.count - got)
        return bytes
    }

    package static func size(_ path: String) -> Int? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    /// When it was last written to, in seconds since 1970.
    package static func modified(_ path: String) -> Int? {
        var status = stat()
        if unsafe stat(path, &status) != 0 { return nil }
        // Its field of seconds, which comes first: the importer gives that name to whichever door to C it saw first.
        return unsafe withUnsafeBytes(of: status.st_mtim) { unsafe $0.load(as: time_t.self) }
    }

    /// Replaces the file at once: whoever reads it sees the old bytes or the new ones.
    package static func replace(_ path: String, with bytes: [UInt8]) throws(DiskFault) {
        let temporary = path + ".new"
        let descriptor = try open(temporary, O_WRONLY | O_CREAT | O_TRUNC)
        let result = write(descriptor, bytes)
        _ = close(descriptor)
        if result.code != 0 { throw DiskFault("write", temporary, result.code) }
        if unsafe rename(temporary, path) != 0 { throw DiskFault("rename", path) }
    }

    /// Gives a file another name, in place of what had it. No such file is no fault.
    package static func move(_ path: String, to other: String) throws(DiskFault) {
        if unsafe rename(path, other) != 0 && errno != ENOENT { throw DiskFault("rename", path) }
    }

    package static func makeDirectory(_ path: String) throws(DiskFault) {
        var end = path.startIndex
        while end < path.endIndex {
            end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
            let part = String(path[..<end])
            if unsafe mkdir(part, 0o750) != 0 && errno != EEXIST { throw DiskFault("mkdir", part) }
        }
    }

    /// Names in a directory, in no order.
    package static func names(in directory: String) throws(DiskFault) -> [String] {
        guard let stream = unsafe opendir(directory) else { throw DiskFault("opendir", directory) }
        defer { _ = unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: entry.pointee.d_name) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            names.append(name)
        }
        return names
    }

    package static func remove(_ path: String) { _ = unsafe unlink(path) }

    /// Makes the names in a directory durable.
    package static func syncDirectory(_ path: String) -> Bool {
        guard let descriptor = try? open(path, O_RDONLY | O_DIRECTORY) else { return false }
        defer { _ = close(descriptor) }
        return fsync(descriptor) == 0
    }
}
