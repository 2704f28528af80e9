// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc

/// One client of the demo: reads requests one after the other, writes their answers. Confined to the server's queue.
final class Connection {
    private let descriptor: Int32
    private let queue: DispatchQueue
    private let service: IdentityProvider
    private let ended: () -> Void
    private let readable: any DispatchSourceRead
    private var writable: (any DispatchSourceWrite)?
    private var input: [UInt8] = []
    private var output: [UInt8] = []
    private var wait: (any DispatchSourceTimer)?
    private var isLast = false
    private var isOpen = true

    init(_ descriptor: Int32, queue: DispatchQueue, service: IdentityProvider, ended: @escaping () -> Void) {
        self.descriptor = descriptor
        self.queue = queue
        self.service = service
        self.ended = ended
        readable = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        readable.setEventHandler { [weak self] in self?.read() }
        readable.setCancelHandler { close(descriptor) }
        readable.resume()
    }

    /// Closes the descriptor once no source looks at it.
    func end() {
        guard isOpen else { return }
        isOpen = false
        wait?.cancel()
        writable?.cancel()
        readable.cancel()
        ended()
    }

    private func read() {
        // A client that sends faster than it is answered waits in the kernel's buffer.
        if input.count > Request.largestHead + 2 * Request.largestBody { return end() }
        if !Socket.receive(descriptor, into: &input) { return end() }
        answer()
    }

    private func answer() {
        while isOpen && wait == nil && !isLast && writable == nil && !input.isEmpty {
            switch Request.read(input) {
            case .incomplete:
                if expectsContinue { send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
                return
            case .refused(let status):
                isLast = true
                send(Response.text(status, "refused").bytes(isHead: false, isLast: true))
            case .request(let request, let length):
                input.removeFirst(length)
                hasContinued = false
                answer(request)
            }
        }
    }

    private func answer(_ request: Request) {
        let response = service.answer(request)
        let bytes = response.bytes(isHead: request.method == "HEAD", isLast: request.isLast)
        isLast = request.isLast
        if response.delay == 0 { return send(bytes) }
        let timer = DispatchSource.makeTimerSource(queue: queue)
        timer.schedule(deadline: .now() + response.delay)
        timer.setEventHandler { [weak self] in
            self?.wait = nil
            self?.send(bytes)
            self?.answer()
        }
        timer.resume()
        wait = timer
    }

    private var hasContinued = false

    /// A head is complete and its sender waits for leave to send the body (RFC 9110 §10.1.1). True once a request.
    private var expectsContinue: Bool {
        guard !hasContinued, input.count < Request.largestHead else { return false }
        let text = String(decoding: input, as: UTF8.self).lowercased()
        hasContinued = text.contains("\r\n\r\n") && text.contains("\r\nexpect: 100-continue\r\n")
        return hasContinued
    }

    private func send(_ bytes: [UInt8]) {
        output += bytes
        write()
    }

    private func write() {
        guard isOpen else { return }
        if !output.isEmpty && !Socket.send(descriptor, from: &output) { return end() }
        if output.isEmpty {
            writable?.cancel()
            writable = nil
            if isLast { end() }
        } else if writable == nil {
            let source = DispatchSource.makeWriteSource(fileDescriptor: descriptor, queue: queue)
            source.setEventHandler { [weak self] in
                self?.write()
                self?.answer()
            }
            source.resume()
            writable = source
        }
    }
}
