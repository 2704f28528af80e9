// SPDX-License-Identifier: Apache-2.0
import Glibc
import Transport

/// Appends lines to a file that others may rotate, or rotates it itself. Owned by a `Sender`; any thread may ask for it to be opened again.
final class FileWriter: Sendable {
    private let path: String
    private let rotation: SinkDescription.Rotation?
    private let descriptor = Guarded<Int32>(-1)

    init(path: String, rotation: SinkDescription.Rotation? = nil) {
        self.path = path
        self.rotation = rotation
    }

    deinit { reopen() }

    /// The next write opens the path anew.
    func reopen() { descriptor.withLock { Self.close(&$0) } }

    func append(_ lines: ArraySlice<[UInt8]>) -> Delivery {
        var bytes: [UInt8] = []
        for index in lines.indices {
            bytes.append(contentsOf: lines[index])
            bytes.append(10)
        }
        return descriptor.withLock { descriptor in
            do throws(DiskFault) {
                var size = try open(&descriptor)
                if let rotation, size > 0, size + off_t(bytes.count) > off_t(rotation.bytes) {
                    Self.close(&descriptor)
                    try rotate(rotation)
                    size = try open(&descriptor)
                }
                let result = DiskFile.write(descriptor, bytes)
                if result.code == 0 { return .delivered(rejected: 0) }
                // The batch will be written again as a whole: half of it must not stay.
                if result.written > 0 && size >= 0 { _ = ftruncate(descriptor, size) }
                throw DiskFault("write", path, result.code)
            } catch {
                Self.close(&descriptor)
                return .retry(after: nil, reason: error.description)
            }
        }
    }

    /// Opens the file unless it is open; returns where it ends.
    private func open(_ descriptor: inout Int32) throws(DiskFault) -> off_t {
        if descriptor < 0 { descriptor = try DiskFile.open(path, O_WRONLY | O_CREAT | O_APPEND) }
        return lseek(descriptor, 0, SEEK_END)
    }

    private static func close(_ descriptor: inout Int32) {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
    }

    /// The file becomes `.1`, what was `.1` becomes `.2` and so on; the oldest is gone. After a fault in between nothing is missing but a number, and the
    /// next attempt goes on.
    private func rotate(_ rotation: SinkDescription.Rotation) throws(DiskFault) {
        for number in stride(from: rotation.files, to: 1, by: -1) {
            try DiskFile.move("\(path).\(number - 1)", to: "\(path).\(number)")
        }
        try DiskFile.move(path, to: "\(path).1")
    }
}
