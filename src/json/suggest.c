/* suggest - see suggest.h. */
#include "json/suggest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

static int fold(char c)
{
    return c == '-' ? '_' : tolower((unsigned char)c);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t weir__suggest_distance(const char *a, const char *b)
{
    const size_t a_length = strlen(a), b_length = strlen(b);
    size_t rows[3][WEIR__SUGGEST_LENGTH_MAX + 1]; /* the row before the last, the last, this one; in turns */

    if (a_length > WEIR__SUGGEST_LENGTH_MAX || b_length > WEIR__SUGGEST_LENGTH_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const size_t change = last[j - 1] + (fold(a[i - 1]) != fold(b[j - 1]));
            row[j] = least(change, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

bool weir__suggest_is_close(const char *word, size_t distance)
{
    const size_t length = strlen(word);
    return distance <= (length <= 3 ? 1u : length <= 7 ? 2u : 3u) && distance < length;
}

const char *weir__suggest_pick(const char *word, const char *const *list, size_t count)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;

    for (size_t i = 0; i < count; i++) {
        const size_t distance = weir__suggest_distance(word, list[i]);
        if (distance < best_distance) {
            best = list[i];
            best_distance = distance;
        }
    }
    return best != NULL && weir__suggest_is_close(word, best_distance) ? best : NULL;
}
