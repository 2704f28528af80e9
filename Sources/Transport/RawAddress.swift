// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A socket address as the kernel wants it. A short-lived value between `SocketAddress` and a system call.
@safe
struct RawAddress {
    private var storage = sockaddr_storage()
    private(set) var length: socklen_t = 0

    init() {}

    mutating func write<Address>(_ address: Address) {
        unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.storeBytes(of: address, as: Address.self) }
        length = socklen_t(MemoryLayout<Address>.size)
    }

    var family: Int32 { Int32(storage.ss_family) }

    func read<Address>(_ type: Address.Type) -> Address {
        unsafe withUnsafeBytes(of: storage) { unsafe $0.load(as: type) }
    }

    /// Hands the address to a system call.
    @unsafe
    func pass<Result>(_ call: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        unsafe withUnsafeBytes(of: storage) { bytes in
            guard let base = bytes.baseAddress else { preconditionFailure("storage without address") }
            return unsafe call(base.assumingMemoryBound(to: sockaddr.self), length)
        }
    }

    /// Lets a system call fill the address.
    @unsafe
    mutating func receive<Result>(
        _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
    ) -> Result {
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            guard let base = bytes.baseAddress else { preconditionFailure("storage without address") }
            return unsafe call(base.assumingMemoryBound(to: sockaddr.self), &size)
        }
        length = min(size, socklen_t(MemoryLayout<sockaddr_storage>.size))
        return result
    }

    /// Lets the resolver's answer in.
    @unsafe
    init?(copying address: UnsafePointer<sockaddr>, length: socklen_t) {
        guard Int(length) <= MemoryLayout<sockaddr_storage>.size else { return nil }
        unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(length)))
        }
        self.length = length
    }
}
