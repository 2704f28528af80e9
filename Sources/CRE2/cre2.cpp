#include "cre2.h"

#include <re2/re2.h>

#include <cstring>
#include <new>

struct cre2_pattern {
    re2::RE2 engine;
    cre2_pattern(const re2::StringPiece &text, const re2::RE2::Options &options) : engine(text, options) {}
};

cre2_pattern *cre2_compile(const char *pattern, size_t length, int case_insensitive, int64_t max_memory, char *error,
                           size_t error_size) {
    re2::RE2::Options options;
    options.set_encoding(re2::RE2::Options::EncodingLatin1);
    options.set_log_errors(false);
    options.set_case_sensitive(!case_insensitive);
    options.set_max_mem(max_memory);
    auto *compiled = new (std::nothrow) cre2_pattern(re2::StringPiece(pattern, length), options);
    if (compiled == nullptr) {
        strncpy(error, "out of memory", error_size - 1);
        error[error_size - 1] = 0;
        return nullptr;
    }
    if (!compiled->engine.ok()) {
        strncpy(error, compiled->engine.error().c_str(), error_size - 1);
        error[error_size - 1] = 0;
        delete compiled;
        return nullptr;
    }
    return compiled;
}

void cre2_free(cre2_pattern *pattern) { delete pattern; }

int cre2_groups(const cre2_pattern *pattern) { return pattern->engine.NumberOfCapturingGroups(); }

int cre2_match(const cre2_pattern *pattern, const char *text, size_t length, int32_t *pairs, int count) {
    enum { MAX_GROUPS = 17 };
    re2::StringPiece groups[MAX_GROUPS];
    int wanted = count < MAX_GROUPS ? count : MAX_GROUPS;
    int available = pattern->engine.NumberOfCapturingGroups() + 1;
    if (wanted > available) wanted = available;
    re2::StringPiece input(text, length);
    if (!pattern->engine.Match(input, 0, length, re2::RE2::UNANCHORED, groups, wanted)) return 0;
    for (int i = 0; i < count; i++) {
        bool took_part = i < wanted && groups[i].data() != nullptr;
        pairs[2 * i] = took_part ? (int32_t)(groups[i].data() - text) : -1;
        pairs[2 * i + 1] = took_part ? (int32_t)(groups[i].data() + groups[i].size() - text) : -1;
    }
    return 1;
}
