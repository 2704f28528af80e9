// SPDX-License-Identifier: Apache-2.0
import Config
import Glibc

/// The world that reading a configuration sees: files, patterns of file names, the environment.
enum FileAccess {
    /// The longest file that is read: a denylist of ten million lines has some hundred megabytes.
    private static let largestFile = 2 << 30

    static var environment: ReadingEnvironment {
        ReadingEnvironment(
            read: read, glob: glob, variable: { unsafe getenv($0).map { unsafe String(cString: $0) } },
            presetFolders: presetFolders)
    }

    /// The share folder of the prefix in which the program is installed; run from where it was built, the checkout's.
    private static var presetFolders: [String] {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
        if count <= 0 { return [] }
        let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var parts = path.split(separator: "/").dropLast()
        if let build = parts.firstIndex(where: { $0.hasPrefix(".build") }) {
            return ["/" + parts[..<build].joined(separator: "/") + "/config/logins"]
        }
        parts = parts.dropLast()
        return ["/" + (parts + ["share/loginward/logins"]).joined(separator: "/")]
    }

    static func read(_ path: String) -> Result<[UInt8], FileTrouble> {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return .failure(trouble()) }
        defer { close(descriptor) }
        var status = stat()
        if unsafe fstat(descriptor, &status) != 0 { return .failure(trouble()) }
        if status.st_mode & S_IFMT == S_IFDIR { return .failure(FileTrouble("it is a directory")) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(max(0, Int(status.st_size)) + 1)
        var block = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = unsafe Glibc.read(descriptor, &block, block.count)
            if count == 0 { return .success(bytes) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(trouble())
            }
            bytes += block[..<count]
            if bytes.count > largestFile { return .failure(FileTrouble("it is larger than 2 GiB")) }
        }
    }

    /// Makes a file that was not there, for its owner alone; the descriptor, or less than 0.
    static func create(_ path: String) -> Int32 { unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }

    /// Writes a file whole, for its owner alone; false when the disk did not take it.
    static func write(_ bytes: [UInt8], to path: String) -> Bool {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        if descriptor < 0 { return false }
        defer { close(descriptor) }
        var sent = 0
        while sent < bytes.count {
            let rest = Array(bytes[sent...])
            let count = unsafe Glibc.write(descriptor, rest, rest.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return false }
            sent += count
        }
        return fsync(descriptor) == 0
    }

    private static func glob(_ pattern: String) -> [String] {
        var found = unsafe glob_t()
        defer { unsafe globfree(&found) }
        if unsafe Glibc.glob(pattern, 0, nil, &found) != 0 { return [] }
        var paths: [String] = []
        for index in 0..<Int(unsafe found.gl_pathc) {
            if let path = unsafe found.gl_pathv[index] { paths.append(unsafe String(cString: path)) }
        }
        return paths
    }

    private static func trouble() -> FileTrouble { FileTrouble(unsafe String(cString: strerror(errno))) }
}
