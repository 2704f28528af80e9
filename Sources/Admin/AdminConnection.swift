// SPDX-License-Identifier: Apache-2.0
import Transport
import Wire

/// One operator's connection: one request, one answer, closed. Confined to the admin loop.
final class AdminConnection: EventTarget {
    private static let headLimit = 16 * 1024
    private static let patience = Duration.seconds(10)
    /// A reload may read lists of millions of lines.
    private static let reloadPatience = Duration.seconds(120)

    private let loop: Loop
    private let actions: AdminActions
    private let closed: () -> Void
    private var stream: Stream
    private let fileDescriptor: Int32
    private var input = ByteBuffer()
    private var output = ByteBuffer()
    private var head = RequestHead()
    private var progress = HeadProgress()
    private var hasRequest = false
    private var isHeadRead = false
    private var headLength = 0
    private var isClosed = false

    init(_ descriptor: consuming Descriptor, loop: Loop, actions: AdminActions, closed: @escaping () -> Void) {
        self.loop = loop
        self.actions = actions
        self.closed = closed
        fileDescriptor = descriptor.raw
        stream = Stream(descriptor: descriptor)
        super.init()
    }

    func start() {
        do throws(Fault) {
            try loop.add(fd: fileDescriptor, self)
        } catch {
            isClosed = true
            closed()
            return
        }
        loop.setDeadline(self, loop.now + Self.patience)
        readMore()
    }

    package override func ready(_ readiness: Readiness, on loop: Loop) {
        if isClosed { return }
        stream.note(readiness)
        if hasRequest { flush() } else { readMore() }
    }

    package override func deadlinePassed(on loop: Loop) { close() }

    private func readMore() {
        while !hasRequest && !isClosed {
            switch stream.read(into: &input, limit: 4096) {
            case .moved: parse()
            case .wouldBlock: return
            case .endOfStream, .failed: close()
            }
        }
    }

    private func parse() {
        if isHeadRead {
            takeBody()
            return
        }
        var limits = HeadLimits()
        limits.headBytes = Self.headLimit
        do throws(HeadError) {
            if try parse(input, limits) {
                isHeadRead = true
                headLength = head.length
                takeBody()
            }
        } catch {
            hasRequest = true
            send(.problem(error.status, "\(error.reason)"))
        }
    }

    private func parse(_ input: borrowing ByteBuffer, _ limits: HeadLimits) throws(HeadError) -> Bool {
        try HeadParser.parseRequest(input.bytes, limits: limits, progress: &progress, into: &head)
    }

    private func body(of input: borrowing ByteBuffer) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(input.bytes.extracting(headLength..<input.count))
        return bytes
    }

    private func text(_ range: ByteRange, of input: borrowing ByteBuffer) -> String {
        var bytes: [UInt8] = []
        bytes.append(input.bytes.slice(range))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Answers when the body, which few endpoints read, is there.
    private func takeBody() {
        let route = AdminRouter.route(
            method: text(head.methodRange, of: input), path: text(head.path, of: input))
        if case .endpoint(let endpoint) = route, let limit = endpoint.bodyLimit {
            guard let index = head.first(.contentLength), let length = Int(text(head.fields[index].value, of: input))
            else {
                hasRequest = true
                send(.problem(411, "a body with Content-Length is needed"))
                return
            }
            if length > limit {
                hasRequest = true
                send(.problem(413, "at most \(limit) bytes"))
                return
            }
            if input.count < headLength + length { return }
        }
        hasRequest = true
        answer()
    }

    private func answer() {
        let method = text(head.methodRange, of: input)
        let query = head.query.map { text($0, of: input) } ?? ""
        switch AdminRouter.route(method: method, path: text(head.path, of: input)) {
        case .answer(let response): send(response)
        case .endpoint(.metrics): send(Metrics.respond(actions))
        case .endpoint(.live), .endpoint(.health): send(Health.live())
        case .endpoint(.ready): send(Health.ready(actions, verbose: query.contains("verbose")))
        case .endpoint(.status): send(Status.respond(actions))
        case .endpoint(.events): send(Events.respond(actions, query: query))
        case .endpoint(.coverage): send(Coverage.respond(actions))
        case .endpoint(.signals): send(Signals.respond(actions))
        case .endpoint(.report):
            let type = head.first(.contentType).map { text(head.fields[$0].value, of: input) } ?? ""
            send(EventReport.respond(actions, body: body(of: input), contentType: type.lowercased()))
        case .endpoint(.showList): send(Lists.respond(actions, .show, query: query, body: []))
        case .endpoint(.addToList): changeList(.add, query)
        case .endpoint(.removeFromList): changeList(.remove, query)
        case .endpoint(.extendInList): changeList(.extend, query)
        case .endpoint(.previewList): changeList(.preview, query)
        case .endpoint(.reload): reload()
        case .endpoint(.testNotification): testNotification(query)
        }
    }

    private func changeList(_ verb: ListQuestion.Verb, _ query: String) {
        let type = head.first(.contentType).map { text(head.fields[$0].value, of: input) } ?? ""
        // As for reports: no page in a browser can send this type unasked.
        if type != Lists.contentType {
            send(.problem(415, "lines of a list are \(Lists.contentType)"))
            return
        }
        loop.setDeadline(self, loop.now + Self.reloadPatience)
        send(Lists.respond(actions, verb, query: query, body: body(of: input)))
    }

    private func reload() {
        loop.setDeadline(self, loop.now + Self.reloadPatience)
        let handle = loop.handle
        let number = ObjectIdentifier(self)
        AdminServer.waiting(self, as: number, on: loop)
        actions.reload { generation, needsRestart, problems in
            let response = Reload.respond(generation: generation, needsRestart: needsRestart, problems: problems)
            handle.post { loop in AdminServer.release(number, on: loop)?.send(response) }
        }
    }

    private func testNotification(_ query: String) {
        loop.setDeadline(self, loop.now + Self.reloadPatience)
        let handle = loop.handle
        let number = ObjectIdentifier(self)
        AdminServer.waiting(self, as: number, on: loop)
        actions.testNotification(NotificationTest.name(in: query)) { isKnown, trouble in
            let response = NotificationTest.respond(isKnown: isKnown, trouble: trouble)
            handle.post { loop in AdminServer.release(number, on: loop)?.send(response) }
        }
    }

    private func send(_ response: AdminResponse) {
        if isClosed { return }
        response.write(isHead: head.method == .head && hasRequest, to: &output)
        loop.setDeadline(self, loop.now + Self.patience)
        flush()
    }

    private func flush() {
        while !output.isEmpty && !isClosed {
            switch stream.write(from: &output) {
            case .moved: if output.isEmpty { close() }
            case .wouldBlock: return
            case .endOfStream, .failed: close()
            }
        }
    }

    private func close() {
        if isClosed { return }
        isClosed = true
        loop.setDeadline(self, .never)
        loop.remove(fd: fileDescriptor)
        closed()
    }
}
