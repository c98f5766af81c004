/* For the fuzz targets of header fields: what must hold of weir__feedback_read() whatever the fields are. */
#ifndef WEIR_TEST_FUZZ_SUPPORT_H
#define WEIR_TEST_FUZZ_SUPPORT_H

#include "fuzz/fuzz_must.h"
#include "policy/feedback.h"

#define FUZZ_FIELDS_MAX 64u

/* Takes lines "name: value" apart in place. */
static inline size_t fuzz_split(char *block, size_t size, struct weir_header *headers)
{
    char *const end = block + size;
    size_t count = 0;

    while (block < end && count < FUZZ_FIELDS_MAX) {
        char *line_end = memchr(block, '\n', (size_t)(end - block));
        if (line_end == NULL)
            line_end = end;
        *line_end = '\0';
        char *colon = strchr(block, ':');
        if (colon != NULL)
            *colon++ = '\0';
        headers[count].name = block;
        headers[count++].value = colon != NULL ? colon : line_end;
        block = line_end + 1;
    }
    return count;
}

static inline void fuzz_check_field(const char field[WEIR__FEEDBACK_FIELD_SIZE], bool wanted)
{
    const char *end = memchr(field, '\0', WEIR__FEEDBACK_FIELD_SIZE);

    MUST(end != NULL);
    MUST((end > field) == wanted);
    MUST(!wanted || weir__feedback_wants(field, (size_t)(end - field)));
    for (const char *c = field; c < end; c++)
        MUST((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_' || *c == '.');
}

static inline void fuzz_check_policy(const struct weir__feedback *read, size_t index)
{
    const struct weir__feedback_policy *policy = &read->policies[index];

    MUST(policy->requests >= 1 && policy->requests <= WEIR_PERMITS_MAX);
    MUST(policy->per_ns >= INT64_C(1000000000) && policy->per_ns <= WEIR_PERIOD_MAX_NS);
    MUST(policy->remaining >= -1 && policy->remaining <= (int64_t)policy->requests);
    MUST(policy->stated || read->has_reset);
    if (policy->remaining >= 0) {
        MUST(read->has_remaining);
        MUST((uint64_t)policy->remaining >= read->remaining || policy->remaining == (int64_t)policy->requests);
    }
    for (size_t i = 0; i < index; i++) {
        MUST(read->policies[i].requests != policy->requests || read->policies[i].per_ns != policy->per_ns);
        MUST(read->policies[i].stated || !policy->stated);
    }
}

static inline void fuzz_check_ranges(const struct weir__feedback *read)
{
    MUST(read->retry_after_ns >= 0 && read->retry_after_ns <= WEIR__FEEDBACK_WAIT_MAX_NS);
    MUST(read->reset_ns >= 0 && read->reset_ns <= WEIR__FEEDBACK_WAIT_MAX_NS);
    MUST(read->has_retry_after || read->retry_after_ns == 0);
    MUST(read->has_reset || read->reset_ns == 0);
    MUST(read->has_remaining || read->remaining == 0);
    MUST(read->policy_count <= WEIR__FEEDBACK_POLICIES_MAX);
    MUST(read->present || !(read->has_retry_after || read->has_reset || read->has_remaining || read->policy_count > 0));
    fuzz_check_field(read->wait_field, read->has_retry_after || read->has_reset);
    fuzz_check_field(read->policy_field, read->policy_count > 0);
    for (size_t i = 0; i < read->policy_count; i++)
        fuzz_check_policy(read, i);
}

static inline void fuzz_check_same(const struct weir__feedback *a, const struct weir__feedback *b)
{
    MUST(a->present == b->present && a->github == b->github && a->anthropic == b->anthropic);
    MUST(a->has_retry_after == b->has_retry_after && a->retry_after_ns == b->retry_after_ns);
    MUST(a->has_remaining == b->has_remaining && a->remaining == b->remaining);
    MUST(a->has_reset == b->has_reset && a->reset_ns == b->reset_ns);
    MUST(strcmp(a->wait_field, b->wait_field) == 0 && strcmp(a->policy_field, b->policy_field) == 0);
    MUST(a->policy_count == b->policy_count);
    for (size_t i = 0; i < a->policy_count; i++) {
        MUST(a->policies[i].requests == b->policies[i].requests && a->policies[i].per_ns == b->policies[i].per_ns);
        MUST(a->policies[i].stated == b->policies[i].stated && a->policies[i].remaining == b->policies[i].remaining);
    }
}

/* Reads the fields; and again, into memory that was not clean, and only those that the filter wants: the same. */
static inline void fuzz_read(const struct weir_header *headers, size_t count, int64_t wall_ns)
{
    struct weir_header wanted[FUZZ_FIELDS_MAX];
    struct weir__feedback once, again;
    size_t wanted_count = 0;

    memset(&once, 0xff, sizeof once);
    memset(&again, 0, sizeof again);
    weir__feedback_read(headers, count, wall_ns, &once);
    fuzz_check_ranges(&once);
    for (size_t i = 0; i < count; i++)
        if (weir__feedback_wants(headers[i].name, strlen(headers[i].name)))
            wanted[wanted_count++] = headers[i];
    weir__feedback_read(wanted, wanted_count, wall_ns, &again);
    fuzz_check_same(&once, &again);
}

#endif
