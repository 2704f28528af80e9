// SPDX-License-Identifier: Apache-2.0
import CCurl
import Glibc

/// One libcurl handle that hands mails to one SMTP server. Owned by a `MessageClient`; `send` by one thread at a time, `giveUp` from any thread
/// (the exchange's moment is atomic), which is why it may cross threads unchecked.
@safe final class MailClient: @unchecked Sendable {
    private let curl: UnsafeMutableRawPointer?
    private let recipients: UnsafeMutablePointer<curl_slist>?
    private let exchange: UnsafeMutablePointer<CCurl_exchange>
    private let timeoutMilliseconds: Int
    private let problem: String?

    init(_ route: MailRoute, security: SinkDescription.Security, timeout: Duration) {
        unsafe exchange = CurlHandle.makeExchange()
        timeoutMilliseconds = max(1, timeout.milliseconds)
        let handle = unsafe CurlHandle.isReady ? curl_easy_init() : nil
        var list: UnsafeMutablePointer<curl_slist>?
        for recipient in route.to { unsafe list = curl_slist_append(list, "<\(recipient)>") }
        unsafe recipients = list
        unsafe curl = handle
        var code = CURLE_FAILED_INIT
        if let handle = unsafe handle {
            let encryption: Int32 =
                switch route.encryption {
                case .required: 2
                case .opportunistic: 1
                case .off: 0
                }
            code = unsafe CCurl_prepare_mail(handle, route.url, "<\(route.from)>", list, encryption, exchange)
            if code == CURLE_OK { code = unsafe CurlHandle.apply(security, to: handle) }
            if code == CURLE_OK, let user = route.user {
                code = unsafe CCurl_log_in(handle, user, route.password ?? "")
            }
        }
        problem = code == CURLE_OK ? nil : unsafe String(cString: curl_easy_strerror(code))
    }

    deinit {
        if let curl = unsafe curl { unsafe curl_easy_cleanup(curl) }
        unsafe curl_slist_free_all(recipients)
        unsafe free(exchange)
    }

    /// Ends what runs now, and whatever begins later, at this moment from now.
    func giveUp(after duration: Duration) {
        unsafe CCurl_give_up_at(exchange, CCurl_now_ms() + Int64(duration.milliseconds))
    }

    /// Hands the mail over and waits for the server's word.
    func send(_ mail: [UInt8]) -> Delivery {
        guard problem == nil, let handle = unsafe curl else {
            return .retry(after: nil, reason: problem ?? "libcurl did not start")
        }
        let code = unsafe mail.withUnsafeBufferPointer { bytes in
            unsafe CCurl_mail(handle, exchange, bytes.baseAddress, bytes.count, timeoutMilliseconds)
        }
        if code == CURLE_OK { return .delivered(rejected: 0) }
        let answer = unsafe CCurl_status(handle)
        let text = unsafe String(cString: curl_easy_strerror(code))
        let reason = answer == 0 ? text : "\(text) (\(answer))"
        // A mistake in the password can be mended; a recipient whom the server does not know, hardly.
        let isFinal = (500..<600).contains(answer) && code != CURLE_LOGIN_DENIED && code != CURLE_USE_SSL_FAILED
        return isFinal ? .refused(reason: reason, isTooLarge: false) : .retry(after: nil, reason: reason)
    }
}
