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

    private let path = Guarded<String?>(nil)
    private let queue = DispatchQueue(label: "loginward.access-log")
    private let state = Guarded(State())
    private let descriptor = Guarded<Int32>(-1)

    /// Begins without a file.
    package init() {}

    deinit { use(-1) }

    /// Opens `path` for appending; "-" is standard output.
    package static func open(_ path: String) -> (descriptor: Int32, errno: Int32) {
        let opened = unsafe path == "-" ? dup(1) : Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        return (opened, opened < 0 ? errno : 0)
    }

    /// Writes to this file from now on, which `open` gave for `path`. Blocks already handed over go to the old file.
    package func change(to path: String, descriptor: Int32) {
        self.path.withLock { $0 = path }
        queue.async { self.use(descriptor) }
    }

    /// Opens the file anew (SIGUSR1, after logrotate moved it); keeps the old one when that fails, and says why.
    package func reopen(failed: @escaping @Sendable (_ path: String, _ errno: Int32) -> Void) {
        queue.async { [self] in
            guard let path = path.withLock({ $0 }) else { return }
            let opened = Self.open(path)
            if opened.errno == 0 { use(opened.descriptor) } else { failed(path, opened.errno) }
        }
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

    private func use(_ new: Int32) {
        let old = descriptor.withLock { current -> Int32 in
            let before = current
            current = new
            return before
        }
        if old >= 0 { _ = Glibc.close(old) }
    }
}
