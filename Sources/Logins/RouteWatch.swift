// SPDX-License-Identifier: Apache-2.0
import Wire

/// What is known of one login route from its events: what they carry, what its answers mean, whether outcomes are missing. Part of `LoginWatch`.
public struct RouteWatch: Sendable {
    public let service: String
    public let route: String
    /// Found, not declared.
    public let isProvisional: Bool
    /// Of a provisional route.
    public let method: String
    public internal(set) var nameSource: String
    public internal(set) var learner: OutcomeLearner
    public internal(set) var drift = DriftAlarm()
    public internal(set) var firstSeconds: Int64
    public internal(set) var lastSeconds: Int64
    private var current = CoverageCounts()
    private var last = CoverageCounts()
    private var stretchStart: Int64

    init(_ event: borrowing LoginEvent, unixSeconds: Int64, learner: OutcomeLearner) {
        func text(_ range: ByteRange, _ bytes: [UInt8]) -> String {
            String(decoding: bytes[range.bounds], as: UTF8.self)
        }
        let bytes = event.bytes
        service = text(event.texts.service, bytes)
        route = text(event.texts.route, bytes)
        method = text(event.texts.method, bytes)
        nameSource = text(event.texts.nameSource, bytes)
        isProvisional = event.isProvisional
        self.learner = learner
        firstSeconds = unixSeconds
        lastSeconds = unixSeconds
        stretchStart = unixSeconds
    }

    mutating func take(_ event: borrowing LoginEvent, unixSeconds: Int64) {
        turn(unixSeconds)
        current.take(event)
        lastSeconds = unixSeconds
        // Whoever came in knows the field's name; whoever comes first may be an attacker who tries names.
        if event.isProvisional && event.outcome == .success && !event.texts.nameSource.isEmpty {
            let source = event.bytes[event.texts.nameSource.bounds]
            if !source.elementsEqual(nameSource.utf8) { nameSource = String(decoding: source, as: UTF8.self) }
        }
        if event.isBlocked || event.status == 0 { return }
        if event.kind == .login || event.kind == .mfaChallenge || event.kind == .lockout {
            drift.take(event.outcome, unixSeconds: unixSeconds)
        }
        if let shape = event.shape {
            var hash = StableHash()
            let bytes = event.bytes
            hash.add(bytes.span.slice(event.texts.login))
            learner.take(shape, name: hash.value, unixSeconds: unixSeconds)
        }
    }

    /// Begins a new stretch when the old one is over.
    mutating func turn(_ unixSeconds: Int64) {
        let age = unixSeconds - stretchStart
        if age < LoginWatch.stretchSeconds { return }
        last = age < 2 * LoginWatch.stretchSeconds ? current : CoverageCounts()
        current = CoverageCounts()
        stretchStart = unixSeconds
    }

    /// The counts of the window: of this stretch and the one before.
    public var counts: CoverageCounts {
        var sum = last
        sum.add(current)
        return sum
    }
}

/// All login routes, declared and found, as their events show them. Fed by the detection queue; bounded. Owned by one thread at a time.
public struct LoginWatch: Sendable {
    /// Half of the window, which holds the last 30 to 60 minutes.
    public static let stretchSeconds: Int64 = 1_800
    static let routeLimit = 1_024
    /// Found routes of one service: an attacker can make up paths, not room.
    public static let provisionalLimit = 32
    private static let idleSeconds: Int64 = 3_600

    public private(set) var routes: [RouteWatch] = []
    /// Events of found routes for which there was no room.
    public private(set) var overflow: UInt64 = 0
    /// Answers were learnt from since the last `learnt()`.
    public private(set) var hasNews = false
    private var index: [UInt64: Int] = [:]
    private var remembered: [UInt64: [OutcomeLearner.Cluster]] = [:]

    public init() {}

    /// Counts an event. A route that is seen for the first time is returned when it was found rather than declared.
    public mutating func take(_ event: borrowing LoginEvent, unixSeconds: Int64) -> RouteWatch? {
        if event.texts.route.isEmpty { return nil }
        let bytes = event.bytes
        let key = StableHash.of(bytes.span.slice(event.texts.service), bytes.span.slice(event.texts.route))
        if event.shape != nil { hasNews = true }
        if let place = index[key], routes[place].isProvisional == event.isProvisional {
            routes[place].take(event, unixSeconds: unixSeconds)
            return nil
        }
        var route = RouteWatch(
            event, unixSeconds: unixSeconds,
            learner: OutcomeLearner(clusters: remembered.removeValue(forKey: key) ?? []))
        route.take(event, unixSeconds: unixSeconds)
        guard let place = room(for: route, key: key, unixSeconds: unixSeconds) else {
            overflow += 1
            return nil
        }
        if place == routes.count { routes.append(route) } else { routes[place] = route }
        index[key] = place
        return route.isProvisional ? route : nil
    }

    private mutating func room(for route: RouteWatch, key: UInt64, unixSeconds: Int64) -> Int? {
        if let place = index[key] { return place }
        let rivals = routes.indices.filter { routes[$0].isProvisional && routes[$0].service == route.service }
        let isFull = route.isProvisional ? rivals.count >= Self.provisionalLimit : routes.count >= Self.routeLimit
        if !isFull { return routes.count >= Self.routeLimit ? nil : routes.count }
        let oldest = rivals.min { routes[$0].lastSeconds < routes[$1].lastSeconds }
        guard let oldest, unixSeconds - routes[oldest].lastSeconds >= Self.idleSeconds || !route.isProvisional else {
            return nil
        }
        index = index.filter { $0.value != oldest }
        return oldest
    }

    /// Forgets what the configuration does not name any more; found routes of services that are named stay.
    public mutating func keep(services: Set<String>, declared: Set<String>) {
        let kept = routes.filter {
            services.contains($0.service) && ($0.isProvisional || declared.contains("\($0.service)\n\($0.route)"))
        }
        routes = kept
        index = Dictionary(
            uniqueKeysWithValues: kept.enumerated().map {
                (StableHash.of(Array($1.service.utf8).span, Array($1.route.utf8).span), $0)
            })
    }

    /// What the loops shall know.
    public mutating func learnt() -> LearntOutcomes {
        hasNews = false
        var outcomes: [UInt64: LearntOutcome] = [:]
        for route in routes {
            let number = StableHash.of(Array(route.service.utf8).span, Array(route.route.utf8).span)
            for cluster in route.learner.clusters {
                outcomes[OutcomeLearner.key(number, cluster.shape)] = route.learner.outcome(of: cluster)
            }
        }
        for (number, clusters) in remembered {
            let learner = OutcomeLearner(clusters: clusters)
            for cluster in clusters {
                outcomes[OutcomeLearner.key(number, cluster.shape)] = learner.outcome(of: cluster)
            }
        }
        return LearntOutcomes(outcomes)
    }

    // MARK: On disk

    /// What was learnt, one JSON object a line.
    public var saved: [UInt8] {
        var out: [UInt8] = []
        for route in routes {
            for cluster in route.learner.clusters {
                var writer = JSONWriter()
                writer.beginObject()
                writer.key("service")
                writer.string(route.service)
                writer.key("route")
                writer.string(route.route)
                let shape = cluster.shape
                let numbers: [(StaticString, UInt64)] = [
                    ("status", UInt64(shape.status)), ("signs", UInt64(shape.signs.rawValue)),
                    ("location", UInt64(shape.location)), ("keys", UInt64(shape.keys)),
                    ("length", UInt64(shape.length)), ("count", cluster.count), ("repeated", cluster.repeated),
                ]
                for (name, value) in numbers {
                    writer.key(name)
                    writer.number(Int64(clamping: value))
                }
                writer.endObject()
                out += writer.bytes
                out.append(10)
            }
        }
        return out
    }

    /// Takes back what `saved` gave; a line that cannot be read is left out.
    public mutating func restore(_ text: [UInt8]) {
        for line in text.split(separator: 10) {
            var values = NamedValues()
            let bytes = Array(line)
            do throws(ContentError) { try JSONReader.read(bytes.span, into: &values) } catch { continue }
            func field(_ name: String) -> String {
                guard let index = values.first(named: Array(name.utf8).span) else { return "" }
                return String(decoding: values.arena[values.entries[index].value.bounds], as: UTF8.self)
            }
            guard let status = UInt16(field("status")), let signs = UInt16(field("signs")),
                let location = UInt32(field("location")), let keys = UInt32(field("keys")),
                let length = UInt8(field("length")), let count = UInt64(field("count")),
                let repeated = UInt64(field("repeated")), remembered.count < Self.routeLimit
            else { continue }
            let key = StableHash.of(Array(field("service").utf8).span, Array(field("route").utf8).span)
            let shape = AnswerShape(
                status: status, signs: .init(rawValue: signs), location: location, keys: keys, length: length)
            if remembered[key, default: []].count < OutcomeLearner.shapeLimit {
                remembered[key, default: []].append(.init(shape: shape, count: count, repeated: repeated))
            }
        }
        hasNews = true
    }
}
