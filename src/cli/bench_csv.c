/* bench_csv - see bench_table.h */
#include "cli/bench_table.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

/* In the order of the columns behind "round" and "failed". */
static const struct {
    const char *name;
    size_t at;
    int digits;
} columns[] = {
#define COLUMN(name, digits)                                                                                           \
    {                                                                                                                  \
#name, offsetof(struct weir__bench_figures, name), digits                                                      \
    }
#define QUANTILE(name, index)                                                                                          \
    {                                                                                                                  \
        name, offsetof(struct weir__bench_figures, latency_ms) + (index) * sizeof(double), 4                           \
    }
    COLUMN(elapsed_s, 6),
    COLUMN(requests, 1),
    COLUMN(succeeded, 1),
    COLUMN(failures, 1),
    COLUMN(refused, 1),
    COLUMN(rate_per_s, 3),
    COLUMN(cpu_user_s, 6),
    COLUMN(cpu_system_s, 6),
    COLUMN(cpu_us, 3),
    COLUMN(switches_voluntary, 1),
    COLUMN(switches_involuntary, 1),
    COLUMN(max_rss_bytes, 0),
    QUANTILE("p50_ms", 0),
    QUANTILE("p90_ms", 1),
    QUANTILE("p99_ms", 2),
    QUANTILE("p99_9_ms", 3),
    QUANTILE("max_ms", 4),
    {"mean_ms", offsetof(struct weir__bench_figures, latency_mean_ms), 4},
    COLUMN(quota, 6),
};

#define COLUMN_COUNT (sizeof columns / sizeof columns[0])

/* In quotes where it must be.  A spreadsheet would take "=1+1" for a formula: an apostrophe makes it a text. */
static void print_text(const char *text, FILE *out)
{
    const bool formula = text[0] != '\0' && strchr("=+-@", text[0]) != NULL;

    if (!formula && text[strcspn(text, ",\"\r\n")] == '\0') {
        (void)fputs(text, out);
        return;
    }
    (void)fputs(formula ? "\"'" : "\"", out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            (void)fputc('"', out);
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

/* Without zeros at its end. */
static void print_number(double value, int digits, FILE *out)
{
    char text[400];
    size_t length;

    if (isnan(value) || isinf(value))
        return;
    (void)snprintf(text, sizeof text, "%.*f", digits, value);
    length = strlen(text);
    if (strchr(text, '.') != NULL) {
        while (text[length - 1] == '0')
            length--;
        length -= text[length - 1] == '.';
    }
    (void)fprintf(out, "%.*s", (int)length, text);
}

static void print_line(const struct weir__bench_cell *cell, const struct weir__bench_subject *subject,
                       const char *round, const struct weir__bench_figures *figures, FILE *out)
{
    (void)fprintf(out, "%" PRIu32 ",", cell->concurrency);
    print_number(cell->target_latency_ms, 6, out);
    (void)fprintf(out, ",%" PRIu64 ",", cell->total);
    print_text(subject->name, out);
    (void)fprintf(out, ",%s,%s,", subject->kind, round);
    if (figures != NULL)
        (void)fputs(figures->failed ? "true" : "false", out);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        double value = NAN;

        if (figures != NULL)
            memcpy(&value, (const char *)figures + columns[i].at, sizeof value);
        (void)fputc(',', out);
        print_number(value, columns[i].digits, out);
    }
    (void)fputs("\r\n", out);
}

static void print_subject(const struct weir__bench_cell *cell, const struct weir__bench_subject *subject, FILE *out)
{
    char round[16];

    if (subject->skipped != NULL) {
        print_line(cell, subject, "skipped", NULL, out);
        return;
    }
    for (size_t i = 0; i < subject->round_count; i++) {
        (void)snprintf(round, sizeof round, "%" PRIu32, subject->rounds[i].round);
        print_line(cell, subject, subject->rounds[i].round == 0 ? "warmup" : round, &subject->rounds[i], out);
    }
    print_line(cell, subject, "median", &subject->median, out);
    print_line(cell, subject, "least", &subject->least, out);
    print_line(cell, subject, "most", &subject->most, out);
}

void weir__bench_csv_print(const struct weir__bench_results *results, FILE *out)
{
    (void)fputs("concurrency,target_latency_ms,total,subject,kind,round,failed", out);
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        (void)fprintf(out, ",%s", columns[i].name);
    (void)fputs("\r\n", out);
    for (size_t i = 0; i < results->cell_count; i++)
        for (size_t j = 0; j < results->cells[i].subject_count; j++)
            print_subject(&results->cells[i], &results->cells[i].subjects[j], out);
}
