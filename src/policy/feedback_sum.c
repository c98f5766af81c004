/*
 * feedback_sum - makes one answer of all the quotas that a response told of.
 *
 * It knows no field: which dialect a figure came from makes no difference here.
 */
#include "policy/feedback_parts.h"

#include "base/clock.h"

#include <string.h>

#define MINUTE_NS (60 * WEIR__NS_PER_S)
#define HOUR_NS (60 * MINUTE_NS)

struct weir__feedback_quota *weir__feedback_sum_add(struct weir__feedback_reader *reader,
                                                    struct weir__feedback_text family, struct weir__feedback_text name)
{
    struct weir__feedback_quota *quota;

    if (reader->quota_count == WEIR__FEEDBACK_QUOTAS_MAX)
        return NULL;
    quota = &reader->quotas[reader->quota_count++];
    memset(quota, 0, sizeof *quota);
    quota->family = family;
    quota->name = name;
    return quota;
}

static uint32_t clamp_requests(uint64_t requests)
{
    return requests < WEIR_PERMITS_MAX ? (uint32_t)requests : WEIR_PERMITS_MAX;
}

/* False without room for it. */
static bool add_policy(struct weir__feedback_reader *reader, const struct weir__feedback_policy *policy,
                       struct weir__feedback_text name, struct weir__feedback_text field)
{
    if (reader->stated_count == WEIR__FEEDBACK_STATED_MAX)
        return false;
    reader->stated[reader->stated_count++] = (struct weir__feedback_stated){*policy, name, field};
    return true;
}

void weir__feedback_sum_state(struct weir__feedback_reader *reader, uint64_t requests, bool stated, int64_t per_s,
                              struct weir__feedback_text name, struct weir__feedback_text field)
{
    const struct weir__feedback_policy policy = {clamp_requests(requests),
                                                 stated ? weir__feedback_values_seconds(per_s, 0) : 0, stated, -1};

    if (requests > 0 && (!stated || per_s > 0))
        add_policy(reader, &policy, name, field);
}

/* How much longer than its period a quota's reset may seem: moments and Date are told in whole seconds. */
static int64_t slack_of(const struct weir__feedback_quota *quota)
{
    return quota->by_moment ? WEIR__NS_PER_S : 0;
}

/*
 * The shortest period in which people count that its reset fits in; 0 where it tells none.  From a moment without a
 * Date to compare it with nothing is concluded: our clock may be wrong by hours, and a limit of hours would stay.
 */
static int64_t natural_period(const struct weir__feedback_quota *quota, bool dated)
{
    static const int64_t periods_ns[] = {WEIR__NS_PER_S,
                                         2 * WEIR__NS_PER_S,
                                         5 * WEIR__NS_PER_S,
                                         10 * WEIR__NS_PER_S,
                                         15 * WEIR__NS_PER_S,
                                         30 * WEIR__NS_PER_S,
                                         MINUTE_NS,
                                         2 * MINUTE_NS,
                                         5 * MINUTE_NS,
                                         10 * MINUTE_NS,
                                         15 * MINUTE_NS,
                                         30 * MINUTE_NS,
                                         HOUR_NS,
                                         6 * HOUR_NS,
                                         12 * HOUR_NS,
                                         24 * HOUR_NS};

    if (!quota->has_reset || quota->reset_ns == 0 || (quota->by_moment && !dated))
        return 0;
    for (size_t i = 0; i < sizeof periods_ns / sizeof periods_ns[0]; i++)
        if (quota->reset_ns <= periods_ns[i] + slack_of(quota))
            return periods_ns[i];
    return WEIR_PERIOD_MAX_NS;
}

/* The quota is the one that the policy is about. */
static void give(struct weir__feedback_policy *policy, const struct weir__feedback_quota *quota, bool dated)
{
    const int64_t left = quota->remaining < policy->requests ? (int64_t)quota->remaining : (int64_t)policy->requests;

    if (quota->has_remaining && (policy->remaining < 0 || left < policy->remaining))
        policy->remaining = left;
    if (policy->per_ns == 0)
        policy->per_ns = natural_period(quota, dated);
}

static bool same_name(struct weir__feedback_text a, struct weir__feedback_text b)
{
    return a.size > 0 && a.size == b.size && memcmp(a.at, b.at, a.size) == 0;
}

void weir__feedback_sum_link(struct weir__feedback_reader *reader)
{
    const bool one_of_each = reader->policy_members == 1 && reader->remaining_members == 1;

    for (size_t i = 0; i < reader->stated_count; i++)
        for (size_t j = 0; j < reader->quota_count; j++)
            if (one_of_each || same_name(reader->stated[i].name, reader->quotas[j].name))
                give(&reader->stated[i].policy, &reader->quotas[j], reader->dated);
    if (one_of_each && reader->stated_count == 1)
        reader->quotas[0].has_limit = false; /* the policy's own figure is the better one */
}

/* The same number of requests in a period that the quota does not contradict. */
static bool is_about(const struct weir__feedback_policy *policy, const struct weir__feedback_quota *quota)
{
    if (policy->requests != clamp_requests(quota->limit) || policy->per_ns == 0)
        return false;
    if (quota->named_ns > 0)
        return policy->per_ns == quota->named_ns;
    return !quota->has_reset || quota->reset_ns <= policy->per_ns + slack_of(quota);
}

/* A quota's limit is a policy, if not one that is known already. */
static void conclude(struct weir__feedback_reader *reader, const struct weir__feedback_quota *quota)
{
    struct weir__feedback_policy policy = {clamp_requests(quota->limit), quota->named_ns, quota->named_ns > 0, -1};

    for (size_t i = 0; i < reader->stated_count; i++) {
        if (is_about(&reader->stated[i].policy, quota)) {
            give(&reader->stated[i].policy, quota, reader->dated);
            return;
        }
    }
    give(&policy, quota, reader->dated);
    if (policy.per_ns > 0)
        add_policy(reader, &policy, quota->name, quota->limit_field);
}

/* A policy goes out; one that is just the same as one before only lowers what remains of that. */
static void put_policy(struct weir__feedback *out, const struct weir__feedback_stated *stated)
{
    const struct weir__feedback_policy *policy = &stated->policy;

    for (size_t i = 0; i < out->policy_count; i++) {
        struct weir__feedback_policy *before = &out->policies[i];
        if (before->requests != policy->requests || before->per_ns != policy->per_ns)
            continue;
        if (policy->remaining >= 0 && (before->remaining < 0 || policy->remaining < before->remaining))
            before->remaining = policy->remaining;
        return;
    }
    if (out->policy_count == WEIR__FEEDBACK_POLICIES_MAX)
        return;
    if (out->policy_count == 0)
        weir__feedback_sum_field(stated->field, out->policy_field);
    out->policies[out->policy_count++] = *policy;
}

static void put_policies(const struct weir__feedback_reader *reader)
{
    for (int stated = 1; stated >= 0; stated--)
        for (size_t i = 0; i < reader->stated_count; i++)
            if (reader->stated[i].policy.per_ns > 0 && reader->stated[i].policy.stated == (stated == 1))
                put_policy(reader->out, &reader->stated[i]);
}

static bool is_used_up(const struct weir__feedback_quota *quota)
{
    return quota->has_remaining && quota->remaining == 0;
}

/* The quota whose reset is the longest or the shortest; of those alone that are used up, where that is asked. */
static const struct weir__feedback_quota *find_reset(const struct weir__feedback_reader *reader, bool longest,
                                                     bool used_up)
{
    const struct weir__feedback_quota *found = NULL;

    for (size_t i = 0; i < reader->quota_count; i++) {
        const struct weir__feedback_quota *quota = &reader->quotas[i];
        if (!quota->has_reset || (used_up && !is_used_up(quota)))
            continue;
        if (found == NULL || (longest ? quota->reset_ns > found->reset_ns : quota->reset_ns < found->reset_ns))
            found = quota;
    }
    return found;
}

static void put_reset(const struct weir__feedback_reader *reader)
{
    const bool used_up = reader->out->has_remaining && reader->out->remaining == 0;
    const struct weir__feedback_quota *quota = used_up ? find_reset(reader, true, true) : NULL;

    if (quota == NULL)
        quota = find_reset(reader, used_up, false);
    if (quota == NULL)
        return;
    reader->out->has_reset = true;
    reader->out->reset_ns = quota->reset_ns;
    if (!reader->out->has_retry_after)
        weir__feedback_sum_field(quota->reset_field, reader->out->wait_field);
}

void weir__feedback_sum_up(struct weir__feedback_reader *reader)
{
    struct weir__feedback *out = reader->out;

    for (size_t i = 0; i < reader->quota_count; i++) {
        const struct weir__feedback_quota *quota = &reader->quotas[i];
        if (quota->has_limit && quota->of_requests && quota->limit > 0)
            conclude(reader, quota);
        if (quota->has_remaining && (!out->has_remaining || quota->remaining < out->remaining)) {
            out->has_remaining = true;
            out->remaining = quota->remaining;
        }
    }
    put_policies(reader);
    put_reset(reader);
}

void weir__feedback_sum_field(struct weir__feedback_text field, char out[WEIR__FEEDBACK_FIELD_SIZE])
{
    const size_t size = field.size < WEIR__FEEDBACK_FIELD_SIZE ? field.size : WEIR__FEEDBACK_FIELD_SIZE - 1;

    for (size_t i = 0; i < size; i++)
        out[i] = (char)(field.at[i] >= 'A' && field.at[i] <= 'Z' ? field.at[i] + ('a' - 'A') : field.at[i]);
    out[size] = '\0';
}
