#ifndef CCURL_SHIM_H
#define CCURL_SHIM_H
/* Door to libcurl: its setters are variadic and its callbacks need casts, which Swift's importer cannot see. */
#include <curl/curl.h>
#include <string.h>
#include <time.h>

/* One exchange: the beginning of the answer and the moment at which it is given up. The address must not move while it runs. */
typedef struct {
    unsigned char body[65536];
    size_t length;
    size_t total;
    long long give_up_ms; /* CLOCK_MONOTONIC, 0 is never; may be set by another thread */
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
static inline CURLcode CCurl_prepare(CURL *curl, const char *url, const char *ca_file, struct curl_slist *headers,
                                     CCurl_exchange *exchange) {
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (code == CURLE_OK && ca_file) code = curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
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

/* An array of this size is invisible to Swift. */
static inline const unsigned char *CCurl_answer(const CCurl_exchange *exchange) { return exchange->body; }

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
