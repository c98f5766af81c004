/* Fuzzes the readers of dates: eight bytes of clock, then the text.  What is written anew reads back as it was. */
#include "base/clock.h"
#include "fuzz/fuzz_support.h"
#include "policy/date.h"

#include <time.h>

static void check_round_trip(int64_t moment_ns)
{
    const time_t s = (time_t)(moment_ns / WEIR__NS_PER_S);
    char text[64];
    struct tm tm;
    int64_t again_ns = -1;

    MUST(moment_ns >= -WEIR__DATE_MAX_NS && moment_ns <= WEIR__DATE_MAX_NS);
    MUST(gmtime_r(&s, &tm) != NULL);
    const size_t size = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    MUST(weir__date_parse_http(text, size, 0, &again_ns));
    MUST(again_ns == weir__date_clamp(s, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t now_ns, moment_ns = -7;

    if (size < sizeof now_ns)
        return 0;
    memcpy(&now_ns, data, sizeof now_ns);
    size -= sizeof now_ns;
    char *text = malloc(size > 0 ? size : 1); /* without a NUL */
    MUST(text != NULL);
    if (size > 0)
        memcpy(text, data + sizeof now_ns, size);
    if (weir__date_parse_http(text, size, now_ns, &moment_ns))
        check_round_trip(moment_ns);
    else
        MUST(moment_ns == -7);
    moment_ns = -7;
    if (weir__date_parse_rfc3339(text, size, &moment_ns))
        check_round_trip(moment_ns);
    else
        MUST(moment_ns == -7);
    free(text);
    return 0;
}
