/* expand - see expand.h */
#include "cli/expand.h"

#include <stdlib.h>
#include <string.h>

#define MARK "{i}"
#define MARK_SIZE (sizeof MARK - 1)
#define DIGITS_MAX 20 /* of a uint64_t */

/* The next mark in `text`, or its end.  Bodies may hold NUL, so this counts bytes. */
static size_t find_mark(const char *text, size_t size)
{
    const char *hit = size > 0 ? memmem(text, size, MARK, MARK_SIZE) : NULL;
    return hit != NULL ? (size_t)(hit - text) : size;
}

static size_t count_marks(const char *text, size_t size)
{
    size_t count = 0;

    for (size_t at = find_mark(text, size); at < size; count++) {
        at += MARK_SIZE;
        at += find_mark(text + at, size - at);
    }
    return count;
}

/*
 * Registers a text if it has marks.  Its expansion's address, or else the text's own.  NULL without memory.
 */
static const char *add_text(struct weir__expand *expand, const char *text, size_t size, size_t *out_size)
{
    struct weir__expand_text *entry = &expand->texts[expand->text_count];
    const size_t marks = count_marks(text, size);

    if (marks == 0)
        return text;
    entry->buffer = malloc(size + marks * (DIGITS_MAX - MARK_SIZE) + 1);
    if (entry->buffer == NULL)
        return NULL;
    entry->text = text;
    entry->size = size;
    entry->out_size = out_size;
    expand->text_count++;
    return entry->buffer;
}

static bool add_texts(struct weir__expand *expand, const struct weir_request *request)
{
    expand->request.url = add_text(expand, request->url, strlen(request->url), NULL);
    if (expand->request.url == NULL)
        return false;
    if (request->body != NULL) {
        expand->request.body = add_text(expand, request->body, request->body_size, &expand->request.body_size);
        if (expand->request.body == NULL)
            return false;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        const char *value = request->headers[i].value;
        expand->headers[i].name = request->headers[i].name;
        expand->headers[i].value = add_text(expand, value, strlen(value), NULL);
        if (expand->headers[i].value == NULL)
            return false;
    }
    return true;
}

bool weir__expand_init(struct weir__expand *out, const struct weir_request *request)
{
    /* the URL, the body, and every header's value; never an empty allocation, whose result may be NULL */
    out->request = *request;
    out->text_count = 0;
    out->texts = calloc(request->header_count + 2, sizeof *out->texts);
    out->headers = calloc(request->header_count + 1, sizeof *out->headers);
    out->request.headers = out->headers;
    if (out->texts == NULL || out->headers == NULL || !add_texts(out, request)) {
        weir__expand_clear(out);
        return false;
    }
    return true;
}

void weir__expand_clear(struct weir__expand *expand)
{
    for (size_t i = 0; i < expand->text_count; i++)
        free(expand->texts[i].buffer);
    free(expand->texts);
    free(expand->headers);
    memset(expand, 0, sizeof *expand);
}

static size_t render(uint64_t value, char digits[DIGITS_MAX])
{
    char reversed[DIGITS_MAX];
    size_t size = 0;

    do {
        reversed[size++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < size; i++)
        digits[i] = reversed[size - 1 - i];
    return size;
}

static void expand_text(struct weir__expand_text *entry, const char *digits, size_t digits_size)
{
    const char *from = entry->text, *const end = entry->text + entry->size;
    char *to = entry->buffer;

    while (from < end) {
        const size_t plain = find_mark(from, (size_t)(end - from));
        memcpy(to, from, plain);
        to += plain;
        from += plain;
        if (from < end) {
            memcpy(to, digits, digits_size);
            to += digits_size;
            from += MARK_SIZE;
        }
    }
    *to = '\0';
    if (entry->out_size != NULL)
        *entry->out_size = (size_t)(to - entry->buffer);
}

void weir__expand_set(struct weir__expand *expand, uint64_t ordinal)
{
    char digits[DIGITS_MAX];

    expand->request.job_id = ordinal;
    if (expand->text_count == 0)
        return;
    const size_t size = render(ordinal, digits);
    for (size_t i = 0; i < expand->text_count; i++)
        expand_text(&expand->texts[i], digits, size);
}
