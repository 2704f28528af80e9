// SPDX-License-Identifier: Apache-2.0

import Logins
import Wire

/// What applications report, and what is looked for in bodies and paths that nobody declared.
extension Fuzz {
    static let logins = [
        Fuzz(name: "report", run: report), Fuzz(name: "finder", run: finder), Fuzz(name: "items", run: items),
        Fuzz(name: "state", run: state), Fuzz(name: "query", run: query),
    ]

    /// As a field of an answer and as a body for the admin listener.
    private static func report(_ bytes: Span<UInt8>) {
        var events: [DeclaredEvent] = []
        _ = DeclaredEventReader.read(bytes, into: &events)
        precondition(events.count <= DeclaredEvent.eventLimit)
        var body: [UInt8] = []
        body.append(bytes)
        if let read = try? ReportReader.read(body, services: ["sso"], unixNanoseconds: 0) {
            for event in read { _ = event.line }
        }
        var watch = LoginWatch()
        watch.restore(body)
        _ = watch.learnt()
    }

    /// What somebody types: understood or refused at a place that is there, and asked of an event.
    private static func query(_ bytes: Span<UInt8>) {
        var text: [UInt8] = []
        text.append(bytes)
        let typed = String(decoding: text, as: UTF8.self)
        do throws(QueryProblem) {
            let query = try EventQuery(typed, now: 1_000_000_000_000)
            var event = LoginEvent(capacity: 64)
            event.texts.login = event.add(text)
            event.hasLogin = true
            precondition(query.filter.holds(for: event) != EventFilter.not(query.filter).holds(for: event))
        } catch {
            precondition(error.column >= 1 && error.column <= typed.utf8.count + 1)
        }
    }

    /// A header list of an attacker's making, read into items and remembered.
    private static func items(_ bytes: Span<UInt8>) {
        var list = HeaderList()
        var start = 0
        while start < bytes.count {
            let end = ByteSearch.find(10, in: bytes, from: start) ?? bytes.count
            let line = bytes.extracting(start..<end)
            let colon = ByteSearch.find(58, in: line) ?? line.count
            list.append(line.extracting(0..<colon), line.extracting(min(colon + 1, line.count)..<line.count))
            start = end + 1
        }
        let detector = Detector(settings: DetectionSettings(), seed: 1)
        var attempt = Attempt()
        attempt.time = 1
        attempt.account = 2
        attempt.profile = detector.profile(of: list, tls: bytes, now: 1)
        precondition(attempt.profile == detector.profile(of: list, tls: bytes, now: 2), "one list, one profile")
        let decision = detector.arrive(attempt)
        _ = detector.settle(attempt, decision, succeeded: false)
    }

    /// The body of a detector's state, whatever it holds: it is refused, or what it makes works.
    private static func state(_ bytes: Span<UInt8>) {
        var body: [UInt8] = []
        body.append(bytes)
        let sealed = Detector.sealed(body, seed: 1)
        guard let detector = try? Detector.restored(from: sealed, settings: DetectionSettings(), seed: 1) else {
            return
        }
        var attempt = Attempt()
        attempt.time = 2_000_000
        attempt.account = 2
        attempt.profile = detector.profile(of: HeaderList(), tls: bytes, now: 2_000_000)
        let decision = detector.arrive(attempt)
        if decision.action != .block { _ = detector.settle(attempt, decision, succeeded: false) }
        _ = detector.takeChanges()
        _ = detector.snapshot()
    }

    private static func finder(_ bytes: Span<UInt8>) {
        var values = NamedValues()
        FormReader.read(bytes, into: &values)
        _ = LoginFinder.find(in: values)
        var shape: [UInt8] = []
        LoginFinder.appendShape(of: bytes, to: &shape)
        precondition(shape.count <= 160)
    }
}
