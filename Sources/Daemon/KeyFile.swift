// SPDX-License-Identifier: Apache-2.0
import Glibc
import Wire

/// Keys that the daemon makes for itself, in the state directory: one line of hexadecimal digits that nobody else may read. Stateless.
enum KeyFile {
    private static let mode: mode_t = 0o600

    /// The key that stands there, or a new one. Where it cannot be written, that is said: what depends on it ends with this run.
    static func read(_ path: String, bytes count: Int, _ log: Logs) -> [UInt8] {
        if case .success(let text) = FileAccess.read(path), !text.isEmpty {
            if let key = parse(text, count) { return key }
            _ = unsafe rename(path, path + ".unreadable")
            log.error(
                "a key cannot be read and is set aside: what was made with it is worth nothing now", ["path": path])
        }
        var random = SystemRandomNumberGenerator()
        let key = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        if descriptor < 0 {
            log.error("cannot keep a key: what depends on it ends with this run", ["path": path])
            return key
        }
        Terminal.write(key.flatMap { Array(digits($0).utf8) } + [10], to: descriptor)
        _ = close(descriptor)
        return key
    }

    private static func digits(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }

    /// Leading zeros may be left out.
    private static func parse(_ text: [UInt8], _ count: Int) -> [UInt8]? {
        var line = text.prefix { $0 != 10 }
        if line.isEmpty || line.count > 2 * count { return nil }
        line = [UInt8](repeating: 48, count: 2 * count - line.count) + line
        var key: [UInt8] = []
        for start in stride(from: line.startIndex, to: line.endIndex, by: 2) {
            guard let byte = UInt8(String(decoding: line[start..<start + 2], as: UTF8.self), radix: 16) else {
                return nil
            }
            key.append(byte)
        }
        return key
    }
}
