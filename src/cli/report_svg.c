/* report_svg - see report_svg.h */
#include "cli/report_svg.h"

#include "cli/report_page.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------ names and
 * texts
 */

const char *weir__report_svg_variable(enum weir__report_colour colour)
{
    static const char *const variables[WEIR__REPORT_COLOUR_COUNT] = {
#define WEIR__REPORT_COLOUR_NAME(name, variable) [WEIR__REPORT_##name] = variable,
        WEIR__REPORT_COLOUR_MAP(WEIR__REPORT_COLOUR_NAME)
#undef WEIR__REPORT_COLOUR_NAME
    };

    return colour < WEIR__REPORT_COLOUR_COUNT ? variables[colour] : "ink";
}

size_t weir__report_svg_label(struct weir__report_labels *labels, const char *text)
{
    if (labels->count == labels->capacity) {
        const size_t capacity = labels->capacity == 0 ? 32 : labels->capacity * 2;
        char **texts = realloc(labels->texts, capacity * sizeof *texts);
        if (texts == NULL)
            return SIZE_MAX;
        labels->texts = texts;
        labels->capacity = capacity;
    }
    labels->texts[labels->count] = strdup(text);
    return labels->texts[labels->count] != NULL ? labels->count++ : SIZE_MAX;
}

void weir__report_svg_labels_clear(struct weir__report_labels *labels)
{
    for (size_t i = 0; i < labels->count; i++)
        free(labels->texts[i]);
    free(labels->texts);
    memset(labels, 0, sizeof *labels);
}

/* ---------------------------------------------------------------------------------------------------------- the
 * drawing
 */

struct drawing {
    FILE *to;
    const struct weir__report_labels *labels;
    const char *at, *end;
};

static bool begins(const struct drawing *drawing, const char *with)
{
    const size_t size = strlen(with);

    return (size_t)(drawing->end - drawing->at) >= size && memcmp(drawing->at, with, size) == 0;
}

static const char *find(const struct drawing *drawing, const char *what)
{
    return memmem(drawing->at, (size_t)(drawing->end - drawing->at), what, strlen(what));
}

/* Attributes that the page's style decides, or that say what holds without them.  The first quote ends the name. */
static bool pass_attribute(struct drawing *drawing)
{
    static const char *const names[] = {" font-family=\"",    " font-size=\"",         " color=\"",
                                        " class=\"",          " stroke-linecap=\"",    " stroke-linejoin=\"",
                                        " shape-rendering='", " stroke-width=\"1.00\""};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const size_t size = strlen(names[i]);
        const char *close;
        if (!begins(drawing, names[i]))
            continue;
        if (names[i][size - 2] == '0') { /* whole: there is nothing behind it */
            drawing->at += size;
            return true;
        }
        close = memchr(drawing->at + size, names[i][size - 1], (size_t)(drawing->end - drawing->at) - size);
        if (close == NULL)
            return false;
        drawing->at = close + 1;
        return true;
    }
    return false;
}

/* A group with nothing in it, of which gnuplot leaves many; or the head of one with a name and a title. */
static bool pass_group(struct drawing *drawing)
{
    const char *end;

    if (begins(drawing, "<g id=\"") && (end = find(drawing, "</title>")) != NULL) {
        (void)fputs("<g>", drawing->to);
        drawing->at = end + strlen("</title>");
        return true;
    }
    if (!begins(drawing, "<g ") || (end = memchr(drawing->at, '>', (size_t)(drawing->end - drawing->at))) == NULL)
        return false;
    do
        end++;
    while (end < drawing->end && (*end == '\n' || *end == '\t' || *end == ' '));
    if ((size_t)(drawing->end - end) < 4 || memcmp(end, "</g>", 4) != 0)
        return false;
    drawing->at = end + 4;
    return true;
}

/* rgb(1, 1, N), in any spacing. */
static bool put_colour(struct drawing *drawing)
{
    const char *at = drawing->at + strlen("rgb(");
    unsigned parts[3] = {0, 0, 0};

    if (!begins(drawing, "rgb("))
        return false;
    for (int i = 0; i < 3; i++) {
        while (at < drawing->end && (*at == ' ' || *at == ','))
            at++;
        while (at < drawing->end && *at >= '0' && *at <= '9' && parts[i] < 1000)
            parts[i] = parts[i] * 10 + (unsigned)(*at++ - '0');
    }
    if (at == drawing->end || *at != ')' || parts[0] != 1 || parts[1] != 1)
        return false;
    (void)fprintf(drawing->to, "var(--%s)", weir__report_svg_variable((enum weir__report_colour)parts[2]));
    drawing->at = at + 1;
    return true;
}

static bool put_label(struct drawing *drawing)
{
    const char *at = drawing->at + 2;
    size_t number = 0;

    if (!begins(drawing, "Zq"))
        return false;
    while (at < drawing->end && *at >= '0' && *at <= '9' && number < drawing->labels->count)
        number = number * 10 + (size_t)(*at++ - '0');
    if (at == drawing->end || *at != 'q' || number >= drawing->labels->count)
        return false;
    weir__report_page_escape(drawing->to, drawing->labels->texts[number]);
    drawing->at = at + 1;
    return true;
}

bool weir__report_svg_write(FILE *to, const struct weir__report_svg *svg, size_t number,
                            const struct weir__report_labels *labels, const char *raw, size_t size)
{
    struct drawing drawing = {to, labels, raw, raw + size};
    const char *body = find(&drawing, "</defs>"), *end = find(&drawing, "</svg>");

    if (body == NULL || end == NULL || end < body) /* before it: its ground, and marks that no plot of ours uses */
        return false;
    drawing.at = body + strlen("</defs>");
    drawing.end = end;
    (void)fprintf(to, "<svg class=\"plot\" viewBox=\"0 0 %u %u\" role=\"img\" aria-labelledby=\"p%zut p%zud\">",
                  svg->width, svg->height, number, number);
    (void)fprintf(to, "<title id=\"p%zut\">", number);
    weir__report_page_escape(to, svg->title);
    (void)fprintf(to, "</title><desc id=\"p%zud\">", number);
    weir__report_page_escape(to, svg->description);
    (void)fputs("</desc>\n<g>", to); /* gnuplot's own, which was opened before */
    while (drawing.at < drawing.end) {
        if (*drawing.at == '\n' || *drawing.at == '\t') {
            (void)fputc('\n', to);
            while (drawing.at < drawing.end && (*drawing.at == '\n' || *drawing.at == '\t'))
                drawing.at++;
        } else if (!pass_group(&drawing) && !pass_attribute(&drawing) && !put_colour(&drawing) &&
                   !put_label(&drawing)) {
            (void)fputc(*drawing.at++, to);
        }
    }
    (void)fputs("</svg>", to);
    return true;
}
