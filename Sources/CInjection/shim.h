/* Debian has libinjection only inside libmodsecurity. Its static library holds the three objects by themselves, so these declarations are
 * all that is taken: nothing of ModSecurity is linked (Sources/DECISIONS.md). */
#include <stddef.h>

/* 1: SQL injection. `fingerprint` gets at most five letters and a zero. */
int libinjection_sqli(const char *text, size_t length, char fingerprint[8]);

/* 1: script injection. */
int libinjection_xss(const char *text, size_t length);
