/*
 * For the tests of feedback: header blocks as text, and what was read of them as text, so that a case is two strings
 * and a failure shows both.
 *
 * What was read: "retry 1.5s, left 0, reset 30s, 100/10s left 50, 1000/1h?, by retry-after, policy ratelimit-policy,
 * github"; "?" after a period that was concluded; "nothing" where nothing was understood.
 */
#ifndef WEIR_TEST_POLICY_FEEDBACK_SUPPORT_H
#define WEIR_TEST_POLICY_FEEDBACK_SUPPORT_H

#include "base/units.h"
#include "policy/feedback.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIELDS_MAX 40

/* 2026-01-02T03:04:05Z, what the cases take for our clock */
#define WALL_NS (INT64_C(1767323045) * 1000000000)

struct feedback_case {
    const char *block; /* "name: value\nname: value" */
    const char *wanted;
};

/* Takes the block apart; `copy` is its room. */
static inline size_t split_block(const char *block, char *copy, size_t size, struct weir_header *headers)
{
    size_t count = 0;
    char *line = copy;

    snprintf(copy, size, "%s", block);
    while (line != NULL && *line != '\0' && count < FIELDS_MAX) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end = '\0';
        char *colon = strchr(line, ':');
        *colon = '\0';
        headers[count].name = line;
        headers[count++].value = colon + 1;
        line = end != NULL ? end + 1 : NULL;
    }
    return count;
}

static inline void add_text(char *text, size_t size, const char *word, const char *more)
{
    const size_t used = strlen(text);

    snprintf(text + used, size - used, "%s%s%s", used > 0 ? ", " : "", word, more);
}

static inline void add_time(char *text, size_t size, const char *word, int64_t ns)
{
    char duration[64];

    weir__units_format_duration(ns, duration, sizeof duration);
    add_text(text, size, word, duration);
}

static inline void add_policy(char *text, size_t size, const struct weir__feedback_policy *policy)
{
    char rate[64], left[64] = "";

    weir__units_format_rate(policy->requests, policy->per_ns, rate, sizeof rate);
    if (policy->remaining >= 0)
        snprintf(left, sizeof left, " left %" PRId64, policy->remaining);
    add_text(text, size, rate, policy->stated ? "" : "?");
    snprintf(text + strlen(text), size - strlen(text), "%s", left);
}

static inline void describe(const struct weir__feedback *feedback, char *text, size_t size)
{
    char number[64];

    text[0] = '\0';
    if (feedback->has_retry_after)
        add_time(text, size, "retry ", feedback->retry_after_ns);
    snprintf(number, sizeof number, "%" PRIu64, feedback->remaining);
    if (feedback->has_remaining)
        add_text(text, size, "left ", number);
    if (feedback->has_reset)
        add_time(text, size, "reset ", feedback->reset_ns);
    for (size_t i = 0; i < feedback->policy_count; i++)
        add_policy(text, size, &feedback->policies[i]);
    if (feedback->wait_field[0] != '\0')
        add_text(text, size, "by ", feedback->wait_field);
    if (feedback->policy_field[0] != '\0')
        add_text(text, size, "policy ", feedback->policy_field);
    if (feedback->present && text[0] == '\0')
        add_text(text, size, "present", "");
    if (!feedback->present)
        add_text(text, size, "nothing", "");
    if (feedback->github)
        add_text(text, size, "github", "");
    if (feedback->anthropic)
        add_text(text, size, "anthropic", "");
}

static inline void check_case(const struct feedback_case *one, int64_t wall_ns)
{
    char copy[4096], text[1024];
    struct weir_header headers[FIELDS_MAX];
    struct weir__feedback feedback;
    const size_t count = split_block(one->block, copy, sizeof copy, headers);

    weir__feedback_read(headers, count, wall_ns, &feedback);
    describe(&feedback, text, sizeof text);
    if (strcmp(text, one->wanted) != 0)
        fail_msg("%s\n  read:   %s\n  wanted: %s", one->block, text, one->wanted);
}

#define CHECK_CASES(cases)                                                                                             \
    do {                                                                                                               \
        for (size_t case_ = 0; case_ < sizeof(cases) / sizeof((cases)[0]); case_++)                                    \
            check_case(&(cases)[case_], WALL_NS);                                                                      \
    } while (0)

#endif
