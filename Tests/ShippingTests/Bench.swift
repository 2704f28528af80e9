// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A directory of its own for one test, removed with it.
final class Bench {
    let path: String

    init() {
        var template = Array("/tmp/loginward-spool-XXXXXX".utf8CString)
        unsafe template.withUnsafeMutableBufferPointer { buffer in
            if let start = buffer.baseAddress { _ = unsafe mkdtemp(start) }
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { remove() }

    func remove() {
        for name in names() { _ = unsafe unlink(path + "/" + name) }
        _ = unsafe rmdir(path)
    }

    func create() { _ = unsafe mkdir(path, 0o700) }

    func names() -> [String] {
        guard let stream = unsafe opendir(path) else { return [] }
        defer { _ = unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: entry.pointee.d_name) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func read(_ name: String) -> [UInt8] {
        guard let file = unsafe fopen(path + "/" + name, "r") else { return [] }
        defer { _ = unsafe fclose(file) }
        var bytes: [UInt8] = []
        var byte = unsafe fgetc(file)
        while byte >= 0 {
            bytes.append(UInt8(truncatingIfNeeded: byte))
            byte = unsafe fgetc(file)
        }
        return bytes
    }

    func write(_ name: String, _ bytes: [UInt8]) {
        guard let file = unsafe fopen(path + "/" + name, "w") else { return }
        _ = unsafe bytes.withUnsafeBytes { unsafe fwrite($0.baseAddress, 1, $0.count, file) }
        _ = unsafe fclose(file)
    }
}

func lines(_ range: Range<Int>) -> [[UInt8]] { range.map { Array("{\"n\":\($0)}".utf8) } }
