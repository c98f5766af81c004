/* resolve - see resolve.h.  The letters in comments are those of RFC 3986, section 5.2.2. */
#include "cli/resolve.h"

#include <stdlib.h>
#include <string.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool weir__resolve_absolute(const char *reference)
{
    const char *at = reference;

    if (!is_letter(*at))
        return false;
    while (is_letter(*at) || (*at >= '0' && *at <= '9') || *at == '+' || *at == '-' || *at == '.')
        at++;
    return *at == ':';
}

/* Where the authority ends that begins at `at`. */
static size_t authority_end(const char *text, size_t at)
{
    return at + strcspn(text + at, "/?#");
}

bool weir__resolve_init(struct weir__resolve *resolve, const char *base)
{
    memset(resolve, 0, sizeof *resolve);
    if (base == NULL)
        return true;
    resolve->base_size = strcspn(base, "#");
    resolve->base = malloc(resolve->base_size + 1);
    if (resolve->base == NULL)
        return false;
    memcpy(resolve->base, base, resolve->base_size);
    resolve->base[resolve->base_size] = '\0';

    base = resolve->base;
    resolve->origin_size = strcspn(base, ":");
    if (base[resolve->origin_size] == ':')
        resolve->origin_size++;
    if (strncmp(base + resolve->origin_size, "//", 2) == 0)
        resolve->origin_size = authority_end(base, resolve->origin_size + 2);
    resolve->path_size = resolve->origin_size + strcspn(base + resolve->origin_size, "?");
    resolve->directory_size = resolve->path_size;
    while (resolve->directory_size > resolve->origin_size && base[resolve->directory_size - 1] != '/')
        resolve->directory_size--;
    return true;
}

void weir__resolve_clear(struct weir__resolve *resolve)
{
    if (resolve == NULL)
        return;
    free(resolve->base);
    free(resolve->buffer);
    memset(resolve, 0, sizeof *resolve);
}

/* Room for `size` bytes and a NUL. */
static bool reserve(struct weir__resolve *resolve, size_t size)
{
    size_t capacity = resolve->capacity > 0 ? resolve->capacity : 256;
    char *buffer;

    if (size < resolve->capacity)
        return true;
    while (capacity <= size)
        capacity *= 2;
    buffer = malloc(capacity); /* of the old text nothing is needed */
    if (buffer == NULL)
        return false;
    free(resolve->buffer);
    resolve->buffer = buffer;
    resolve->capacity = capacity;
    return true;
}

/*
 * remove_dot_segments (section 5.2.4) in place, of the `size` bytes at `path`, which begin with a slash or are none;
 * returns how many are left.  A segment is moved with the slash before it.
 */
static size_t remove_dots(char *path, size_t size)
{
    size_t in = 0, out = 0;

    while (in < size) {
        const char *slash = memchr(path + in + 1, '/', size - in - 1);
        const size_t next = slash != NULL ? (size_t)(slash - path) : size, length = next - in;
        const bool one = length == 2 && path[in + 1] == '.';
        const bool two = length == 3 && path[in + 1] == '.' && path[in + 2] == '.';

        if (two)
            while (out > 0 && path[--out] != '/')
                continue;
        if (!one && !two) {
            memmove(path + out, path + in, length);
            out += length;
        } else if (next == size) {
            path[out++] = '/';
        }
        in = next;
    }
    return out;
}

/*
 * The first `kept` bytes of the base, a slash if `slash` says so, and `size` bytes of the reference: T without a
 * fragment.  The dot segments of its path, which begins behind `origin` bytes, are taken out.
 */
static const char *join(struct weir__resolve *resolve, size_t kept, bool slash, const char *reference, size_t size,
                        size_t origin)
{
    char *out;
    size_t total = kept, path_size, left;

    if (!reserve(resolve, kept + 1 + size))
        return NULL;
    out = resolve->buffer;
    memcpy(out, resolve->base, kept);
    if (slash)
        out[total++] = '/';
    memcpy(out + total, reference, size);
    total += size;
    out[total] = '\0';
    if (strstr(out + origin, "/.") == NULL) /* as most */
        return out;
    path_size = strcspn(out + origin, "?");
    left = remove_dots(out + origin, path_size);
    memmove(out + origin + left, out + origin + path_size, total - origin - path_size + 1);
    return out;
}

/* `reference` without its fragment, as it is. */
static const char *keep(struct weir__resolve *resolve, const char *reference, size_t size)
{
    if (reference[size] == '\0')
        return reference;
    if (!reserve(resolve, size))
        return NULL;
    memcpy(resolve->buffer, reference, size);
    resolve->buffer[size] = '\0';
    return resolve->buffer;
}

const char *weir__resolve(struct weir__resolve *resolve, const char *reference)
{
    const size_t size = strcspn(reference, "#");
    size_t scheme;

    if (weir__resolve_absolute(reference))
        return keep(resolve, reference, size);
    if (resolve->base == NULL)
        return NULL;
    if (size == 0) /* R.path and R.query are undefined: the base's, whose dots stay */
        return keep(resolve, resolve->base, resolve->base_size);
    if (reference[0] == '?')
        return join(resolve, resolve->path_size, false, reference, size, resolve->path_size);
    if (strncmp(reference, "//", 2) == 0) { /* R.authority */
        scheme = strcspn(resolve->base, ":") + 1;
        return join(resolve, scheme, false, reference, size, scheme + authority_end(reference, 2));
    }
    if (reference[0] == '/')
        return join(resolve, resolve->origin_size, false, reference, size, resolve->origin_size);
    /* merge (section 5.2.3): a base without a path has an empty directory, and needs the slash */
    return join(resolve, resolve->directory_size, resolve->directory_size == resolve->origin_size, reference, size,
                resolve->origin_size);
}
