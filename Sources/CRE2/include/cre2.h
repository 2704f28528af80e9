#ifndef CRE2_H
#define CRE2_H
#include <stddef.h>
#include <stdint.h>
/* Door to RE2 (C++). No exception leaves these functions. */
#ifdef __cplusplus
extern "C" {
#endif
typedef struct cre2_pattern cre2_pattern;

/* Compiles `pattern` over bytes (Latin-1). NULL on failure, then `error` holds a terminated message. */
cre2_pattern *cre2_compile(const char *pattern, size_t length, int case_insensitive, int64_t max_memory, char *error, size_t error_size);
void cre2_free(cre2_pattern *pattern);
/* Number of capture groups, the whole match not counted. */
int cre2_groups(const cre2_pattern *pattern);
/* Unanchored search. Writes up to `count` pairs (start, end) of offsets, -1 where a group took no part; pair 0 is the whole. */
int cre2_match(const cre2_pattern *pattern, const char *text, size_t length, int32_t *pairs, int count);
#ifdef __cplusplus
}
#endif
#endif
