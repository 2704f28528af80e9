// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// One end of a channel between two processes that carries short texts and descriptors.
package struct ProcessChannel: Sendable {
    /// A text holds at most so many bytes; a longer one arrives cut.
    private static let textBytes = 4096

    package let descriptor: Int32

    package init(descriptor: Int32) { self.descriptor = descriptor }

    /// Two connected ends. Neither survives exec.
    package static func pair() throws(Fault) -> (ProcessChannel, ProcessChannel) {
        var ends: [2 of Int32] = [-1, -1]
        let result = unsafe withUnsafeMutablePointer(to: &ends) {
            unsafe $0.withMemoryRebound(to: Int32.self, capacity: 2) { unsafe clinux_channel($0) }
        }
        if result != 0 { throw Fault(.internal, "socketpair", errno: errno) }
        return (ProcessChannel(descriptor: ends[0]), ProcessChannel(descriptor: ends[1]))
    }

    /// Sends `text`, with a copy of `passed` when it is given. False: the other end is gone.
    @discardableResult
    package func send(_ text: String, passing passed: Int32? = nil) -> Bool {
        let bytes = Array(text.utf8)
        return unsafe bytes.withUnsafeBytes {
            unsafe clinux_send(descriptor, $0.baseAddress, $0.count, passed ?? -1) == 0
        }
    }

    /// The next text that is there; nil when there is none. The descriptor that came with it is the caller's to close.
    package func receive() -> (text: String, passed: Int32?)? {
        var passed: Int32 = -1
        var room = [UInt8](repeating: 0, count: ProcessChannel.textBytes)
        let count = unsafe room.withUnsafeMutableBytes {
            unsafe clinux_receive(descriptor, $0.baseAddress, $0.count, &passed)
        }
        if count <= 0 { return nil }
        return (String(decoding: room[0..<count], as: UTF8.self), passed >= 0 ? passed : nil)
    }
}

/// Signals as something to wait for.
package struct SignalInbox: Sendable {
    package let descriptor: Int32

    /// From now on these signals arrive here and nowhere else.
    package init(_ numbers: [Int32]) throws(Fault) {
        let result = unsafe numbers.withUnsafeBufferPointer {
            unsafe clinux_signals($0.baseAddress, Int32($0.count))
        }
        if result < 0 { throw Fault(.internal, "signalfd", errno: errno) }
        descriptor = result
    }

    /// The next one that is there, or nil.
    package func next() -> Int32? {
        let number = clinux_next_signal(descriptor)
        return number == 0 ? nil : number
    }
}

/// Starting this program again, as a child.
package enum ChildProcess {
    /// Runs the file of this process with the arguments of this process. The child finds `descriptors` at 3 and above and dies with us.
    /// Only while the process has one thread.
    package static func startAgain(descriptors: [Int32]) throws(Fault) -> Int32 {
        // The file that we are, also when the package was upgraded meanwhile.
        let child = unsafe "/proc/self/exe".withCString { program in
            unsafe descriptors.withUnsafeBufferPointer {
                unsafe clinux_spawn(program, CommandLine.unsafeArgv, $0.baseAddress, Int32($0.count))
            }
        }
        if child < 0 { throw Fault(.internal, "fork", errno: errno) }
        return child
    }
}
