// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Transport
import Wire

/// The access log's file. Shared: workers append blocks under a short lock, a Dispatch queue writes them; a disk that hangs costs
/// lines, counted, and never a request.
package final class LogFile: Sendable {
    /// Bytes that may wait for the disk; what comes on top is dropped and counted.
    private static let waitingLimit = 16 * 1024 * 1024

    private struct State {
        var waiting: [UInt8] = []
        var isWriting = false
        var droppedBytes: UInt64 = 0
        var writeErrors: UInt64 = 0
    }

    private let path: String
    private let queue = DispatchQueue(label: "loginward.access-log")
    private let state = Guarded(State())
    private let descriptor = Guarded<Int32>(-1)

    /// Opens `path` for appending; "-" is standard output. Returns nil and the errno when it cannot.
    package static func open(path: String) -> (file: LogFile?, errno: Int32) {
        let file = LogFile(path: path)
        let code = file.openFile()
        return code == 0 ? (file, 0) : (nil, code)
    }

    private init(path: String) { self.path = path }

    deinit { close() }

    /// Opens the file anew (SIGUSR1, after logrotate moved it). Blocks already handed over go to the old file.
    package func reopen() {
        queue.async { _ = self.openFile() }
    }

    /// Bytes lost to a slow disk and writes that failed, since the start.
    package var losses: (droppedBytes: UInt64, writeErrors: UInt64) {
        state.withLock { ($0.droppedBytes, $0.writeErrors) }
    }

    package func append(_ block: Span<UInt8>) {
        let mustStart = state.withLock { state -> Bool in
            if state.waiting.count + block.count > LogFile.waitingLimit {
                state.droppedBytes += UInt64(block.count)
                return false
            }
            state.waiting.append(block)
            if state.isWriting { return false }
            state.isWriting = true
            return true
        }
        if mustStart { queue.async { self.writeWaiting() } }
    }

    /// Writes everything that was appended so far. Called at the end of the daemon.
    package func drain() { queue.sync { writeWaiting() } }

    private func writeWaiting() {
        while true {
            let block = state.withLock { state -> [UInt8] in
                let taken = state.waiting
                state.waiting = []
                if taken.isEmpty { state.isWriting = false }
                return taken
            }
            if block.isEmpty { return }
            if !write(block) { state.withLock { $0.writeErrors += 1 } }
        }
    }

    private func write(_ block: [UInt8]) -> Bool {
        let target = descriptor.withLock { $0 }
        var done = 0
        while done < block.count {
            let count = unsafe block.withUnsafeBytes {
                unsafe Glibc.write(target, $0.baseAddress.map { unsafe $0 + done }, $0.count - done)
            }
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            done += count
        }
        return true
    }

    private func openFile() -> Int32 {
        let opened = unsafe path == "-" ? dup(1) : Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        if opened < 0 { return errno }
        let old = descriptor.withLock { current -> Int32 in
            let before = current
            current = opened
            return before
        }
        if old >= 0 { _ = Glibc.close(old) }
        return 0
    }

    private func close() {
        let old = descriptor.withLock { $0 }
        if old >= 0 { _ = Glibc.close(old) }
    }
}
