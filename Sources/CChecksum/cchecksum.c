#include "cchecksum.h"
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>

int cchecksum_has_crc32c(void) { return __builtin_cpu_supports("sse4.2") != 0; }

__attribute__((target("sse4.2"))) uint32_t cchecksum_crc32c(uint32_t value, const uint8_t *bytes, size_t count) {
    uint64_t wide = value;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        wide = _mm_crc32_u64(wide, word);
        bytes += 8;
        count -= 8;
    }
    value = (uint32_t)wide;
    while (count-- > 0) value = _mm_crc32_u8(value, *bytes++);
    return value;
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

int cchecksum_has_crc32c(void) { return 1; }

uint32_t cchecksum_crc32c(uint32_t value, const uint8_t *bytes, size_t count) {
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        value = __crc32cd(value, word);
        bytes += 8;
        count -= 8;
    }
    while (count-- > 0) value = __crc32cb(value, *bytes++);
    return value;
}

#else

int cchecksum_has_crc32c(void) { return 0; }

uint32_t cchecksum_crc32c(uint32_t value, const uint8_t *bytes, size_t count) {
    (void)bytes;
    (void)count;
    return value;
}

#endif
