// SPDX-License-Identifier: Apache-2.0
import Wire

/// What a query may ask of an event, by the names that the event has in its native form.
public enum EventField: Hashable, Sendable {
    case id, time, event, service, route
    case login, userID, exists
    case clientIP, peerIP, method, path, host, version, status, userAgent, headerNames
    case fingerprintHTTP, fingerprintHeader, fingerprintNetwork, fingerprintSession, fingerprintHTTP2
    case fingerprintClient, fingerprintJA4, fingerprintJA3
    case tlsVersion, tlsCipher, tlsServerName
    case action, rule, reason, blocked
    case duration, requestID
    case tag([UInt8])

    /// What values of a field are, and so what they may be compared with.
    public enum Kind: Sendable {
        case text, address, number, flag, time
        /// Several texts: it is asked whether one is among them.
        case texts
    }

    /// All but tags, in the order of the native form.
    public static let named: [(name: String, field: EventField)] = [
        ("id", .id), ("time", .time), ("event", .event), ("service", .service), ("route", .route),
        ("usr.login", .login), ("usr.id", .userID), ("usr.exists", .exists), ("http.client_ip", .clientIP),
        ("http.peer_ip", .peerIP), ("http.method", .method), ("http.path", .path), ("http.host", .host),
        ("http.version", .version), ("http.status_code", .status), ("http.user_agent", .userAgent),
        ("http.header_names", .headerNames), ("fingerprint.http", .fingerprintHTTP),
        ("fingerprint.header", .fingerprintHeader), ("fingerprint.network", .fingerprintNetwork),
        ("fingerprint.session", .fingerprintSession), ("fingerprint.http2", .fingerprintHTTP2),
        ("fingerprint.client", .fingerprintClient), ("fingerprint.ja4", .fingerprintJA4),
        ("fingerprint.ja3", .fingerprintJA3),
        ("tls.version", .tlsVersion), ("tls.cipher", .tlsCipher), ("tls.server_name", .tlsServerName),
        ("verdict.action", .action), ("verdict.rule", .rule), ("verdict.reason", .reason), ("blocked", .blocked),
        ("duration_ms", .duration), ("request_id", .requestID),
    ]

    /// The field of a name; `tags.NAME` is every tag.
    public init?(name: String) {
        if name.hasPrefix("tags.") && name.utf8.count > 5 {
            self = .tag(Array(name.utf8.dropFirst(5)))
        } else if let found = EventField.named.first(where: { $0.name == name }) {
            self = found.field
        } else {
            return nil
        }
    }

    public var name: String {
        if case .tag(let name) = self { return "tags." + String(decoding: name, as: UTF8.self) }
        return EventField.named.first { $0.field == self }?.name ?? ""
    }

    public var kind: Kind {
        switch self {
        case .time: .time
        case .exists, .blocked: .flag
        case .clientIP, .peerIP: .address
        case .status, .duration: .number
        case .headerNames: .texts
        default: .text
        }
    }
}

extension LoginEvent {
    /// Where the text of a field stands that is kept as it came; empty: unknown, or no such text.
    func range(of field: EventField) -> ByteRange {
        switch field {
        case .id: texts.id
        case .service: texts.service
        case .route: texts.route
        case .login: texts.login
        case .userID: texts.userID
        case .method: texts.method
        case .path: texts.path
        case .host: texts.host
        case .userAgent: texts.userAgent
        case .headerNames: texts.headerNames
        case .fingerprintHTTP: texts.fingerprintHTTP
        case .fingerprintHeader: texts.fingerprintHeader
        case .fingerprintNetwork: texts.fingerprintNetwork
        case .fingerprintSession: texts.fingerprintSession
        case .fingerprintHTTP2: texts.fingerprintHTTP2
        case .fingerprintClient: texts.fingerprintClient
        case .fingerprintJA4: texts.fingerprintJA4
        case .fingerprintJA3: texts.fingerprintJA3
        case .tlsVersion: texts.tlsVersion
        case .tlsCipher: texts.tlsCipher
        case .tlsServerName: texts.tlsServerName
        case .rule: texts.rule
        case .reason: texts.reason
        case .requestID: texts.requestID
        case .time, .event, .exists, .clientIP, .peerIP, .version, .status, .action, .blocked, .duration, .tag: .empty
        }
    }

    /// The value of a field as text, as the native form has it; nil: unknown.
    public func text(of field: EventField) -> [UInt8]? {
        var out: [UInt8] = []
        switch field {
        case .time: Timestamp.write(unixNanoseconds: unixNanoseconds, to: &out)
        case .event: appendName(to: &out)
        case .login: if !hasLogin { return nil } else { out = Array(bytes[texts.login.bounds]) }
        case .exists: if let exists { out.append(exists ? "true" : "false") } else { return nil }
        case .blocked: out.append(isBlocked ? "true" : "false")
        case .clientIP: if client.isUnspecified { return nil } else { client.write(to: &out) }
        case .peerIP: if peer.isUnspecified { return nil } else { peer.write(to: &out) }
        case .version: if peer.isUnspecified { return nil } else { out.append(version.text) }
        case .status: if status == 0 { return nil } else { out += Array("\(status)".utf8) }
        case .duration: out += Array("\(Double(durationMicroseconds) / 1_000)".utf8)
        case .action: out.append(action.text)
        case .tag(let name):
            guard let tag = tags.first(where: { bytes[$0.name.bounds].elementsEqual(name) }) else {
                return name.elementsEqual("outcome".utf8) && outcome == .unknown ? Array("unknown".utf8) : nil
            }
            out = Array(bytes[tag.value.bounds])
        default:
            let range = range(of: field)
            if range.isEmpty { return nil }
            out = Array(bytes[range.bounds])
        }
        return out
    }
}
