/* input - see input.h */
#include "cli/input_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for the longest line, its LF, and a read behind it. */
#define CAPACITY_MAX (WEIR__INPUT_LINE_MAX_SIZE + WEIR__INPUT_BUFFER_SIZE)

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool all_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!is_blank(text[i]))
            return false;
    return true;
}

/* A line as the survey sees it, in parts. */
struct seen_line {
    size_t size;
    bool filled; /* something in it is not blank */
};

static void see_part(struct seen_line *line, const char *text, size_t size)
{
    line->filled = line->filled || !all_blank(text, size);
    line->size += size;
}

/* Counts the line, if it is a job, and is ready for the next. */
static void see_end(struct weir__input *input, struct seen_line *line)
{
    if (line->filled || line->size > WEIR__INPUT_LINE_MAX_SIZE)
        input->jobs++;
    line->size = 0;
    line->filled = false;
}

static void see_block(struct weir__input *input, struct seen_line *line, const char *text, size_t size)
{
    const char *const end = text + size;
    const char *lf;

    while ((lf = memchr(text, '\n', (size_t)(end - text))) != NULL) {
        see_part(line, text, (size_t)(lf - text));
        see_end(input, line);
        text = lf + 1;
    }
    see_part(line, text, (size_t)(end - text));
}

bool weir__input_survey(struct weir__input *input)
{
    struct seen_line line = {0, false};
    struct weir__digest digest;
    ssize_t count;
    int error = 0;

    if (input->stream) {
        errno = ESPIPE;
        return false;
    }
    if (!weir__digest_begin(&digest)) {
        errno = ENOMEM;
        return false;
    }
    input->offset = input->begin;
    input->limit = UINT64_MAX;
    input->jobs = 0;
    while ((count = weir__input_read(input, input->buffer, input->capacity)) > 0) {
        weir__digest_add(&digest, input->buffer, (size_t)count);
        see_block(input, &line, input->buffer, (size_t)count);
    }
    if (count < 0)
        error = atomic_load(&input->woken) ? EINTR : errno;
    see_end(input, &line);
    if (error == 0 && !weir__digest_peek(&digest, input->sha256))
        error = ENOMEM;
    weir__digest_clear(&digest);
    weir__digest_clear(&input->digest);
    if (error == 0 && !weir__digest_begin(&input->digest))
        error = ENOMEM;
    input->bytes = input->offset - input->begin;
    input->limit = input->offset;
    input->offset = input->begin;
    input->number = input->previous = input->seen = 0;
    input->start = input->end = 0;
    input->at_end = input->changed = false;
    errno = error;
    return error == 0;
}

/* Adds to a stream's hash what was taken since the last time. */
static void hash_taken(struct weir__input *input)
{
    if (input->stream)
        weir__digest_add(&input->digest, input->buffer + input->hashed, input->start - input->hashed);
    input->hashed = input->start;
}

/* What is left moves to the front of a buffer of that capacity.  False without memory. */
static bool move_to_front(struct weir__input *input, size_t capacity)
{
    const size_t left = input->end - input->start;
    char *buffer = input->buffer;

    hash_taken(input);
    if (capacity != input->capacity) {
        buffer = malloc(capacity);
        if (buffer == NULL) {
            errno = ENOMEM;
            return false;
        }
    }
    memmove(buffer, input->buffer + input->start, left);
    if (buffer != input->buffer)
        free(input->buffer);
    input->buffer = buffer;
    input->capacity = capacity;
    input->start = input->hashed = 0;
    input->end = left;
    return true;
}

/* A file was read as far as it is to be: whether that was what the survey saw.  False without memory. */
static bool compare(struct weir__input *input)
{
    char sha256[WEIR__DIGEST_HEX_SIZE];

    if (input->stream || input->limit == UINT64_MAX)
        return true;
    if (!weir__digest_peek(&input->digest, sha256)) {
        errno = ENOMEM;
        return false;
    }
    input->changed = strcmp(sha256, input->sha256) != 0;
    return true;
}

/*
 * Reads more behind what is there.  A buffer that grew is given back after a read's worth of short lines, not at once,
 * so that many long ones do not make it come and go.
 */
static enum weir__input_next refill(struct weir__input *input)
{
    const size_t left = input->end - input->start;
    size_t capacity = input->capacity;
    ssize_t count;

    if (input->at_end)
        return WEIR__INPUT_END;
    if (left > capacity / 2)
        capacity = capacity < CAPACITY_MAX / 2 ? capacity * 2 : CAPACITY_MAX;
    else if (left < WEIR__INPUT_BUFFER_SIZE / 2 && input->longest < WEIR__INPUT_BUFFER_SIZE / 2)
        capacity = WEIR__INPUT_BUFFER_SIZE;
    input->longest = 0;
    if ((input->start > 0 || capacity != input->capacity) && !move_to_front(input, capacity))
        return WEIR__INPUT_FAILED;
    count = weir__input_read(input, input->buffer + input->end, input->capacity - input->end);
    if (count < 0)
        return atomic_load(&input->woken) ? WEIR__INPUT_WOKEN : WEIR__INPUT_FAILED;
    if (count == 0 && !compare(input))
        return WEIR__INPUT_FAILED;
    if (!input->stream)
        weir__digest_add(&input->digest, input->buffer + input->end, (size_t)count);
    input->end += (size_t)count;
    input->at_end = count == 0;
    return input->at_end ? WEIR__INPUT_END : WEIR__INPUT_LINE;
}

/* Takes the bytes up to `at` as the line that is now seen, with the LF there if it `ended` in one. */
static void take_line(struct weir__input *input, size_t at, bool ended)
{
    if (at - input->start > input->longest)
        input->longest = at - input->start;
    input->inside = false;
    input->seen++;
    input->start = ended ? at + 1 : at;
    if (ended || !input->stream)
        return;
    hash_taken(input); /* the stream's end: nothing comes after the LF that it lacks */
    weir__digest_add(&input->digest, "\n", 1);
}

static enum weir__input_next give(struct weir__input *input, enum weir__input_next what)
{
    input->previous = input->number;
    input->number = input->seen;
    return what;
}

/* Passes over the rest of a line of which too much is there already. */
static enum weir__input_next pass_long_line(struct weir__input *input)
{
    enum weir__input_next next;
    const char *lf;

    for (;;) {
        lf = memchr(input->buffer + input->start, '\n', input->end - input->start);
        if (lf != NULL)
            break;
        input->start = input->end;
        input->inside = true;
        next = refill(input);
        if (next == WEIR__INPUT_END)
            break;
        if (next != WEIR__INPUT_LINE)
            return next;
    }
    take_line(input, lf != NULL ? (size_t)(lf - input->buffer) : input->end, lf != NULL);
    return give(input, WEIR__INPUT_TOO_LONG);
}

/* The next line, empty or not, in *text and *size without its LF. */
static enum weir__input_next next_line(struct weir__input *input, const char **text, size_t *size)
{
    enum weir__input_next next;
    size_t looked = 0; /* bytes from `start` on without a LF */
    const char *lf;

    while ((lf = memchr(input->buffer + input->start + looked, '\n', input->end - input->start - looked)) == NULL) {
        looked = input->end - input->start;
        if (looked > WEIR__INPUT_LINE_MAX_SIZE)
            return pass_long_line(input);
        if (input->at_end)
            break;
        next = refill(input);
        if (next != WEIR__INPUT_LINE && next != WEIR__INPUT_END)
            return next;
    }
    if (lf == NULL && looked == 0)
        return WEIR__INPUT_END;
    *text = input->buffer + input->start;
    *size = lf != NULL ? (size_t)(lf - *text) : looked;
    if (*size > WEIR__INPUT_LINE_MAX_SIZE)
        return pass_long_line(input);
    take_line(input, input->start + *size, lf != NULL);
    return WEIR__INPUT_LINE;
}

enum weir__input_next weir__input_next(struct weir__input *input, const char **text, size_t *size)
{
    enum weir__input_next next;
    const char *line = NULL;
    size_t length = 0;

    do {
        if (atomic_load_explicit(&input->woken, memory_order_relaxed))
            return WEIR__INPUT_WOKEN;
        next = next_line(input, &line, &length);
        if (next == WEIR__INPUT_END && input->changed)
            return WEIR__INPUT_CHANGED;
        if (next != WEIR__INPUT_LINE)
            return next;
    } while (all_blank(line, length));
    *text = line;
    *size = line[length - 1] == '\r' ? length - 1 : length;
    return give(input, WEIR__INPUT_LINE);
}

/* How many of 1, 2, 4, 8, ... are at most `number`. */
static int powers_up_to(uint64_t number)
{
    return number == 0 ? 0 : 64 - __builtin_clzll(number);
}

bool weir__input_checkpoint(struct weir__input *input, bool at_end, uint64_t *out_lines,
                            char out[WEIR__DIGEST_HEX_SIZE])
{
    const uint64_t now = input->number, before = input->previous;
    const bool ended = input->at_end && input->start == input->end;

    if (!input->stream || input->inside || (!ended && input->seen != now))
        return false;
    if (!at_end && powers_up_to(now) == powers_up_to(before) &&
        now / WEIR__INPUT_STEADY_LINES == before / WEIR__INPUT_STEADY_LINES)
        return false;
    hash_taken(input);
    if (!weir__digest_peek(&input->digest, out))
        return false;
    *out_lines = at_end && ended ? input->seen : now;
    return true;
}
