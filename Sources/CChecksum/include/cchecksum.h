#ifndef CCHECKSUM_H
#define CCHECKSUM_H
/* Door to the processor's own CRC-32C (Castagnoli), which Swift cannot name. */
#include <stddef.h>
#include <stdint.h>

/* Whether this processor has the instruction. Decided once by the caller: the test itself costs more than a short text. */
int cchecksum_has_crc32c(void);

/* Goes on from `value` over `count` bytes, without the inversions at both ends. Only where cchecksum_has_crc32c() is true. */
uint32_t cchecksum_crc32c(uint32_t value, const uint8_t *bytes, size_t count);

#endif
