// SPDX-License-Identifier: Apache-2.0
import CCurl
import Glibc

/// What became of one attempt to deliver. A value.
enum Delivery: Sendable {
    /// The sink has it, except so many records that it rejected for good.
    case delivered(rejected: UInt64)
    /// The record is nothing for this sink.
    case passedOver
    case retry(after: Duration?, reason: String)
    /// The sink will never take it.
    case refused(reason: String, isTooLarge: Bool)
    /// It decided event by event, by their places in the batch: some are wanted again, some never; all others it has.
    case partly(again: [Int], refused: [(place: Int, reason: String)], after: Duration?, reason: String)
}

/// What a receiver answered. A value.
struct HTTPAnswer: Sendable {
    var status: Int
    var retryAfter: Duration?
    /// Its first MiB.
    var body: [UInt8]
    /// There was more of it.
    var isCut: Bool

    /// What the status alone says.
    var delivery: Delivery {
        switch status {
        case 200..<300: .delivered(rejected: 0)
        case 408, 429, 500..<600: .retry(after: retryAfter, reason: "status \(status)")
        default: .refused(reason: "status \(status)", isTooLarge: status == 413)
        }
    }
}

/// What all handles of libcurl have in common. Stateless.
enum CurlHandle {
    static let isReady = CCurl_start() != 0

    static func apply(_ security: SinkDescription.Security, to handle: UnsafeMutableRawPointer) -> CURLcode {
        var code = CURLE_OK
        if let file = security.caFile { code = unsafe CCurl_set_ca(handle, file) }
        if code == CURLE_OK, let certificate = security.certificate {
            code = unsafe CCurl_set_identity(handle, certificate, security.key ?? certificate)
        }
        return code
    }

    /// Zeroes that cost no memory until an answer comes; `free` takes it.
    static func makeExchange() -> UnsafeMutablePointer<CCurl_exchange> {
        guard let memory = unsafe calloc(1, MemoryLayout<CCurl_exchange>.size) else {
            preconditionFailure("no memory for an exchange")
        }
        return unsafe memory.bindMemory(to: CCurl_exchange.self, capacity: 1)
    }
}

/// One libcurl handle that posts to one URL and keeps its connection. Owned by a `Sender`; `post` only on its queue,
/// `giveUp` from any thread (the exchange's moment is atomic), which is why it may cross threads unchecked.
@safe final class HTTPClient: @unchecked Sendable {
    private let curl: UnsafeMutableRawPointer?
    private let headers: UnsafeMutablePointer<curl_slist>?
    private let exchange: UnsafeMutablePointer<CCurl_exchange>
    private let timeoutMilliseconds: Int
    private let problem: String?
    private let fields: [(String, String)]

    init(url: String, headers fields: [(String, String)], security: SinkDescription.Security, timeout: Duration) {
        unsafe exchange = CurlHandle.makeExchange()
        timeoutMilliseconds = max(1, timeout.milliseconds)
        let handle = unsafe CurlHandle.isReady ? curl_easy_init() : nil
        self.fields = fields
        let list = unsafe Self.list(fields)
        unsafe headers = list
        unsafe curl = handle
        var code = CURLE_FAILED_INIT
        if let handle = unsafe handle {
            code = unsafe CCurl_prepare(handle, url, list, exchange)
            if code == CURLE_OK { code = unsafe CurlHandle.apply(security, to: handle) }
        }
        problem = code == CURLE_OK ? nil : unsafe String(cString: curl_easy_strerror(code))
    }

    deinit {
        if let curl = unsafe curl { unsafe curl_easy_cleanup(curl) }
        unsafe curl_slist_free_all(headers)
        unsafe free(exchange)
    }

    /// Ends what runs now, and whatever begins later, at this moment from now.
    func giveUp(after duration: Duration) {
        unsafe CCurl_give_up_at(exchange, CCurl_now_ms() + Int64(duration.milliseconds))
    }

    /// Posts and waits for the answer; the answer's first MiB goes to `judge` when the status is 2xx.
    func post(_ body: [UInt8], headers more: [(String, String)] = [], judge: ([UInt8]) -> UInt64) -> Delivery {
        ask(body, headers: more) { answer in
            if case .delivered = answer.delivery { return .delivered(rejected: judge(answer.body)) }
            return answer.delivery
        }
    }

    /// Posts with fields of this message alone, and has the answer judged.
    func ask(
        _ body: [UInt8], headers more: [(String, String)] = [], judge: (HTTPAnswer) -> Delivery
    ) -> Delivery {
        guard problem == nil, let handle = unsafe curl else {
            return .retry(after: nil, reason: problem ?? "libcurl did not start")
        }
        var list: UnsafeMutablePointer<curl_slist>?
        if !more.isEmpty {
            unsafe list = Self.list(fields + more)
            _ = unsafe CCurl_set_headers(handle, list)
        }
        defer {
            if unsafe list != nil {
                _ = unsafe CCurl_set_headers(handle, headers)
                unsafe curl_slist_free_all(list)
            }
        }
        let code = unsafe body.withUnsafeBytes { bytes in
            unsafe CCurl_post(handle, exchange, bytes.baseAddress, bytes.count, timeoutMilliseconds)
        }
        if code != CURLE_OK { return .retry(after: nil, reason: unsafe String(cString: curl_easy_strerror(code))) }
        let seconds = unsafe CCurl_retry_after(handle)
        return judge(
            HTTPAnswer(
                status: unsafe CCurl_status(handle), retryAfter: seconds > 0 ? .seconds(min(seconds, 300)) : nil,
                body: answer(), isCut: unsafe exchange.pointee.total > exchange.pointee.length))
    }

    private static func list(_ fields: [(String, String)]) -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        for (name, value) in fields + [("Expect", "")] {
            // curl removes the field it would add when the value is missing, and sends an empty one for a semicolon.
            let line = value.isEmpty ? (name == "Expect" ? "Expect:" : name + ";") : name + ": " + value
            unsafe list = curl_slist_append(list, line)
        }
        return unsafe list
    }

    private func answer() -> [UInt8] {
        let count = unsafe exchange.pointee.length
        return unsafe Array(UnsafeBufferPointer(start: CCurl_answer(exchange), count: count))
    }
}

extension Duration {
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(clamping: seconds.multipliedReportingOverflow(by: 1000).partialValue)
            + Int(attoseconds / 1_000_000_000_000_000)
    }
}
