/*
 * report_bench - the page of a benchmark: what it says on top, then cell by cell the figures, then how it was measured.
 */
#include "cli/report_bench_parts.h"

#include "cli/commands.h"
#include "cli/report.h"
#include "cli/report_axis.h"
#include "cli/report_chart.h"
#include "cli/report_gnuplot.h"
#include "cli/report_parts.h"
#include "cli/say.h"
#include "json/scan.h"

#include <math.h>
#include <string.h>

/* ----------------------------------------------------------------------------------------------------------------
 * names
 */

/* Engines have theirs; others take those behind, in the order in which they first occur. */
unsigned weir__report_bench_series(const struct weir__bench_results *results, const char *name)
{
    static const char *const fixed[] = {"threads", "async", "naive"};
    const unsigned fixed_count = sizeof fixed / sizeof fixed[0];
    const char *seen[WEIR__BENCH_CELLS_MAX * WEIR__BENCH_SUBJECTS_MAX];
    unsigned count = 0;

    for (unsigned i = 0; i < fixed_count; i++)
        if (strcmp(name, fixed[i]) == 0)
            return i;
    for (size_t cell = 0; cell < results->cell_count; cell++) {
        for (size_t i = 0; i < results->cells[cell].subject_count; i++) {
            const struct weir__bench_subject *each = &results->cells[cell].subjects[i];
            unsigned at = 0;
            if (strcmp(each->kind, "peer") != 0)
                continue;
            while (at < count && strcmp(seen[at], each->name) != 0)
                at++;
            if (at == count)
                seen[count++] = each->name;
        }
    }
    for (unsigned at = 0; at < count; at++)
        if (strcmp(seen[at], name) == 0)
            return fixed_count + at % (WEIR__REPORT_SERIES - fixed_count);
    return fixed_count;
}

enum weir__report_colour weir__report_bench_colour(const struct weir__bench_results *results, const char *name)
{
    return (enum weir__report_colour)(WEIR__REPORT_S0 + weir__report_bench_series(results, name));
}

/* At most so many characters of it. */

/* --------------------------------------------------------------------------------------------------------------- words
 */

void weir__report_bench_words(struct weir__report_page *page, const struct weir__report_words *words, size_t cell,
                              bool all)
{
    static const char *const classes[] = {"", " class=\"key\"", " class=\"warn\""};

    weir__report_page_put(page, "<ul class=\"words\">\n");
    for (size_t i = 0; i < words->count; i++) {
        const struct weir__report_word *word = &words->items[i];
        if (all                ? false
            : cell == SIZE_MAX ? word->cell != SIZE_MAX && word->tone == WEIR__REPORT_PLAIN
                               : word->cell != cell)
            continue;
        weir__report_page_putf(page, "<li%s>", classes[word->tone]);
        weir__report_page_text(page, word->text);
        weir__report_page_put(page, "</li>\n");
    }
    weir__report_page_put(page, "</ul>\n");
}

void weir__report_bench_fact(struct weir__report_page *page, const char *name, const char *value)
{
    if (value == NULL)
        return;
    weir__report_page_put(page, "<dt>");
    weir__report_page_text(page, name);
    weir__report_page_put(page, "</dt><dd>");
    weir__report_page_text(page, value);
    weir__report_page_put(page, "</dd>\n");
}

/* --------------------------------------------------------------------------------------------------------------- table
 */

typedef const char *say_fn(double value, char *out);

/* The median, and below it the spread, where there is one. */
static void put_cell(struct weir__report_page *page, double median, double least, double most, say_fn *say, bool warn)
{
    char text[WEIR__REPORT_FIGURE_SIZE], low[WEIR__REPORT_FIGURE_SIZE], high[WEIR__REPORT_FIGURE_SIZE];

    weir__report_page_putf(page, "<td%s>%s", warn ? " class=\"warn\"" : "", say(median, text));
    if (least < most)
        weir__report_page_putf(page, "<small>%s \u2013 %s</small>", say(least, low), say(most, high));
    weir__report_page_put(page, "</td>");
}

#define FIGURE(field, say) put_cell(page, m->field, l->field, h->field, say, false)

static bool has_quota(const struct weir__bench_cell *cell)
{
    for (size_t i = 0; i < cell->subject_count; i++)
        if (weir__report_words_measured(&cell->subjects[i]) && !isnan(cell->subjects[i].median.quota))
            return true;
    return false;
}

static double switches(const struct weir__bench_figures *figures)
{
    return (figures->switches_voluntary + figures->switches_involuntary) / figures->requests;
}

static void put_row(struct weir__report_bench *bench, const struct weir__bench_subject *subject, bool quota)
{
    struct weir__report_page *page = &bench->page;
    const struct weir__bench_figures *m = &subject->median, *l = &subject->least, *h = &subject->most;
    const unsigned series = weir__report_bench_series(bench->results, subject->name);

    weir__report_page_put(page, "<tr><th scope=\"row\">");
    weir__report_chart_swatch(page, weir__report_bench_colour(bench->results, subject->name), series, false);
    weir__report_page_text(page, subject->name);
    weir__report_page_put(page, "</th>");
    if (!weir__report_words_measured(subject)) {
        weir__report_page_putf(page, "<td class=\"text\" colspan=\"%d\">not measured: ", quota ? 11 : 10);
        weir__report_page_text(page, subject->skipped != NULL ? subject->skipped : "no round came to an end");
        weir__report_page_put(page, "</td></tr>\n");
        return;
    }
    FIGURE(rate_per_s, weir__report_axis_say_count);
    put_cell(page, m->refused, l->refused, h->refused, weir__report_axis_say_count, h->refused > 0);
    put_cell(page, m->failures, l->failures, h->failures, weir__report_axis_say_count, h->failures > 0);
    FIGURE(cpu_us, weir__report_axis_say_us);
    put_cell(page, switches(m), 0, 0, weir__report_axis_say_count, false);
    FIGURE(max_rss_bytes, weir__report_axis_say_bytes);
    for (size_t i = 0; i < 4; i++)
        put_cell(page, m->latency_ms[i], 0, 0, weir__report_axis_say_ms, false);
    if (quota)
        put_cell(page, m->quota, 0, 0, weir__report_axis_say_share, false);
    weir__report_page_put(page, "</tr>\n");
}

static void put_table(struct weir__report_bench *bench, const struct weir__bench_cell *cell)
{
    struct weir__report_page *page = &bench->page;
    const bool quota = has_quota(cell);

    weir__report_page_put(page,
                          "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Figures\"><table>\n"
                          "<thead><tr><th scope=\"col\"></th><th scope=\"col\">succeeded/s</th>"
                          "<th scope=\"col\">refused</th><th scope=\"col\">failed</th>"
                          "<th scope=\"col\">CPU<br>per request</th><th scope=\"col\">switches<br>per request</th>"
                          "<th scope=\"col\">peak<br>memory</th><th scope=\"col\">p50</th><th scope=\"col\">p90</th>"
                          "<th scope=\"col\">p99</th><th scope=\"col\">p99.9</th>");
    weir__report_page_put(page,
                          quota ? "<th scope=\"col\">quota</th></tr></thead>\n<tbody>\n" : "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < cell->subject_count; i++)
        put_row(bench, &cell->subjects[i], quota);
    weir__report_page_put(page, "</tbody></table></div>\n");
}

static void put_section(struct weir__report_bench *bench, size_t number)
{
    const struct weir__bench_cell *cell = &bench->results->cells[number];
    struct weir__report_page *page = &bench->page;
    char place[WEIR__REPORT_PLACE_SIZE], total[WEIR__REPORT_FIGURE_SIZE];

    weir__report_page_putf(page, "<section id=\"cell-%zu\">\n<h2>", number + 1);
    weir__report_page_say(page, "At %s", weir__report_words_place(cell, place));
    weir__report_page_put(page, "</h2>\n");
    if (!bench->all_on_top)
        weir__report_bench_words(page, &bench->words, number, false);
    weir__report_page_putf(
        page,
        "<p class=\"caption\">%s requests a round. Medians of the rounds; below them, and as lines on "
        "the bars, the least and the most.</p>\n",
        weir__report_axis_say_count((double)cell->total, total));
    put_table(bench, cell);
    weir__report_bench_plots(bench, cell);
    weir__report_page_put(page, "</section>\n");
}

/* -------------------------------------------------------------------------------------------------- how it was
 * measured
 */

/* JSON with a line for each value; as it is, where it is none. */
static void put_pretty(struct weir__report_page *page, const char *json)
{
    struct weir__scan scan;
    enum weir__scan_token token, before = WEIR__SCAN_END;

    weir__scan_init(&scan, json, strlen(json));
    while ((token = weir__scan_next(&scan)) < WEIR__SCAN_END) {
        const bool closes = token == WEIR__SCAN_OBJECT_END || token == WEIR__SCAN_ARRAY_END;
        const bool opened = before == WEIR__SCAN_OBJECT || before == WEIR__SCAN_ARRAY;
        if (before != WEIR__SCAN_END && before != WEIR__SCAN_KEY && !(opened && closes))
            weir__report_page_putf(page, "%s\n%*s", opened || closes ? "" : ",",
                                   (int)(scan.depth - (token == WEIR__SCAN_OBJECT || token == WEIR__SCAN_ARRAY)) * 2,
                                   "");
        if (token == WEIR__SCAN_KEY) {
            const char *quote = json + scan.start + 1;
            while (*quote != '"')
                quote += *quote == '\\' ? 2 : 1;
            weir__report_page_say(page, "%.*s: ", (int)(quote + 1 - (json + scan.start)), json + scan.start);
        } else {
            weir__report_page_say(page, "%.*s", (int)(scan.end - scan.start), json + scan.start);
        }
        before = token;
    }
}

static void put_method(struct weir__report_bench *bench)
{
    const struct weir__bench_results *results = bench->results;
    struct weir__report_page *page = &bench->page;

    weir__report_page_put(page, "<section id=\"method\">\n<h2>How it was measured</h2>\n<dl class=\"facts\">\n");
    weir__report_page_put(page, "<dt>Target</dt><dd>");
    weir__report_page_text(page, results->url);
    weir__report_page_put(page, results->built_in ? " (the built-in server, in a process of its own)</dd>\n"
                                                  : " (not ours: others may use it at the same time)</dd>\n");
    weir__report_bench_fact(page, "It allows", results->limit);
    weir__report_bench_fact(page, "The engines keep to", results->rates);
    weir__report_page_putf(page, "<dt>Rounds</dt><dd>%u of each", results->rounds);
    if (results->warmups > 0)
        weir__report_page_putf(page, ", after %u to warm up, which %s for nothing", results->warmups,
                               results->warmups == 1 ? "counts" : "count");
    weir__report_page_put(page, "; in turns, so that what happens on the machine meanwhile meets all of them</dd>\n");
    weir__report_bench_fact(page, "Measured",
                            "each round in a process of its own: its CPU time, context switches and peak "
                            "memory, without the target's");
    weir__report_bench_fact(page, "Latency",
                            results->intended
                                ? "from the moment at which the rate meant a request to be sent: what waited "
                                  "because others were slow counts as slow"
                                : "from a request's send to its end");
    weir__report_bench_fact(page, "The same",
                            "what differs by less than the spread of the rounds, or by less than 1 % "
                            "(5 % with fewer than three rounds)");
    weir__report_bench_fact(page, "Machine", results->machine);
    weir__report_bench_fact(page, "Begun", results->started_at);
    weir__report_bench_fact(page, "weir", results->version);
    weir__report_page_put(page, "</dl>\n");
    if (results->config != NULL) {
        weir__report_page_put(page, "<details><summary>Configuration</summary><pre>");
        put_pretty(page, results->config);
        weir__report_page_put(page, "</pre></details>\n");
    }
    weir__report_page_put(page, "</section>\n");
}

static bool has_key(const struct weir__report_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        if (words->items[i].tone == WEIR__REPORT_KEY)
            return true;
    return false;
}

static bool has_both(const struct weir__bench_results *results)
{
    bool threads = false, async = false;

    for (size_t i = 0; i < results->cell_count; i++) {
        for (size_t j = 0; j < results->cells[i].subject_count; j++) {
            threads |= strcmp(results->cells[i].subjects[j].name, "threads") == 0;
            async |= strcmp(results->cells[i].subjects[j].name, "async") == 0;
        }
    }
    return threads && async;
}

int weir__report_bench_write(const struct weir__bench_results *results, const char *command, const char *file)
{
    struct weir__report_bench bench = {.results = results};
    struct weir__report_page *page = &bench.page;
    const char *title = has_both(results) ? "Threads or async?" : "Benchmark";
    int code = WEIR__EXIT_USAGE;

    if (!weir__report_page_open(page, title)) {
        weir__say("weir %s: out of memory", command);
        return code;
    }
    weir__report_words_bench(&bench.words, results);
    page->failed |= bench.words.failed;
    bench.all_on_top = results->cell_count <= 1 || !has_key(&bench.words);
    weir__report_page_put(page, "<header><h1>");
    weir__report_page_text(page, title);
    weir__report_page_put(page, "</h1>\n<p class=\"meta\">The same requests to ");
    weir__report_page_text(page, results->built_in ? "the built-in target" : results->url);
    weir__report_page_put(page, ", measured in turns");
    if (results->started_at != NULL)
        weir__report_page_say(page, " on %s", results->started_at);
    weir__report_page_put(page, ".</p></header>\n<section class=\"reading\"><h2>What it says</h2>\n");
    weir__report_bench_words(page, &bench.words, SIZE_MAX, bench.all_on_top);
    weir__report_page_put(page, "</section>\n");
    for (size_t i = 0; i < results->cell_count; i++)
        put_section(&bench, i);
    put_method(&bench);
    code = weir__report_page_finish(page, command, file);
    weir__report_words_clear(&bench.words);
    weir__report_page_close(page);
    return code;
}

bool weir__report_bench(const struct weir__bench_results *results, const char *file)
{
    return weir__report_gnuplot_find("bench") && weir__report_bench_write(results, "bench", file) == WEIR__EXIT_OK;
}
