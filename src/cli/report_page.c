/* report_page - see report_page.h */
#include "cli/report_page.h"

#include "cli/commands.h"
#include "cli/replace.h"
#include "cli/report_file.h"
#include "cli/report_gnuplot.h"
#include "cli/report_style.h"
#include "cli/say.h"
#include "json/utf8.h"
#include "weir.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Around a plot's number; no escaped text has them. */
#define MARK '\001'
#define MARK_END '\002'

/* Before each drawing, on a line of its own. */
#define DRAWING "Zw-drawing-"

void weir__report_page_escape(FILE *to, const char *text)
{
    size_t size = strlen(text), length;

    for (; size > 0; text += length, size -= length) {
        length = weir__utf8_length(text, size);
        if (length == 0) { /* not UTF-8: U+FFFD */
            length = 1;
            (void)fputs("\357\277\275", to);
        } else if (*text == '<') {
            (void)fputs("&lt;", to);
        } else if (*text == '>') {
            (void)fputs("&gt;", to);
        } else if (*text == '&') {
            (void)fputs("&amp;", to);
        } else if (*text == '"') {
            (void)fputs("&quot;", to);
        } else if (*text == '\'') {
            (void)fputs("&#39;", to);
        } else if ((unsigned char)*text >= ' ' ? *text != '\177' : *text == '\n' || *text == '\t') {
            (void)fwrite(text, 1, length, to);
        } else {
            (void)fputs("\357\277\275", to);
        }
    }
}

void weir__report_page_put(struct weir__report_page *page, const char *markup)
{
    (void)fputs(markup, page->html);
}

void weir__report_page_text(struct weir__report_page *page, const char *text)
{
    if (text != NULL)
        weir__report_page_escape(page->html, text);
}

void weir__report_page_say(struct weir__report_page *page, const char *format, ...)
{
    va_list arguments;
    char *text;
    int length;

    va_start(arguments, format);
    length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        page->failed = true;
        return;
    }
    weir__report_page_escape(page->html, text);
    free(text);
}

void weir__report_page_putf(struct weir__report_page *page, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vfprintf(page->html, format, arguments);
    va_end(arguments);
}

/* No network, whatever might be in it: the policy forbids all but what stands in the file. */
static void put_head(struct weir__report_page *page, const char *title)
{
    weir__report_page_put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                                "'unsafe-inline'; img-src data:\">\n"
                                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                                "<meta name=\"generator\" content=\"weir " WEIR_VERSION "\">\n"
                                "<link rel=\"icon\" href=\"data:,\">\n<title>");
    weir__report_page_text(page, title);
    weir__report_page_put(page, "</title>\n<style>\n");
    weir__report_page_put(page, weir__report_style);
    weir__report_page_put(page, "</style>\n</head>\n<body>\n<main>\n");
}

bool weir__report_page_open(struct weir__report_page *page, const char *title)
{
    memset(page, 0, sizeof *page);
    page->html = open_memstream(&page->html_text, &page->html_size);
    page->script = open_memstream(&page->script_text, &page->script_size);
    if (page->html == NULL || page->script == NULL) {
        weir__report_page_close(page);
        return false;
    }
    (void)fputs("set encoding utf8\nset print '-'\n", page->script);
    put_head(page, title);
    return true;
}

size_t weir__report_page_plot(struct weir__report_page *page, const char *title, const char *description,
                              unsigned width, unsigned height)
{
    const size_t number = page->plot_count;

    if (number == page->plot_capacity) {
        const size_t capacity = number == 0 ? 32 : number * 2;
        struct weir__report_svg *plots = realloc(page->plots, capacity * sizeof *plots);
        if (plots == NULL) {
            page->failed = true;
            return number;
        }
        page->plots = plots;
        page->plot_capacity = capacity;
    }
    page->plots[number] = (struct weir__report_svg){strdup(title), strdup(description), width, height};
    page->plot_count++;
    if (page->plots[number].title == NULL || page->plots[number].description == NULL)
        page->failed = true;
    (void)fprintf(page->html, "%c%zu%c", MARK, number, MARK_END);
    (void)fprintf(page->script, "print '" DRAWING "%zu'\n", number);
    return number;
}

/* ----------------------------------------------------------------------------------------------------------- the whole
 */

/* The drawing of that number: from its line to the next one's. */
static bool put_plot(FILE *to, const struct weir__report_page *page, size_t number, const char *drawings)
{
    char head[48];
    const char *from, *end;

    if (number >= page->plot_count)
        return false;
    (void)snprintf(head, sizeof head, DRAWING "%zu\n", number);
    from = drawings != NULL ? strstr(drawings, head) : NULL;
    if (from == NULL)
        return false;
    from += strlen(head);
    end = strstr(from, DRAWING);
    return weir__report_svg_write(to, &page->plots[number], number, &page->labels, from,
                                  end != NULL ? (size_t)(end - from) : strlen(from));
}

/* The page with drawings in the place of marks.  False where one is missing. */
static bool put_whole(FILE *to, const struct weir__report_page *page, const char *drawings)
{
    const char *at = page->html_text, *mark;
    const char *const end = at + page->html_size;

    while ((mark = memchr(at, MARK, (size_t)(end - at))) != NULL) {
        char *rest;
        (void)fwrite(at, 1, (size_t)(mark - at), to);
        if (!put_plot(to, page, strtoul(mark + 1, &rest, 10), drawings) || *rest != MARK_END)
            return false;
        at = rest + 1;
    }
    (void)fwrite(at, 1, (size_t)(end - at), to);
    return true;
}

static int out_of_memory(const char *command)
{
    weir__say("weir %s: out of memory", command);
    return WEIR__EXIT_USAGE;
}

static int cannot_write(const char *command, const char *file)
{
    char name[256];
    const int error = errno;

    weir__say("weir %s: %s: the page cannot be written: %s", command, weir__say_escape(file, name, sizeof name),
              weir__replace_reason(error));
    return WEIR__EXIT_OUTPUT;
}

int weir__report_page_finish(struct weir__report_page *page, const char *command, const char *file)
{
    struct weir__report_file out;
    char *drawings;
    size_t size = 0;
    bool whole;

    weir__report_page_put(page, "</main>\n<footer>Made by weir " WEIR_VERSION ". This file needs no network and holds "
                                "no script.</footer>\n</body>\n</html>\n");
    if (fflush(page->html) != 0 || fflush(page->script) != 0 || page->failed)
        return out_of_memory(command);
    drawings = weir__report_gnuplot_run(command, page->script_text, page->script_size, &size);
    if (drawings == NULL)
        return WEIR__EXIT_USAGE;
    if (!weir__report_file_open(&out, file)) {
        free(drawings);
        return cannot_write(command, file);
    }
    whole = put_whole(out.stream, page, drawings);
    free(drawings);
    if (!weir__report_file_close(&out, whole))
        return cannot_write(command, file);
    if (whole)
        return WEIR__EXIT_OK;
    weir__say("weir %s: gnuplot drew less than it was asked for", command);
    return WEIR__EXIT_USAGE;
}

void weir__report_page_close(struct weir__report_page *page)
{
    if (page->html != NULL)
        (void)fclose(page->html);
    if (page->script != NULL)
        (void)fclose(page->script);
    free(page->html_text);
    free(page->script_text);
    for (size_t i = 0; i < page->plot_count; i++) {
        free(page->plots[i].title);
        free(page->plots[i].description);
    }
    free(page->plots);
    weir__report_svg_labels_clear(&page->labels);
    memset(page, 0, sizeof *page);
}
