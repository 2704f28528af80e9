#ifndef CCURL_SHIM_H
#define CCURL_SHIM_H
/* Door to libcurl: its setters are variadic and its callbacks need casts, which Swift's importer cannot see. */
#include <curl/curl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <linux/sockios.h>

/* What of an answer is kept: the items of a bulk request are one by one in it. */
#define CCURL_ANSWER_MAXIMUM (1024 * 1024)

/* One exchange: the beginning of the answer and the moment at which it is given up. The address must not move while it runs. */
typedef struct {
    unsigned char body[CCURL_ANSWER_MAXIMUM];
    size_t length;
    size_t total;
    long long give_up_ms; /* CLOCK_MONOTONIC, 0 is never; may be set by another thread */
    const unsigned char *upload; /* what is sent, for protocols that ask for it */
    size_t upload_length;
    size_t upload_place;
} CCurl_exchange;

static inline long long CCurl_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void CCurl_give_up_at(CCurl_exchange *exchange, long long ms) {
    __atomic_store_n(&exchange->give_up_ms, ms, __ATOMIC_RELAXED);
}

static inline size_t CCurl_receive(char *bytes, size_t size, size_t count, void *context) {
    CCurl_exchange *exchange = (CCurl_exchange *)context;
    size_t all = size * count;
    size_t room = sizeof exchange->body - exchange->length;
    size_t kept = all < room ? all : room;
    memcpy(exchange->body + exchange->length, bytes, kept);
    exchange->length += kept;
    exchange->total += all;
    return exchange->total > 4 * 1024 * 1024 ? 0 : all;
}

static inline int CCurl_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    (void)a, (void)b, (void)c, (void)d;
    long long give_up = __atomic_load_n(&((CCurl_exchange *)context)->give_up_ms, __ATOMIC_RELAXED);
    return give_up != 0 && CCurl_now_ms() >= give_up;
}

static inline int CCurl_start(void) { return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; }

/* Options that hold for every exchange of the handle; 0 or the first error. */
static inline CURLcode CCurl_prepare(CURL *curl, const char *url, struct curl_slist *headers, CCurl_exchange *exchange) {
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_POST, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_USERAGENT, "loginward");
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, CCurl_receive);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, CCurl_progress);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    return code;
}

static inline CURLcode CCurl_set_headers(CURL *curl, struct curl_slist *headers) {
    return curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
}

/* Whom to trust, and who we are. */
static inline CURLcode CCurl_set_ca(CURL *curl, const char *file) { return curl_easy_setopt(curl, CURLOPT_CAINFO, file); }

static inline CURLcode CCurl_set_identity(CURL *curl, const char *certificate, const char *key) {
    CURLcode code = curl_easy_setopt(curl, CURLOPT_SSLCERT, certificate);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_SSLKEY, key);
    return code;
}

/* A connection that carries bytes of ours and no HTTP: http:// is plain, https:// is TLS with the name checked. */
static inline CURLcode CCurl_connect(CURL *curl, const char *url, CCurl_exchange *exchange, long timeout_ms) {
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_SSL_ENABLE_ALPN, 0L);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, CCurl_progress);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (code == CURLE_OK) code = curl_easy_perform(curl);
    return code;
}

/* Reads and forgets what the peer says; CURLE_OK while the connection stands. */
static inline CURLcode CCurl_still_open(CURL *curl) {
    char bytes[512];
    for (int reads = 0; reads < 64; reads++) {
        size_t count = 0;
        CURLcode code = curl_easy_recv(curl, bytes, sizeof bytes, &count);
        if (code == CURLE_AGAIN) return CURLE_OK;
        if (code != CURLE_OK) return code;
        if (count == 0) return CURLE_GOT_NOTHING;
    }
    return CURLE_RECV_ERROR;
}

static inline int CCurl_is_over(CCurl_exchange *exchange, long long deadline_ms) {
    return CCurl_now_ms() >= deadline_ms || CCurl_progress(exchange, 0, 0, 0, 0);
}

/* Sends all of it and waits until the peer's kernel has acknowledged every byte and the connection still stands. */
static inline CURLcode CCurl_send_all(CURL *curl, CCurl_exchange *exchange, const void *bytes, size_t length, long timeout_ms) {
    long long deadline_ms = CCurl_now_ms() + timeout_ms;
    curl_socket_t descriptor = CURL_SOCKET_BAD;
    CURLcode code = curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &descriptor);
    if (code != CURLE_OK) return code;
    if (descriptor == CURL_SOCKET_BAD) return CURLE_SEND_ERROR;
    size_t sent = 0;
    while (sent < length) {
        size_t count = 0;
        code = curl_easy_send(curl, (const char *)bytes + sent, length - sent, &count);
        sent += count;
        if (code == CURLE_AGAIN) {
            if (CCurl_is_over(exchange, deadline_ms)) return CURLE_OPERATION_TIMEDOUT;
            code = CCurl_still_open(curl);
            if (code != CURLE_OK) return code;
            struct pollfd wanted = {descriptor, POLLOUT, 0};
            poll(&wanted, 1, 100);
        } else if (code != CURLE_OK) {
            return code;
        }
    }
    for (int waits = 0;; waits++) {
        int left = 0;
        code = CCurl_still_open(curl);
        if (code != CURLE_OK) return code;
        if (ioctl(descriptor, SIOCOUTQ, &left) != 0 || left == 0) return CURLE_OK;
        if (CCurl_is_over(exchange, deadline_ms)) return CURLE_OPERATION_TIMEDOUT;
        poll(NULL, 0, waits < 10 ? 1 : 20);
    }
}

/* An array of this size is invisible to Swift. */
static inline const unsigned char *CCurl_answer(const CCurl_exchange *exchange) { return exchange->body; }

static inline size_t CCurl_upload(char *bytes, size_t size, size_t count, void *context) {
    CCurl_exchange *exchange = (CCurl_exchange *)context;
    size_t left = exchange->upload_length - exchange->upload_place;
    size_t all = size * count < left ? size * count : left;
    memcpy(bytes, exchange->upload + exchange->upload_place, all);
    exchange->upload_place += all;
    return all;
}

/* For mails; encryption: 0 none, 1 where the server offers it, 2 always. */
static inline CURLcode CCurl_prepare_mail(CURL *curl, const char *url, const char *from, struct curl_slist *recipients,
                                          int encryption, CCurl_exchange *exchange) {
    long level = encryption == 2 ? CURLUSESSL_ALL : encryption == 1 ? CURLUSESSL_TRY : CURLUSESSL_NONE;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_USE_SSL, level);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_READFUNCTION, CCurl_upload);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, CCurl_receive);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, CCurl_progress);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    return code;
}

static inline CURLcode CCurl_log_in(CURL *curl, const char *user, const char *password) {
    CURLcode code = curl_easy_setopt(curl, CURLOPT_USERNAME, user);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_PASSWORD, password);
    return code;
}

static inline CURLcode CCurl_mail(CURL *curl, CCurl_exchange *exchange, const unsigned char *mail, size_t length, long timeout_ms) {
    exchange->length = 0;
    exchange->total = 0;
    exchange->upload = mail;
    exchange->upload_length = length;
    exchange->upload_place = 0;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)length);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    if (code == CURLE_OK) code = curl_easy_perform(curl);
    return code;
}

static inline CURLcode CCurl_post(CURL *curl, CCurl_exchange *exchange, const void *body, size_t length, long timeout_ms) {
    exchange->length = 0;
    exchange->total = 0;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    if (code == CURLE_OK) code = curl_easy_perform(curl);
    return code;
}

static inline long CCurl_status(CURL *curl) {
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* Seconds that the answer asks to wait, 0 when it does not. */
static inline long long CCurl_retry_after(CURL *curl) {
    curl_off_t seconds = 0;
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds);
    return (long long)seconds;
}
#endif
