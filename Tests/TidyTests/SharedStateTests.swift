// SPDX-License-Identifier: Apache-2.0

import Testing

/// State is confined, immutable or shared. Shared state and unsafe expressions stand in the files named here, and nowhere else:
/// a reader who looks for a data race or a wild pointer has only these to read.
@Suite struct SharedStateTests {
    /// Files where an expression may be `unsafe`: the doors to C, and the memory that a loop hands to the kernel.
    static let unsafe: Set<String> = [
        "Sources/Admin/AdminClient.swift",
        "Sources/Admin/AdminServer.swift",
        "Sources/Archive/Database.swift",
        "Sources/Archive/EventStore.swift",
        "Sources/Daemon/Outputs.swift",
        "Sources/Daemon/Coverage.swift",
        "Sources/Daemon/LineFile.swift",
        "Sources/Daemon/DetectionMemory.swift",
        "Sources/Daemon/FileAccess.swift",
        "Sources/Daemon/Gate.swift",
        "Sources/Daemon/Keeper.swift",
        "Sources/Daemon/KeyFile.swift",
        "Sources/Daemon/Logs.swift",
        "Sources/Daemon/MetricsReport.swift",
        "Sources/Daemon/ServiceManager.swift",
        "Sources/Daemon/Supervisor.swift",
        "Sources/Daemon/Terminal.swift",
        "Sources/Demo/Socket.swift",
        "Sources/Demo/main.swift",
        "Sources/HTTP2/HTTP2Callbacks.swift",
        "Sources/HTTP2/HTTP2Session.swift",
        "Sources/HTTP2/HTTP2Stream.swift",
        "Sources/Logins/Digest.swift",
        "Sources/Logins/Fingerprint.swift",
        "Sources/Logins/MessageCode.swift",
        "Sources/Patterns/Pattern.swift",
        "Sources/Patterns/PatternDatabase.swift",
        "Sources/Proxy/Exchange.swift",
        "Sources/Proxy/LogFile.swift",
        "Sources/Rules/Transforms/HTMLEntityDecode.swift",
        "Sources/Rules/Matchers/Injection.swift",
        "Sources/Rules/Transforms/RemoveComments.swift",
        "Sources/Rules/Transforms/UnicodeNormalize.swift",
        "Sources/Shipping/HTTPClient.swift",
        "Sources/Shipping/LineConnection.swift",
        "Sources/Shipping/MailClient.swift",
        "Sources/Shipping/Sending/Host.swift",
        "Sources/Shipping/Spool/CRC32C.swift",
        "Sources/Shipping/Spool/DiskFile.swift",
        "Sources/Transport/Fault.swift",
        "Sources/Transport/ListeningSocket.swift",
        "Sources/Transport/MonotonicTime.swift",
        "Sources/Transport/OpenSSL.swift",
        "Sources/Transport/Processes.swift",
        "Sources/Transport/RawAddress.swift",
        "Sources/Transport/Resolver.swift",
        "Sources/Transport/SocketAddress.swift",
        "Sources/Transport/Stream.swift",
        "Sources/Transport/SystemCall.swift",
        "Sources/Transport/TLSContext.swift",
        "Sources/Transport/TLSPrint.swift",
        "Sources/Transport/TLSSession.swift",
        "Sources/Transport/TLSSessionCache.swift",
        "Sources/Wire/ByteBuffer.swift",
        "Sources/Wire/BufferPool.swift",
        "Sources/Wire/ByteScan.swift",
        "Sources/Wire/Deflater.swift",
        "Sources/Wire/FieldName.swift",
        "Sources/Wire/HTTPDate.swift",
        "Sources/Wire/Inflater.swift",
        "Sources/Wire/JSONReader.swift",
        "Sources/Wire/MultipartReader.swift",
        "Sources/Wire/RequestLine.swift",
        "Sources/Wire/ULID.swift",
    ]

    /// Files with state that several threads touch.
    static let shared: Set<String> = [
        "Sources/Archive/EventStore.swift",
        "Sources/Daemon/Coverage.swift",
        "Sources/Daemon/DetectionQueue.swift",
        "Sources/Daemon/EventReports.swift",
        "Sources/Daemon/Gate.swift",
        "Sources/Daemon/Logs.swift",
        "Sources/Daemon/LoopSet.swift",
        "Sources/Daemon/Notifications/Notifications.swift",
        "Sources/Daemon/Registries.swift",
        "Sources/Daemon/Outputs.swift",
        "Sources/Daemon/Reloader.swift",
        "Sources/Daemon/SessionMemory.swift",
        "Sources/Daemon/Ticker.swift",
        "Sources/Lists/RunTimeLists.swift",
        "Sources/Patterns/Pattern.swift",
        "Sources/Patterns/PatternDatabase.swift",
        "Sources/Proxy/AttemptLedger.swift",
        "Sources/Proxy/EventRing.swift",
        "Sources/Proxy/LogFile.swift",
        "Sources/Proxy/Mimic/FailureMemory.swift",
        "Sources/Proxy/Rates/RateTable.swift",
        "Sources/Proxy/Sessions/SessionTokens.swift",
        "Sources/Proxy/UpstreamHealth.swift",
        "Sources/Shipping/HTTPClient.swift",
        "Sources/Shipping/LineConnection.swift",
        "Sources/Shipping/MailClient.swift",
        "Sources/Shipping/Sending/FileWriter.swift",
        "Sources/Shipping/Sending/Sender.swift",
        "Sources/Shipping/Shipper.swift",
        "Sources/Shipping/Spool/Spool.swift",
        "Sources/Transport/Guarded.swift",
        "Sources/Transport/LoopHandle.swift",
        "Sources/Transport/TLSContext.swift",
        "Sources/Transport/TLSSessionCache.swift",
    ]

    @Test func `unsafe expressions stand where they may`() {
        check(/\bunsafe\b/, in: Self.unsafe)
    }

    @Test func `shared state stands where it may`() {
        check(/\bMutex\b|\bGuarded[<(]|\bAtomic<|@unchecked Sendable|nonisolated\(unsafe\)/, in: Self.shared)
    }

    private func check(_ pattern: some RegexComponent, in allowed: Set<String>) {
        var found: Set<String> = []
        for file in SourceTree.sources {
            guard let first = file.places(pattern).first else { continue }
            found.insert(file.path)
            #expect(allowed.contains(file.path), "\(file.path):\(first)")
        }
        // A file that no longer needs the permission loses it.
        for path in allowed.subtracting(found).sorted() where SourceTree.exists(path) {
            Issue.record("\(path) is named here and holds no such thing")
        }
    }
}
