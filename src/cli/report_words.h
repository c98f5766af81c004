/*
 * report_words - what measured figures say, in plain sentences.
 *
 * Pure: figures in, texts out.  It knows three rules.  What differs by less than the spread of the rounds, or by a
 * hundredth, is the same.  What failed or was refused is named, and never compared: a fast failure is no win.  What was
 * not measured is named with its reason.  Names in the texts are as they are in the data: a page escapes them.
 */
#ifndef WEIR_CLI_REPORT_WORDS_H
#define WEIR_CLI_REPORT_WORDS_H

#include "json/bench_results.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum weir__report_tone {
    WEIR__REPORT_PLAIN,
    WEIR__REPORT_KEY, /* what one came for */
    WEIR__REPORT_WARN /* what must not be overlooked */
};

struct weir__report_word {
    char *text; /* a sentence or two */
    enum weir__report_tone tone;
    size_t cell; /* that it is about; SIZE_MAX: of the whole */
};

/* A zeroed one is empty. */
struct weir__report_words {
    struct weir__report_word *items;
    size_t count, capacity;
    bool failed; /* without memory: something is missing */
};

void weir__report_words_add(struct weir__report_words *words, enum weir__report_tone tone, size_t cell,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));
void weir__report_words_clear(struct weir__report_words *words);

/* Of a benchmark: first the whole, then cell by cell. */
void weir__report_words_bench(struct weir__report_words *words, const struct weir__bench_results *results);

/* "50 ms and 100 in flight", "100 in flight". */
#define WEIR__REPORT_PLACE_SIZE 80u
const char *weir__report_words_place(const struct weir__bench_cell *cell, char out[WEIR__REPORT_PLACE_SIZE]);

/* How many rounds of it count, and how many of those did not come to an end. */
size_t weir__report_words_rounds(const struct weir__bench_subject *subject, size_t *out_failed);

/* Measured, with rounds that count. */
bool weir__report_words_measured(const struct weir__bench_subject *subject);

/* Measured, and in no round anything failed or was refused, as far as anybody counted. */
bool weir__report_words_clean(const struct weir__bench_subject *subject);

#endif
