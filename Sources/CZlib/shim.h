#include <zlib.h>

/* inflateInit2 is a macro. */
static inline int CZlib_inflateInit2(z_streamp stream, int window_bits) { return inflateInit2(stream, window_bits); }
