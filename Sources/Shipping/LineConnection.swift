// SPDX-License-Identifier: Apache-2.0
import CCurl
import Glibc

/// A connection over TCP or TLS for bytes that get no answer, opened when it is needed. Owned by a `Sender`; `send` only on its queue, `giveUp` from
/// any thread (the exchange's moment is atomic), which is why it may cross threads unchecked.
@safe final class LineConnection: @unchecked Sendable {
    private let url: String
    private let security: SinkDescription.Security
    private let timeoutMilliseconds: Int
    private let exchange: UnsafeMutablePointer<CCurl_exchange>
    private var handle: UnsafeMutableRawPointer?

    /// `url` begins with tcp:// or tls://.
    init(url: String, security: SinkDescription.Security, timeout: Duration) {
        let rest = url.dropFirst(6)
        self.url = (url.hasPrefix("tls://") ? "https://" : "http://") + rest
        self.security = security
        timeoutMilliseconds = max(1, timeout.milliseconds)
        unsafe exchange = CurlHandle.makeExchange()
        unsafe handle = nil
    }

    deinit {
        close()
        unsafe free(exchange)
    }

    /// Ends what runs now, and whatever begins later, at this moment from now.
    func giveUp(after duration: Duration) {
        unsafe CCurl_give_up_at(exchange, CCurl_now_ms() + Int64(duration.milliseconds))
    }

    /// Delivered means: the other side's kernel has all of it, and the connection stood after that. Syslog has no better answer.
    func send(_ bytes: [UInt8]) -> Delivery {
        if let handle = unsafe handle, unsafe CCurl_still_open(handle) != CURLE_OK { close() }
        var code = CURLE_OK
        if unsafe handle == nil { code = open() }
        if code == CURLE_OK, let handle = unsafe handle {
            code = unsafe bytes.withUnsafeBytes { bytes in
                unsafe CCurl_send_all(handle, exchange, bytes.baseAddress, bytes.count, timeoutMilliseconds)
            }
        }
        if code == CURLE_OK { return .delivered(rejected: 0) }
        close()
        if code == CURLE_GOT_NOTHING { return .retry(after: nil, reason: "the connection was closed") }
        return .retry(after: nil, reason: unsafe String(cString: curl_easy_strerror(code)))
    }

    private func open() -> CURLcode {
        guard CurlHandle.isReady, let fresh = unsafe curl_easy_init() else { return CURLE_FAILED_INIT }
        unsafe handle = fresh
        let code = unsafe CurlHandle.apply(security, to: fresh)
        if code != CURLE_OK { return code }
        return unsafe CCurl_connect(fresh, url, exchange, timeoutMilliseconds)
    }

    private func close() {
        if let handle = unsafe handle { unsafe curl_easy_cleanup(handle) }
        unsafe handle = nil
    }
}
