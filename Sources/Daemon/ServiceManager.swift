// SPDX-License-Identifier: Apache-2.0
import Glibc
import Transport

/// The other side of systemd, or of a `Keeper` that speaks for it: says how the daemon is, takes the sockets it hands over. Nothing
/// happens without NOTIFY_SOCKET or a keeper.
struct ServiceManager: Sendable {
    /// Names of sockets that an earlier life of this daemon opened begin so.
    private static let keptPrefix = "listener|"

    private let path: String?
    private let keeper: ProcessChannel?
    /// Half of WATCHDOG_USEC, in seconds; nil when no watchdog waits for us.
    let watchdogSeconds: Double?

    init() {
        path = unsafe getenv("NOTIFY_SOCKET").map { unsafe String(cString: $0) }
        let channel = unsafe getenv(Keeper.channelVariable).flatMap { unsafe Int32(String(cString: $0)) }
        let isOurs = unsafe getenv("LISTEN_PID").map { unsafe Int32(String(cString: $0)) == getpid() } ?? false
        keeper = isOurs ? channel.map(ProcessChannel.init) : nil
        if let keeper { _ = fcntl(keeper.descriptor, F_SETFD, FD_CLOEXEC) }
        let microseconds = unsafe getenv("WATCHDOG_USEC").flatMap { unsafe Double(String(cString: $0)) }
        // sd_watchdog_enabled(3): what another process was asked for is not ours to give.
        let isMeant = unsafe getenv("WATCHDOG_PID").map { unsafe Int32(String(cString: $0)) == getpid() } ?? true
        watchdogSeconds = isMeant ? microseconds.map { $0 / 2_000_000 } : nil
    }

    /// This process is the child of a `Keeper`.
    var isKept: Bool { keeper != nil }

    func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }
    func status(_ text: String) { send("STATUS=\(text)") }
    func stopping() { send("STOPPING=1\nSTATUS=draining") }
    func watchdog() { send("WATCHDOG=1") }

    /// systemd asks for the monotonic time in the same datagram (sd_notify(3)).
    func reloading() {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        send(
            "RELOADING=1\nMONOTONIC_USEC=\(Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000)\nSTATUS=reloading"
        )
    }

    /// Has the keeper hold a listening socket beyond our death; in the words of sd_pid_notify_with_fds(3).
    func keep(_ identity: String, descriptor: Int32) {
        guard let name = ServiceManager.keptName(identity) else { return }
        keeper?.send("FDSTORE=1\nFDNAME=\(name)", passing: descriptor)
    }

    /// The keeper closes its copy: nobody shall connect any more.
    func forget(_ identity: String) {
        guard let name = ServiceManager.keptName(identity) else { return }
        keeper?.send("FDSTOREREMOVE=1\nFDNAME=\(name)")
    }

    /// A name may not hold ":". nil when the listener's name cannot be told back.
    private static func keptName(_ identity: String) -> String? {
        if identity.contains("|") || identity.utf8.count > 200 { return nil }
        return keptPrefix + identity.split(separator: ":", omittingEmptySubsequences: false).joined(separator: "|")
    }

    /// The listener that a name of `inheritedSockets` stands for, when an earlier life of this daemon opened it.
    static func keptIdentity(_ name: String) -> String? {
        if !name.hasPrefix(keptPrefix) { return nil }
        return name.dropFirst(keptPrefix.count).split(separator: "|", omittingEmptySubsequences: false)
            .joined(separator: ":")
    }

    /// Sockets handed over by name (LISTEN_FDNAMES), or by number when they have none.
    static func inheritedSockets() -> [String: Int32] {
        guard let pid = unsafe getenv("LISTEN_PID"), unsafe Int32(String(cString: pid)) == getpid(),
            let count = unsafe getenv("LISTEN_FDS").flatMap({ unsafe Int32(String(cString: $0)) }), count > 0,
            count < 1024
        else { return [:] }
        let names = unsafe getenv("LISTEN_FDNAMES").map {
            unsafe String(cString: $0).split(separator: ":", omittingEmptySubsequences: false)
        }
        var sockets: [String: Int32] = [:]
        for offset in 0..<count {
            let descriptor = 3 + offset
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
            let name = names.flatMap { Int(offset) < $0.count ? String($0[Int(offset)]) : nil }
            if let name, !name.isEmpty { sockets[name] = descriptor }
            sockets["\(offset)"] = descriptor
        }
        return sockets
    }

    private func send(_ message: String) {
        if let keeper {
            keeper.send(message)
        } else if let path {
            ServiceManager.send(message, to: path)
        }
    }

    /// One datagram to the socket that NOTIFY_SOCKET names.
    static func send(_ message: String, to path: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        // "@" stands for the abstract namespace.
        if bytes.first == 64 { bytes[0] = 0 }
        let room = MemoryLayout.size(ofValue: address.sun_path)
        if bytes.isEmpty || bytes.count >= room { return }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if descriptor < 0 { return }
        defer { close(descriptor) }
        let length = socklen_t(2 + bytes.count)
        let text = Array(message.utf8)
        unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                _ = unsafe sendto(descriptor, text, text.count, Int32(MSG_NOSIGNAL), generic, length)
            }
        }
    }
}
