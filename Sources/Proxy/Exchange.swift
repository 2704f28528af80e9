// SPDX-License-Identifier: Apache-2.0
import Logins
import Rules
import Transport
import Wire

/// One request and its response: what was read, what was judged, what was sent. Decides; never touches a descriptor.
/// Confined to the worker that lends it to one downstream connection at a time and reuses it, so that a steady stream of
/// requests allocates nothing.
final class Exchange {
    /// What became of it, for the access log, the counters and the login event.
    enum Outcome: UInt8, CaseIterable, Sendable {
        case allowed, blocked, monitored, refused, failed

        /// As in metrics, the access log and events (`verdict.action`).
        package var label: StaticString {
            switch self {
            case .allowed: "allow"
            case .blocked: "block"
            case .monitored: "monitor"
            case .refused: "refuse"
            case .failed: "fail"
            }
        }
    }

    // Request.
    /// The head, from its first byte on.
    var requestBytes = ByteBuffer()
    var request = RequestHead()
    var requestFraming = BodyFraming.none
    var requestFlow = BodyFlow()
    /// The path that rules and routes see: decoded once, dot segments removed.
    var path: [UInt8] = []
    var requestID: [UInt8] = []
    var expectsContinue = false
    var wantsUpgrade = false
    var peer = IPAddress(high: 0, low: 0)
    var client = IPAddress(high: 0, low: 0)
    var isSecure = false
    var clientKeepsAlive = false
    /// What the client's HTTP/2 connection looks like; empty on others.
    var http2Print: [UInt8] = []
    /// What the client's TLS looks like; nil without TLS, and where a trusted proxy speaks for the client.
    var tlsPrint: TLSPrint?

    // Inspected body: the bytes as they came, without their transfer coding.
    var isBuffered = false
    var body: [UInt8] = []
    var trailerLines: [UInt8] = []
    var decodedBody: [UInt8] = []
    var queryValues = NamedValues()
    var bodyValues = NamedValues()

    // Judgement.
    var policy: Policy
    var service: ServicePolicy?
    var evaluation = Evaluation()
    var isAllowlisted = false
    /// An allowlist entry says that it is judged and never refused.
    var isMonitored = false
    var outcome = Outcome.allowed
    var status = 0
    /// Rule that decided, or nil; position in the ruleset.
    var decidingRule: Int?
    /// Denylist entry or refusal that decided, for logs and events.
    var reason: [UInt8] = []
    /// `name: value` lines that flag rules add to the upstream request.
    var flagLines: [UInt8] = []
    var login = LoginObservation()
    /// Working memory of the fingerprints.
    var names = SortedTexts()
    /// Decided on the head, carried out once the body of a login was read for its name.
    var pendingAction: RuleAction?
    /// The longest delay that rules asked for; waited once, when everything else let the request pass.
    var delay: Duration?
    /// How long our own answer waits, and the answer that waits.
    var answerWait: Duration?
    var heldAction: RuleAction?
    /// Nanoseconds until a counter that is used up has an allowance again; 0: none is.
    var retryAfter: UInt64 = 0
    /// What counters charged and may give back.
    var charges: [RateCheck.Charge] = []
    /// Matches of `evaluation` that were counted.
    var countedMatches = 0

    // Upstream.
    var upstream: Upstream?
    var pool: UpstreamPool?
    /// Server of `pool` that has or had the request.
    var server = 0
    /// The server's outstanding count includes this exchange.
    var isCharged = false
    var attempts = 0
    /// One bit for each server that failed this request.
    var triedServers: UInt64 = 0
    var sendsRequestChunked = false
    /// Body bytes that were streamed and cannot be sent again.
    var streamedBytes: UInt64 = 0
    /// Addresses of the server's name that took no connection for this request.
    var failedAddresses = 0
    var upstreamStartedAt = MonotonicTime.never
    var upstreamNanoseconds: UInt64 = 0
    var serverName: [UInt8] = []

    // Response.
    var responseBytes = ByteBuffer()
    var response = ResponseHead()
    var responseProgress = HeadProgress()
    var responseFlow = BodyFlow()
    var hasResponseHead = false
    var informationalCount = 0
    var sendsChunked = false
    /// Which sides of the tunnel have ended.
    var tunnelClientEnded = false
    var tunnelServerEnded = false
    /// Copy of the response body for outcome tests, bounded by `limits.body_inspected`.
    var observesBody = false
    var observedBody: [UInt8] = []
    var observedIsIncomplete = false
    var responseValues = NamedValues()

    // Accounts.
    var startedAt = MonotonicTime.never
    var startedUnixNanoseconds: Int64 = 0
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0

    init(policy: Policy) { self.policy = policy }

    /// Makes it as new, keeping its memory. Large buffers are given back, so that one big body does not stay for ever.
    func reset(policy: Policy) {
        if self.policy !== policy { self.policy = policy }
        Exchange.empty(&requestBytes)
        request.reset()
        requestFraming = .none
        requestFlow.start(.none)
        Exchange.empty(&path)
        Exchange.empty(&requestID)
        expectsContinue = false
        wantsUpgrade = false
        // Shared with the connection: emptied in place it would be copied.
        if !http2Print.isEmpty { http2Print = [] }
        if tlsPrint != nil { tlsPrint = nil }
        isBuffered = false
        Exchange.empty(&body)
        Exchange.empty(&trailerLines)
        Exchange.empty(&decodedBody)
        queryValues.reset()
        bodyValues.reset()
        if service != nil { service = nil }
        isAllowlisted = false
        isMonitored = false
        outcome = .allowed
        status = 0
        decidingRule = nil
        Exchange.empty(&reason)
        Exchange.empty(&flagLines)
        login.reset()
        if pendingAction != nil { pendingAction = nil }
        delay = nil
        answerWait = nil
        if heldAction != nil { heldAction = nil }
        retryAfter = 0
        if !charges.isEmpty { charges.removeAll(keepingCapacity: true) }
        countedMatches = 0
        if upstream != nil { upstream = nil }
        if pool != nil { pool = nil }
        server = 0
        isCharged = false
        attempts = 0
        triedServers = 0
        failedAddresses = 0
        sendsRequestChunked = false
        streamedBytes = 0
        upstreamStartedAt = .never
        upstreamNanoseconds = 0
        Exchange.empty(&serverName)
        resetResponse()
        bytesIn = 0
        bytesOut = 0
    }

    func resetResponse() {
        Exchange.empty(&responseBytes)
        response.reset()
        responseFlow.start(.none)
        hasResponseHead = false
        informationalCount = 0
        sendsChunked = false
        responseProgress.reset()
        tunnelClientEnded = false
        tunnelServerEnded = false
        observesBody = false
        Exchange.empty(&observedBody)
        observedIsIncomplete = false
        responseValues.reset()
    }

    /// The request head's bytes, which stay as they are while the exchange lasts: looking at them costs no reference count.
    var requestSpan: Span<UInt8> {
        @_lifetime(borrow self)
        get { unsafe _overrideLifetime(requestBytes.bytes, borrowing: self) }
    }

    /// The response head's bytes, until the next response head is read.
    var responseSpan: Span<UInt8> {
        @_lifetime(borrow self)
        get { unsafe _overrideLifetime(responseBytes.bytes, borrowing: self) }
    }

    private static func empty(_ buffer: inout ByteBuffer) {
        if buffer.capacity <= 16 * 1024 { buffer.removeAll() } else { buffer.release() }
    }

    @inline(__always)
    private static func empty(_ array: inout [UInt8]) {
        if !array.isEmpty { array.removeAll(keepingCapacity: array.capacity <= 16 * 1024) }
    }

    /// Whether the request may be sent to another connection after a fault: nothing of it reached an upstream, or sending
    /// it twice is harmless (RFC 9110 §9.2.2); and it can still be sent whole, and no answer has begun.
    func mayRetry(sentBytes: UInt64, retries: Int) -> Bool {
        if attempts > retries || hasResponseHead || informationalCount > 0 || streamedBytes > 0 { return false }
        return sentBytes == 0 || request.method.isIdempotent
    }
}
