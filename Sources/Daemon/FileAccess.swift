// SPDX-License-Identifier: Apache-2.0
import Config
import Glibc

/// The world that reading a configuration sees: files, patterns of file names, the environment.
enum FileAccess {
    /// The longest file that is read: a denylist of ten million lines has some hundred megabytes.
    private static let largestFile = 2 << 30

    static var environment: ReadingEnvironment {
        ReadingEnvironment(read: read, glob: glob, variable: { unsafe getenv($0).map { unsafe String(cString: $0) } })
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
