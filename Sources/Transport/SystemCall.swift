// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// The kernel's door: each call once, with EINTR retried. Stateless, any thread.
///
/// A result is the call's own value, or the negated errno. Never inlined, so that no reference count is touched between the call and the
/// read of `errno`. EBADF and EFAULT are our bugs, never the world's, and trap.
public enum SystemCall {
    @inline(never)
    private static func failure(_ errno: Int32) -> Int {
        precondition(errno != EBADF && errno != EFAULT, "a system call was given a bad descriptor or address")
        return -Int(errno)
    }

    @inline(never)
    static func close(_ descriptor: Int32) {
        // Linux frees the descriptor also when close is interrupted: a retry could close somebody else's.
        if Glibc.close(descriptor) != 0 { precondition(errno != EBADF, "a descriptor was closed twice") }
    }

    @inline(never)
    static func receive(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            let count = unsafe clinux_take(descriptor, room.baseAddress, room.count)
            if count >= 0 { return count }
            if errno != EINTR { return failure(errno) }
        }
    }

    @inline(never)
    static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, more: Bool) -> Int {
        while true {
            let count = unsafe clinux_give(descriptor, bytes.baseAddress, bytes.count, more ? 1 : 0)
            if count >= 0 { return count }
            if errno != EINTR { return failure(errno) }
        }
    }

    /// Both buffers in one call, the first one first.
    @inline(never)
    static func send(_ descriptor: Int32, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Int {
        var parts: [2 of iovec] = unsafe [
            iovec(iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count),
            iovec(iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress), iov_len: second.count),
        ]
        return unsafe withUnsafeMutablePointer(to: &parts) { pointer in
            var message = unsafe msghdr()
            unsafe message.msg_iov = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: iovec.self)
            unsafe message.msg_iovlen = 2
            while true {
                let count = unsafe sendmsg(descriptor, &message, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
                if count >= 0 { return count }
                if errno != EINTR { return failure(errno) }
            }
        }
    }

    /// A new connection, or the negated errno. Fills `address` with the peer.
    @inline(never)
    static func accept(_ listener: Int32, _ address: inout RawAddress) -> Int {
        while true {
            let descriptor = unsafe address.receive { unsafe clinux_accept(listener, $0, $1) }
            if descriptor >= 0 { return Int(descriptor) }
            if errno != EINTR { return failure(errno) }
        }
    }

    @inline(never)
    static func socket(_ family: Int32, _ type: Int32) -> Int {
        let descriptor = clinux_socket(family, type)
        return descriptor >= 0 ? Int(descriptor) : failure(errno)
    }

    @inline(never)
    static func connect(_ descriptor: Int32, _ address: borrowing RawAddress) -> Int {
        // An interrupted connect goes on in the kernel; asking again would say EALREADY. It is in progress, like any other.
        let result = unsafe address.pass { unsafe Glibc.connect(descriptor, $0, $1) }
        if result == 0 { return 0 }
        return errno == EINTR ? -Int(EINPROGRESS) : failure(errno)
    }

    @inline(never)
    static func bind(_ descriptor: Int32, _ address: borrowing RawAddress) -> Int {
        unsafe address.pass { unsafe Glibc.bind(descriptor, $0, $1) } == 0 ? 0 : failure(errno)
    }

    @inline(never)
    static func listen(_ descriptor: Int32, _ backlog: Int32) -> Int {
        Glibc.listen(descriptor, backlog) == 0 ? 0 : failure(errno)
    }

    @inline(never)
    static func localAddress(_ descriptor: Int32, _ address: inout RawAddress) -> Int {
        unsafe address.receive { unsafe getsockname(descriptor, $0, $1) } == 0 ? 0 : failure(errno)
    }

    @inline(never)
    static func shutdownWrite(_ descriptor: Int32) -> Int {
        shutdown(descriptor, Int32(SHUT_WR)) == 0 ? 0 : failure(errno)
    }

    @inline(never)
    static func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) -> Int {
        var value = value
        let size = socklen_t(MemoryLayout<Int32>.size)
        return unsafe setsockopt(descriptor, level, name, &value, size) == 0 ? 0 : failure(errno)
    }

    /// See `ListeningSocket.refuseNewcomers`.
    @inline(never)
    static func dropNewcomers(_ listener: Int32) -> Int { clinux_drop_newcomers(listener) == 0 ? 0 : failure(errno) }

    /// The option's value, or the negated errno.
    @inline(never)
    static func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return unsafe getsockopt(descriptor, level, name, &value, &size) == 0 ? Int(value) : failure(errno)
    }

    /// Makes a descriptor that somebody else opened like ours: it neither blocks nor survives exec.
    @inline(never)
    static func adopt(_ descriptor: Int32) -> Int {
        let flags = fcntl(descriptor, F_GETFL)
        if flags < 0 { return -Int(errno) }
        if fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0 { return -Int(errno) }
        return fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0 ? -Int(errno) : 0
    }

    static func nameThread(_ name: String) {
        unsafe String(name.prefix(15)).withCString { unsafe clinux_name_thread($0) }
    }

    // MARK: epoll

    @inline(never)
    static func epollCreate() -> Int {
        let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        return descriptor >= 0 ? Int(descriptor) : failure(errno)
    }

    @inline(never)
    static func eventCounter() -> Int {
        let descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        return descriptor >= 0 ? Int(descriptor) : failure(errno)
    }

    @inline(never)
    static func raise(_ eventCounter: Int32) {
        var one: UInt64 = 1
        while unsafe write(eventCounter, &one, 8) < 0 && errno == EINTR {}
    }

    @inline(never)
    static func epollAdd(_ epoll: Int32, _ descriptor: Int32, _ interest: Readiness, token: UInt64) -> Int {
        var event = unsafe epoll_event()
        unsafe event.events = interest.rawValue
        unsafe event.data.u64 = token
        return unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : failure(errno)
    }

    @inline(never)
    static func epollRemove(_ epoll: Int32, _ descriptor: Int32) -> Int {
        epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil) == 0 ? 0 : failure(errno)
    }

    /// Number of events, 0 after `milliseconds` or an interruption.
    @inline(never)
    static func epollWait(_ epoll: Int32, _ events: inout PolledEvents, milliseconds: Int32) -> Int {
        let count = unsafe epoll_wait(epoll, events.base, Int32(PolledEvents.capacity), milliseconds)
        if count >= 0 { return Int(count) }
        return errno == EINTR ? 0 : failure(errno)
    }
}

/// The array that epoll_wait fills. Owned by one loop.
@safe
struct PolledEvents: ~Copyable {
    static let capacity = 256
    fileprivate let base: UnsafeMutablePointer<epoll_event>

    init() {
        unsafe base = .allocate(capacity: PolledEvents.capacity)
        unsafe base.initialize(repeating: epoll_event(), count: PolledEvents.capacity)
    }

    deinit { unsafe base.deallocate() }

    func token(_ index: Int) -> UInt64 {
        precondition(index >= 0 && index < PolledEvents.capacity)
        return unsafe base[index].data.u64
    }

    func readiness(_ index: Int) -> Readiness {
        precondition(index >= 0 && index < PolledEvents.capacity)
        return Readiness(rawValue: unsafe base[index].events)
    }
}
