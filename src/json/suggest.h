/*
 * suggest - what somebody may have meant by a word that is not in a list.
 */
#ifndef WEIR_JSON_SUGGEST_H
#define WEIR_JSON_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

#define WEIR__SUGGEST_LENGTH_MAX 63u /* longer words are like nothing */

/*
 * How many letters must be put in, left out, changed or swapped with their neighbour to make `a` into `b` (Damerau and
 * Levenshtein, each stretch edited once); case does not count, "-" and "_" are the same.  SIZE_MAX for long words.
 */
size_t weir__suggest_distance(const char *a, const char *b);

/* Whether two words at that distance are close enough for "did you mean": 1 of up to 3 letters, 2 of up to 7, else 3.
 */
bool weir__suggest_is_close(const char *word, size_t distance);

/* The nearest of `count` words that is close enough, or NULL. */
const char *weir__suggest_pick(const char *word, const char *const *list, size_t count);

#endif
