/*
 * structured - a strict reader of structured field values (RFC 9651, and so RFC 8941): bare items, parameters, and the
 * separators of lists and dictionaries.
 *
 * Pure, without memory of its own: what it hands out points into the text.  It knows no field; what a member means is
 * its caller's concern.  Inner lists are not read: no field of ours has them.  Of a display string the form is checked,
 * not whether its bytes make UTF-8.
 */
#ifndef WEIR_POLICY_STRUCTURED_H
#define WEIR_POLICY_STRUCTURED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is still to be read. */
struct weir__structured {
    const char *at, *end;
};

enum weir__structured_type {
    WEIR__STRUCTURED_INTEGER,
    WEIR__STRUCTURED_DECIMAL,
    WEIR__STRUCTURED_STRING,
    WEIR__STRUCTURED_TOKEN,
    WEIR__STRUCTURED_BYTES,
    WEIR__STRUCTURED_BOOLEAN,
    WEIR__STRUCTURED_DATE,
    WEIR__STRUCTURED_DISPLAY
};

struct weir__structured_value {
    enum weir__structured_type type;
    int64_t integer;  /* of an integer, date or boolean; of a decimal the part before the point, towards zero */
    const char *text; /* of a token or key; of a string what is between the quotes, escapes as they stand; else NULL */
    size_t size;
};

enum weir__structured_step {
    WEIR__STRUCTURED_BAD, /* malformed: nothing of the field counts */
    WEIR__STRUCTURED_END, /* nothing more */
    WEIR__STRUCTURED_MORE /* one more */
};

/* Leaves out the spaces around the text.  END where it is empty, which is a list without members; else MORE. */
enum weir__structured_step weir__structured_begin(struct weir__structured *in, const char *text, size_t size);

/* A bare item.  False where there is none: malformed. */
bool weir__structured_item(struct weir__structured *in, struct weir__structured_value *out);

/* A key, and its value where a "=" follows, else true: the beginning of a dictionary's member. */
bool weir__structured_entry(struct weir__structured *in, struct weir__structured_value *key,
                            struct weir__structured_value *value);

/* The next parameter of the item just read: MORE where there was one. */
enum weir__structured_step weir__structured_parameter(struct weir__structured *in, struct weir__structured_value *key,
                                                      struct weir__structured_value *value);

/* Skips the comma after a member and its parameters: MORE where another member follows. */
enum weir__structured_step weir__structured_next(struct weir__structured *in);

/* Whether a key, token or string is just that text. */
bool weir__structured_is(const struct weir__structured_value *value, const char *text);

#endif
