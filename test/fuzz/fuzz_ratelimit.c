/*
 * Fuzzes structured fields: the input is a value by itself for the reader of RFC 9651, then its lines are, in turns, of
 * RateLimit-Policy and of RateLimit.
 */
#include "fuzz/fuzz_support.h"
#include "policy/structured.h"

#define WALL_NS (INT64_C(1767323045) * 1000000000)

static void check_value(const struct weir__structured_value *value, const char *text, size_t size)
{
    MUST(value->type <= WEIR__STRUCTURED_DISPLAY);
    MUST(value->integer >= -INT64_C(999999999999999) && value->integer <= INT64_C(999999999999999));
    MUST(value->text == NULL ? value->size == 0 : value->text >= text && value->text + value->size <= text + size);
}

/* A list; every step goes on, and stays inside. */
static void read_list(const char *text, size_t size)
{
    struct weir__structured_value item, key, value;
    struct weir__structured in;
    enum weir__structured_step step = weir__structured_begin(&in, text, size);
    const char *before = in.at - 1;

    for (; step == WEIR__STRUCTURED_MORE; step = weir__structured_next(&in)) {
        MUST(in.at > before && in.end <= text + size);
        before = in.at;
        if (!weir__structured_item(&in, &item))
            return;
        check_value(&item, text, size);
        while ((step = weir__structured_parameter(&in, &key, &value)) == WEIR__STRUCTURED_MORE) {
            MUST(in.at > before && key.text != NULL && key.size > 0);
            before = in.at;
            check_value(&key, text, size);
            check_value(&value, text, size);
        }
        if (step == WEIR__STRUCTURED_BAD)
            return;
    }
    MUST(in.at <= in.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_header headers[FUZZ_FIELDS_MAX];
    size_t count = 0;
    char *text = malloc(size > 0 ? size : 1); /* without a NUL, which must not be relied on */

    MUST(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    read_list(text, size);
    free(text);

    text = fuzz_text(data, size);
    for (char *line = text; line != NULL && count < FUZZ_FIELDS_MAX; count++) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end++ = '\0';
        headers[count].name = count % 2 == 0 ? "RateLimit-Policy" : "RateLimit";
        headers[count].value = line;
        line = end;
    }
    fuzz_read(headers, count, WALL_NS);
    free(text);
    return 0;
}
