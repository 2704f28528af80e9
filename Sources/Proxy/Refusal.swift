// SPDX-License-Identifier: Apache-2.0
import Wire

/// Why we answer instead of the upstream: a peer's bytes, a limit, a list or rule, or a fault behind us. A value; mapped to a
/// status here and nowhere else.
enum Refusal: Equatable, Sendable {
    case malformed(HeadError)
    /// The body breaks its coding or cannot be read for inspection.
    case malformedBody
    case expectationFailed
    case bodyTooLarge
    /// Longer than what can be inspected (`limits.over_body: block`).
    case overBody
    /// A content coding that cannot be inspected (`limits.over_body: block`).
    case unreadableEncoding
    case noSuchService
    case headerTimeout
    case bodyTimeout
    case tooManyConnections
    /// `limits.connections_per_address`
    case tooManyFromAddress
    /// `limits.requests_per_address`
    case tooManyRequests
    /// `limits.delayed`
    case tooManyDelayed
    case noUpstream
    case upstreamUnreachable
    case upstreamClosed
    case upstreamMalformed(HeadError)
    case upstreamTimeout

    /// Status of the answer.
    var status: Int {
        switch self {
        case .malformed(let error): error.status
        case .malformedBody: 400
        case .expectationFailed: 417
        case .bodyTooLarge, .overBody: 413
        case .unreadableEncoding: 415
        case .noSuchService: 421
        case .headerTimeout, .bodyTimeout: 408
        case .tooManyRequests, .tooManyDelayed: 429
        case .tooManyConnections, .tooManyFromAddress, .noUpstream: 503
        case .upstreamUnreachable, .upstreamClosed, .upstreamMalformed: 502
        case .upstreamTimeout: 504
        }
    }

    /// The label in metrics and logs.
    var reason: StaticString {
        switch self {
        case .malformed(let error): error.reason
        case .malformedBody: "malformed_body"
        case .expectationFailed: "expectation_failed"
        case .bodyTooLarge: "body_too_large"
        case .overBody: "over_body"
        case .unreadableEncoding: "unreadable_encoding"
        case .noSuchService: "no_such_service"
        case .headerTimeout: "header_timeout"
        case .bodyTimeout: "body_timeout"
        case .tooManyConnections: "too_many_connections"
        case .tooManyFromAddress: "too_many_from_address"
        case .tooManyRequests: "too_many_requests"
        case .tooManyDelayed: "too_many_delayed"
        case .noUpstream: "no_upstream"
        case .upstreamUnreachable: "upstream_unreachable"
        case .upstreamClosed: "upstream_closed"
        case .upstreamMalformed: "upstream_malformed"
        case .upstreamTimeout: "upstream_timeout"
        }
    }

    /// Position in `Counters.refusals`: the reasons of this file first, then those of a request head.
    var counter: Int {
        switch self {
        case .malformedBody: 0
        case .expectationFailed: 1
        case .bodyTooLarge: 2
        case .overBody: 3
        case .unreadableEncoding: 4
        case .noSuchService: 5
        case .headerTimeout: 6
        case .bodyTimeout: 7
        case .tooManyConnections: 8
        case .noUpstream: 9
        case .upstreamUnreachable: 10
        case .upstreamClosed: 11
        case .upstreamMalformed: 12
        case .upstreamTimeout: 13
        case .tooManyFromAddress: 14
        case .tooManyRequests: 15
        case .tooManyDelayed: 16
        case .malformed(let error): 17 + Int(error.rawValue)
        }
    }

    /// The fault lies behind us, not with the client.
    var isUpstreamFault: Bool {
        switch self {
        case .noUpstream, .upstreamUnreachable, .upstreamClosed, .upstreamMalformed, .upstreamTimeout: true
        default: false
        }
    }

    /// The connection is in order, and closing it would cost us more than the next request.
    var keepsConnection: Bool { isUpstreamFault || self == .tooManyRequests }

    /// Every reason once, in the order of `counter`.
    static var all: [Refusal] {
        let own: [Refusal] = [
            .malformedBody, .expectationFailed, .bodyTooLarge, .overBody, .unreadableEncoding, .noSuchService,
            .headerTimeout,
            .bodyTimeout, .tooManyConnections, .noUpstream, .upstreamUnreachable, .upstreamClosed,
            .upstreamMalformed(HeadError.allCases[0]), .upstreamTimeout, .tooManyFromAddress,
            .tooManyRequests, .tooManyDelayed,
        ]
        return own + HeadError.allCases.map { .malformed($0) }
    }
}
