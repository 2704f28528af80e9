// SPDX-License-Identifier: Apache-2.0
import Glibc
import Transport

/// The parent of the daemon (`run --supervise`): holds a copy of every listening socket, so that none is refused when the daemon dies,
/// and starts it again. One thread, no loop, no configuration: what does not read the network does not die of it.
///
/// Towards the daemon it plays the service manager (sd_notify, the store of descriptors, socket activation); what the daemon says goes
/// on to the real one. Signals are passed on; the exit status is the daemon's.
struct Keeper {
    /// Says under which number the daemon finds its channel to the keeper.
    static let channelVariable = "LOGINWARD_KEEPER"
    static let restartsVariable = "LOGINWARD_RESTARTS"

    /// A daemon that lived so long was not in a crash loop.
    private static let settledAfter = Duration.milliseconds(100)
    /// Daemons that died sooner, one after the other, until the next one has to wait.
    private static let quickDeathsAllowed = 2
    private static let firstDelay = Duration.milliseconds(50)
    private static let longestDelay = Duration.seconds(10)
    private static let mostSockets = 48

    private let log: Logs
    private let inbox: SignalInbox
    private let ours: ProcessChannel
    private let theirs: ProcessChannel
    private let notifyPath = unsafe getenv("NOTIFY_SOCKET").map { unsafe String(cString: $0) }
    /// By the service manager, in its order.
    private let given: [(name: String, descriptor: Int32)]
    private var kept: [(name: String, descriptor: Int32)] = []
    private var child: Int32?
    private var readyAt: MonotonicTime?
    private var wasEverReady = false
    private var isStopping = false
    private var quickDeaths = 0
    private var delay = Duration.zero
    private var startsAt = MonotonicTime.never
    private var restarts = 0

    /// Until the daemon ends for good; its exit status.
    static func run(_ log: Logs) -> Int32 {
        do throws(Fault) {
            var keeper = try Keeper(log)
            return try keeper.run()
        } catch {
            log.error("cannot keep the daemon", ["fault": error.description])
            return ExitStatus.failure
        }
    }

    private init(_ log: Logs) throws(Fault) {
        self.log = log
        inbox = try SignalInbox([SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1])
        (ours, theirs) = try ProcessChannel.pair()
        given = Keeper.givenSockets()
        // A watchdog that was asked of us is asked of the daemon.
        let watched = unsafe getenv("WATCHDOG_PID").flatMap { unsafe Int32(String(cString: $0)) }
        if watched == getpid() { unsafe unsetenv("WATCHDOG_PID") }
    }

    private static func givenSockets() -> [(name: String, descriptor: Int32)] {
        let count = Set(ServiceManager.inheritedSockets().values).count
        let names = unsafe getenv("LISTEN_FDNAMES").map {
            unsafe String(cString: $0).split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
        return (0..<count).map { index in
            let name = names.flatMap { index < $0.count ? $0[index] : nil } ?? ""
            return (name, Int32(3 + index))
        }
    }

    private mutating func run() throws(Fault) -> Int32 {
        try start()
        while true {
            waitForNews()
            readMessages()
            while let number = inbox.next() {
                if let status = deal(with: number) { return status }
            }
            if child == nil && startsAt <= .now() { try start() }
        }
    }

    private func waitForNews() {
        var news = [
            pollfd(fd: inbox.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: ours.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let left = max(.zero, startsAt - .now())
        let milliseconds = child == nil ? Int32(clamping: left.nanoseconds / 1_000_000 + 1) : -1
        _ = unsafe poll(&news, 2, milliseconds)
    }

    // MARK: The daemon's life

    private mutating func start() throws(Fault) {
        let sockets = given + kept
        let names = sockets.map(\.name).joined(separator: ":")
        unsafe setenv("LISTEN_FDS", "\(sockets.count)", 1)
        unsafe setenv("LISTEN_FDNAMES", names, 1)
        unsafe setenv(Keeper.channelVariable, "\(3 + sockets.count)", 1)
        unsafe setenv(Keeper.restartsVariable, "\(restarts)", 1)
        readyAt = nil
        startsAt = .never
        child = try ChildProcess.startAgain(descriptors: sockets.map(\.descriptor) + [theirs.descriptor])
    }

    /// The exit status when all is over.
    private mutating func deal(with number: Int32) -> Int32? {
        switch number {
        case SIGCHLD:
            var status: Int32 = 0
            while true {
                let ended = unsafe waitpid(-1, &status, WNOHANG)
                if ended <= 0 { return nil }
                if ended == child, let code = childEnded(status) { return code }
            }
        case SIGTERM, SIGINT:
            isStopping = true
            guard let child else { return 0 }
            kill(child, SIGTERM)
        default:
            // One that is not there reads everything anew when it starts.
            if let child { kill(child, number) }
        }
        return nil
    }

    private mutating func childEnded(_ status: Int32) -> Int32? {
        child = nil
        // What it said last may be a socket to hold.
        readMessages()
        let signal = status & 0x7f
        let code = signal == 0 ? (status >> 8) & 0xff : ExitStatus.failure
        if isStopping { return signal == SIGTERM ? 0 : code }
        if signal == 0 && code == 0 { return 0 }
        var fields = signal == 0 ? ["status": "\(code)"] : ["signal": "\(signal)"]
        if !wasEverReady {
            if signal != 0 { log.error("the daemon died while it started", fields) }
            return code
        }
        let hasSettled = readyAt.map { .now() - $0 >= Keeper.settledAfter } ?? false
        quickDeaths = hasSettled ? 0 : quickDeaths + 1
        let waits = quickDeaths > Keeper.quickDeathsAllowed
        delay = waits ? min(max(delay * 2, Keeper.firstDelay), Keeper.longestDelay) : .zero
        startsAt = .now() + delay
        restarts += 1
        fields["restarts"] = "\(restarts)"
        fields["delay"] = delay.description
        log.error("the daemon died and is started again", fields)
        if let notifyPath { ServiceManager.send("STATUS=starting again", to: notifyPath) }
        return nil
    }

    // MARK: What the daemon says

    private mutating func readMessages() {
        while let (text, passed) = ours.receive() {
            let lines = text.split(separator: "\n")
            if lines.contains("FDSTORE=1") || lines.contains("FDSTOREREMOVE=1") {
                let name = lines.first { $0.hasPrefix("FDNAME=") }.map { String($0.dropFirst(7)) } ?? ""
                store(name, passed)
                continue
            }
            if let passed { close(passed) }
            if lines.contains("READY=1") {
                if readyAt == nil { readyAt = .now() }
                wasEverReady = true
            }
            if let notifyPath { ServiceManager.send(text, to: notifyPath) }
        }
    }

    /// Holds `descriptor` under `name` in place of what stood there; nil: nothing.
    private mutating func store(_ name: String, _ descriptor: Int32?) {
        for socket in kept where socket.name == name { close(socket.descriptor) }
        kept.removeAll { $0.name == name }
        guard let descriptor else { return }
        if kept.count + given.count < Keeper.mostSockets {
            kept.append((name, descriptor))
        } else {
            close(descriptor)
        }
    }
}
