#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H
/* Door to OpenSSL: what Swift's importer cannot see (macros, variadics, callbacks with casts), and a BIO over a socket. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>

/* The socket below one session, with the readiness that epoll reported. OpenSSL's own socket BIO would spend one more recv per
 * request to hear EAGAIN, and raise SIGPIPE. */
typedef struct {
    int descriptor;
    int error;               /* errno that broke it, else 0 */
    unsigned char can_read;  /* recv may bring something */
    unsigned char can_write; /* send may take something */
    unsigned char hangup;    /* a short read does not mean drained: the end follows and no event will say so */
    unsigned char ended;     /* recv said 0 */
} COpenSSL_link;

static inline int COpenSSL_link_read(BIO *bio, char *buffer, int size) {
    COpenSSL_link *link = (COpenSSL_link *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (link->ended) return 0;
    if (link->can_read) {
        ssize_t got;
        do got = recv(link->descriptor, buffer, (size_t)size, MSG_DONTWAIT);
        while (got < 0 && errno == EINTR);
        if (got > 0) {
            if (got < size && !link->hangup) link->can_read = 0;
            return (int)got;
        }
        link->can_read = 0;
        if (got == 0) {
            link->ended = 1;
            return 0;
        }
        if (errno != EAGAIN) {
            link->error = errno;
            return -1;
        }
    }
    BIO_set_retry_read(bio);
    return -1;
}

static inline int COpenSSL_link_write(BIO *bio, const char *bytes, int count) {
    COpenSSL_link *link = (COpenSSL_link *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (link->can_write) {
        ssize_t went;
        do went = send(link->descriptor, bytes, (size_t)count, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (went < 0 && errno == EINTR);
        if (went > 0) {
            if (went < count) link->can_write = 0;
            return (int)went;
        }
        link->can_write = 0;
        if (went < 0 && errno != EAGAIN) {
            link->error = errno;
            return -1;
        }
    }
    BIO_set_retry_write(bio);
    return -1;
}

static inline long COpenSSL_link_control(BIO *bio, int command, long number, void *pointer) {
    (void)number, (void)pointer;
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return ((COpenSSL_link *)BIO_get_data(bio))->ended;
    return 0;
}

static inline BIO_METHOD *COpenSSL_link_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "loginward link");
    if (!method) return NULL;
    BIO_meth_set_read(method, COpenSSL_link_read);
    BIO_meth_set_write(method, COpenSSL_link_write);
    BIO_meth_set_ctrl(method, COpenSSL_link_control);
    return method;
}

/* Puts the session on the link, which must outlive it. 1 or 0. */
static inline int COpenSSL_attach(SSL *ssl, const BIO_METHOD *method, COpenSSL_link *link) {
    BIO *bio = BIO_new(method);
    if (!bio) return 0;
    BIO_set_data(bio, link);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return 1;
}

/* Modes, options and read-ahead that every context has: all macros. */
static inline void COpenSSL_prepare(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_read_ahead(context, 1);
}

static inline int COpenSSL_set_minimum(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline void COpenSSL_on_server_name(SSL_CTX *context, int (*pick)(SSL *, int *, void *), void *argument) {
    SSL_CTX_set_tlsext_servername_callback(context, pick);
    SSL_CTX_set_tlsext_servername_arg(context, argument);
}

static inline int COpenSSL_set_server_name(SSL *ssl, const char *name) { return (int)SSL_set_tlsext_host_name(ssl, name); }

/* Lets `heir` open the session tickets that `context` gave out. 1 or 0. */
static inline int COpenSSL_inherit_ticket_keys(SSL_CTX *context, SSL_CTX *heir) {
    unsigned char keys[80]; /* name, HMAC key and AES key of OpenSSL 3 */
    long size = SSL_CTX_get_tlsext_ticket_keys(context, NULL, 0);
    if (size <= 0 || size > (long)sizeof keys) return 0;
    int done = SSL_CTX_get_tlsext_ticket_keys(context, keys, size) == 1 && SSL_CTX_set_tlsext_ticket_keys(heir, keys, size) == 1;
    OPENSSL_cleanse(keys, sizeof keys);
    return done;
}

/* Client sessions are kept by us, one per server, not by OpenSSL. */
static inline void COpenSSL_keep_sessions(SSL_CTX *context, int (*take)(SSL *, SSL_SESSION *)) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, take);
}

static inline void COpenSSL_set_owner(SSL *ssl, void *owner) { SSL_set_app_data(ssl, owner); }
static inline void *COpenSSL_owner(SSL *ssl) { return SSL_get_app_data(ssl); }

/* `hear` is told of every message until it is taken off; its last argument is `owner`. */
static inline void COpenSSL_hear_messages(SSL *ssl, void (*hear)(int, int, int, const void *, size_t, SSL *, void *), void *owner) {
    SSL_set_msg_callback(ssl, hear);
    SSL_set_msg_callback_arg(ssl, owner);
}

/* Size of the digest of `text` in `room` (EVP_MAX_MD_SIZE), 0 when there is no such algorithm. */
static inline int COpenSSL_digest(const char *algorithm, const unsigned char *text, size_t count, void *room) {
    size_t size = 0;
    int done = EVP_Q_digest(NULL, algorithm, NULL, text, count, (unsigned char *)room, &size);
    if (!done) ERR_clear_error();
    return done ? (int)size : 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
/* First 32 bits of SHA-256. The interface that is called the new one looks the algorithm up by name for every text (1 µs); this one has the
 * processor's own instructions (90 ns for a name). */
static inline unsigned int COpenSSL_sha256_head(const unsigned char *text, size_t count) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX context;
    SHA256_Init(&context);
    if (count) SHA256_Update(&context, text, count);
    SHA256_Final(digest, &context);
    return (unsigned int)digest[0] << 24 | (unsigned int)digest[1] << 16 | (unsigned int)digest[2] << 8 | digest[3];
}
#pragma GCC diagnostic pop

/* Whether two certificates stand for the same names, as an ECDSA and RSA pair does. */
static inline int COpenSSL_same_names(X509 *left, X509 *right) {
    int a = X509_get_ext_by_NID(left, NID_subject_alt_name, -1), b = X509_get_ext_by_NID(right, NID_subject_alt_name, -1);
    if ((a < 0) != (b < 0)) return 0;
    if (a < 0) return X509_NAME_cmp(X509_get_subject_name(left), X509_get_subject_name(right)) == 0;
    return ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(X509_get_ext(left, a)),
                                 X509_EXTENSION_get_data(X509_get_ext(right, b))) == 0;
}

static inline int COpenSSL_key_type(X509 *certificate) {
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    return key ? EVP_PKEY_get_base_id(key) : 0;
}

/* Copies the subject of the peer's certificate (RFC 2253) without final zero. Its length, 0 when there is none. */
static inline int COpenSSL_peer_subject(const SSL *ssl, char *room, int size) {
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    if (!certificate) return 0;
    BIO *memory = BIO_new(BIO_s_mem());
    if (!memory) return 0;
    int length = 0;
    if (X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
        length = BIO_read(memory, room, size);
        if (length < 0) length = 0;
    }
    BIO_free(memory);
    return length;
}
#endif
