/*
 * resultline_mask - URLs in a response's header fields, without the userinfo that a server put into them.
 *
 * It knows where in a field's value a URL begins, and nothing of what is in one but its authority (RFC 3986, 3.2): what
 * looks like a URL in a path, a query or a fragment is the server's text.
 */
#include "json/resultline_parts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define STARS "***"

/* How long a value of that size can become: the least that gets stars is "//a@", and that by two signs. */
#define LONGER(size) ((size) + (size) / 2)

/* Refresh (HTML, "shared declarative refresh steps"): a time, a separator, and perhaps `url=` and a quote. */
static const char *begin_refresh(const char *value)
{
    const char *at = value + strspn(value, "0123456789.;," BLANKS);

    if (strncasecmp(at, "url", 3) == 0) {
        const char *equals = at + 3 + strspn(at + 3, BLANKS);
        if (*equals == '=')
            at = equals + 1 + strspn(equals + 1, BLANKS);
    }
    return at + strspn(at, "\"'");
}

/* Past the two slashes before the authority of the URL at `url`, which may lack its scheme; NULL where it has none. */
static const char *find_authority(const char *url)
{
    const size_t scheme = strspn(url, LETTERS "0123456789+-.");

    if (scheme > 0 && url[scheme] == ':')
        url += scheme + 1;
    return url[0] == '/' && url[1] == '/' ? url + 2 : NULL;
}

/* Appends what is between `*from` and the userinfo of the URL at `url`, and the stars for that; `*from` is then the "@"
 * behind it.  Where there is no userinfo nothing is done.  `ends` are the signs at which an authority ends. */
static char *mask_url(char *out, const char **from, const char *url, const char *ends)
{
    const char *authority = find_authority(url), *at;

    if (authority == NULL)
        return out;
    at = memrchr(authority, '@', strcspn(authority, ends));
    if (at == NULL || at == authority)
        return out;
    out = mempcpy(out, *from, (size_t)(authority - *from));
    *from = at;
    return stpcpy(out, STARS);
}

/* Writes the value to `out`, with its NUL, and returns where that is; NULL where the field is none for URLs. */
static char *mask(const char *name, const char *value, char *out)
{
    const char *from = value;

    if (strcasecmp(name, "location") == 0 || strcasecmp(name, "content-location") == 0) {
        /* the whole value: a raw blank or quote in a password is still the password */
        out = mask_url(out, &from, value + strspn(value, BLANKS), "/?#");
    } else if (strcasecmp(name, "refresh") == 0) {
        out = mask_url(out, &from, begin_refresh(value), "/?#");
    } else if (strcasecmp(name, "link") == 0) { /* <URL>; anchor="URL", <URL> (RFC 8288, 3) */
        for (const char *link = strpbrk(value, "<\""); link != NULL; link = strpbrk(link + 1, "<\""))
            if (link >= from)
                out = mask_url(out, &from, link + 1 + strspn(link + 1, BLANKS), "/?#>");
    } else {
        return NULL;
    }
    return stpcpy(out, from);
}

void weir__resultline_value(struct weir__writer *writer, const char *name, const char *value)
{
    const size_t size = strlen(value);
    char *masked, *end;

    if (memchr(value, '@', size) == NULL) {
        weir__resultline_text(writer, value, size);
        return;
    }
    masked = malloc(LONGER(size) + 1);
    if (masked == NULL) {
        writer->failed = true;
        return;
    }
    end = mask(name, value, masked);
    if (end != NULL)
        weir__resultline_text(writer, masked, (size_t)(end - masked));
    else
        weir__resultline_text(writer, value, size);
    free(masked);
}
