// SPDX-License-Identifier: Apache-2.0
import Glibc
import Transport

/// Appends lines to a file that others may rotate. Owned by a `Sender`; any thread may ask for it to be opened again.
final class FileWriter: Sendable {
    private let path: String
    private let descriptor = Guarded<Int32>(-1)

    init(path: String) { self.path = path }

    deinit { reopen() }

    /// The next write opens the path anew.
    func reopen() {
        descriptor.withLock { descriptor in
            if descriptor >= 0 { _ = close(descriptor) }
            descriptor = -1
        }
    }

    func append(_ lines: ArraySlice<[UInt8]>) -> Delivery {
        var bytes: [UInt8] = []
        for index in lines.indices {
            bytes.append(contentsOf: lines[index])
            bytes.append(10)
        }
        return descriptor.withLock { descriptor in
            do throws(DiskFault) {
                if descriptor < 0 {
                    descriptor = try DiskFile.open(path, O_WRONLY | O_CREAT | O_APPEND)
                }
                let size = lseek(descriptor, 0, SEEK_END)
                let result = DiskFile.write(descriptor, bytes)
                if result.code == 0 { return .delivered(rejected: 0) }
                // The batch will be written again as a whole: half of it must not stay.
                if result.written > 0 && size >= 0 { _ = ftruncate(descriptor, size) }
                throw DiskFault("write", path, result.code)
            } catch {
                if descriptor >= 0 { _ = close(descriptor) }
                descriptor = -1
                return .retry(after: nil, reason: error.description)
            }
        }
    }
}
