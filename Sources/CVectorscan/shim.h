#include <hs.h>

/* Debian's library holds one copy of the scanner for each instruction set and picks the widest that the processor has. Its AVX-512 copy
 * (5.4.9) misses matches behind byte 64 of a text, differently from run to run (Sources/DECISIONS.md): the next narrower copy is called by
 * its own name. The symbols are weak, so a library without such copies links too; there, and on other processors, hs_scan is used. */
#if defined(__x86_64__)
hs_error_t HS_CDECL avx2_hs_scan(const hs_database_t *, const char *, unsigned int, unsigned int, hs_scratch_t *,
                                 match_event_handler, void *) __attribute__((weak));
hs_error_t HS_CDECL corei7_hs_scan(const hs_database_t *, const char *, unsigned int, unsigned int, hs_scratch_t *,
                                   match_event_handler, void *) __attribute__((weak));
#endif

static inline hs_error_t CVectorscan_scan(const hs_database_t *database, const char *text, unsigned int length, hs_scratch_t *scratch,
                                          match_event_handler found, void *context) {
#if defined(__x86_64__)
    if (avx2_hs_scan && __builtin_cpu_supports("avx2"))
        return avx2_hs_scan(database, text, length, 0, scratch, found, context);
    if (corei7_hs_scan && !__builtin_cpu_supports("avx2"))
        return corei7_hs_scan(database, text, length, 0, scratch, found, context);
#endif
    return hs_scan(database, text, length, 0, scratch, found, context);
}

/* Compiles for the instruction set that CVectorscan_scan runs on. */
static inline hs_error_t CVectorscan_compile(const char *const *expressions, const unsigned int *flags, const unsigned int *numbers,
                                             unsigned int count, hs_database_t **database, hs_compile_error_t **error) {
#if defined(__x86_64__)
    if (avx2_hs_scan) {
        hs_platform_info_t platform = {0};
        if (__builtin_cpu_supports("avx2")) platform.cpu_features = HS_CPU_FEATURES_AVX2;
        return hs_compile_multi(expressions, flags, numbers, count, HS_MODE_BLOCK, &platform, database, error);
    }
#endif
    return hs_compile_multi(expressions, flags, numbers, count, HS_MODE_BLOCK, NULL, database, error);
}
