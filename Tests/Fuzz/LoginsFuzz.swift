// SPDX-License-Identifier: Apache-2.0

import Logins
import Wire

/// What applications report, and what is looked for in bodies and paths that nobody declared.
extension Fuzz {
    static let logins = [Fuzz(name: "report", run: report), Fuzz(name: "finder", run: finder)]

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

    private static func finder(_ bytes: Span<UInt8>) {
        var values = NamedValues()
        FormReader.read(bytes, into: &values)
        _ = LoginFinder.find(in: values)
        var shape: [UInt8] = []
        LoginFinder.appendShape(of: bytes, to: &shape)
        precondition(shape.count <= 160)
    }
}
