// SPDX-License-Identifier: Apache-2.0
import Glibc
import Wire

/// Events that a collector refused for good, with its reason, in a file beside the spool: they are out of the way of the others, and nothing is
/// lost without somebody being able to look at it. Bounded: when the file is full it is put aside under `.1`, and what stood there before is
/// gone. Owned by a `Sender`, used on its queue.
struct RefusedEvents: Sendable {
    /// Of the file and of the one before it, each.
    static let maximumBytes = 8 << 20

    let path: String
    private let maximumBytes: Int

    init(directory: String, sink: String, maximumBytes: Int = RefusedEvents.maximumBytes) {
        path = RefusedFile.path(directory: directory, sink: sink)
        self.maximumBytes = maximumBytes
    }

    /// Appends `{"time":…,"reason":…,"event":…}` for each event, which are JSON objects.
    func keep(_ lines: ArraySlice<[UInt8]>, reason: String, unixNanoseconds: Int64) throws(DiskFault) {
        var bytes: [UInt8] = []
        for line in lines {
            var json = JSONWriter(bytes)
            json.beginObject()
            json.key("time")
            var time: [UInt8] = []
            Timestamp.write(unixNanoseconds: unixNanoseconds, to: &time)
            json.string(time.span)
            json.key("reason")
            json.string(reason)
            json.key("event")
            json.raw(line.span)
            json.endObject()
            bytes = json.bytes
            bytes.append(10)
        }
        if (DiskFile.size(path) ?? 0) + bytes.count > maximumBytes { try DiskFile.move(path, to: path + ".1") }
        let descriptor = try DiskFile.open(path, O_WRONLY | O_CREAT | O_APPEND)
        defer { _ = close(descriptor) }
        let result = DiskFile.write(descriptor, bytes)
        if result.code != 0 { throw DiskFault("write", path, result.code) }
    }
}

/// Where they are, for whoever looks at them. Stateless.
package enum RefusedFile {
    package static func path(directory: String, sink: String) -> String { "\(directory)/refused-\(sink).jsonl" }

    /// Lines of both files, oldest first; at most what both may hold.
    package static func lines(directory: String, sink: String) throws(DiskFault) -> [[UInt8]] {
        let path = path(directory: directory, sink: sink)
        var lines: [[UInt8]] = []
        for file in [path + ".1", path] {
            guard let size = DiskFile.size(file) else { continue }
            let bytes = try DiskFile.read(file, from: 0, count: min(size, 2 * RefusedEvents.maximumBytes))
            lines += bytes.split(separator: 10).map(Array.init)
        }
        return lines
    }
}
