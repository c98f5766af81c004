/*
 * report_svg - what gnuplot drew, as a part of a page.
 *
 * gnuplot knows colours, fonts and names that collide between drawings; a page wants its own colours, light or dark,
 * its own font, and names that are unique.  Scripts therefore use colours that stand for variables of the page's style,
 * and names that stand for texts: no text of any data ever reaches gnuplot, which would run it.
 */
#ifndef WEIR_CLI_REPORT_SVG_H
#define WEIR_CLI_REPORT_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Colours, as the style sheet names them.  X(NAME, variable); in a script it is 0x0101NN, NN its number. */
#define WEIR__REPORT_COLOUR_MAP(X)                                                                                     \
    X(AXIS, "axis")                                                                                                    \
    X(LABEL, "muted")                                                                                                  \
    X(GRID, "grid")                                                                                                    \
    X(SHADE, "shade")                                                                                                  \
    X(INK, "ink")                                                                                                      \
    X(S0, "s0")                                                                                                        \
    X(S1, "s1")                                                                                                        \
    X(S2, "s2")                                                                                                        \
    X(S3, "s3")                                                                                                        \
    X(S4, "s4")                                                                                                        \
    X(S5, "s5")                                                                                                        \
    X(S6, "s6")                                                                                                        \
    X(S7, "s7")                                                                                                        \
    X(GOOD, "good")                                                                                                    \
    X(MOVED, "moved")                                                                                                  \
    X(REFUSED, "refused")                                                                                              \
    X(BAD, "bad")                                                                                                      \
    X(WORSE, "worse")                                                                                                  \
    X(NONE, "none")

enum weir__report_colour {
#define WEIR__REPORT_COLOUR_ENUM(name, variable) WEIR__REPORT_##name,
    WEIR__REPORT_COLOUR_MAP(WEIR__REPORT_COLOUR_ENUM)
#undef WEIR__REPORT_COLOUR_ENUM
        WEIR__REPORT_COLOUR_COUNT
};

#define WEIR__REPORT_SERIES 8u /* S0 to S7 */

/* "s0": the variable is --s0. */
const char *weir__report_svg_variable(enum weir__report_colour colour);

/* Texts that scripts name by Zq0q, Zq1q, ... */
struct weir__report_labels {
    char **texts;
    size_t count, capacity;
};

/* The number of a copy; SIZE_MAX without memory. */
size_t weir__report_svg_label(struct weir__report_labels *labels, const char *text);
void weir__report_svg_labels_clear(struct weir__report_labels *labels);

/* One drawing. */
struct weir__report_svg {
    char *title, *description; /* for who does not see it */
    unsigned width, height;
};

/* Writes the drawing that gnuplot made, `raw`, as the page's `number`-th.  False where it is none. */
bool weir__report_svg_write(FILE *to, const struct weir__report_svg *svg, size_t number,
                            const struct weir__report_labels *labels, const char *raw, size_t size);

#endif
