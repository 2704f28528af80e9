#include <zlib.h>

/* inflateInit2 is a macro. */
static inline int CZlib_inflateInit2(z_streamp stream, int window_bits) { return inflateInit2(stream, window_bits); }

/* So is deflateInit2. */
static inline int CZlib_deflateInit2(z_streamp stream, int level, int window_bits) {
    return deflateInit2(stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
}
