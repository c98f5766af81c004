/*
 * transport_check - what must not reach the wire.  Pure: it looks at texts and knows no libcurl, which would send a CR
 * or LF in a header field or a method as it stands.
 */
#include "http/transport.h"

#include <string.h>
#include <strings.h>

/* tchar of RFC 9110, 5.6.2. */
static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++)
        if (!is_token_char(*text))
            return false;
    return true;
}

static const char *check_method(const char *method)
{
    if (!method || !is_token(method))
        return "the method is not a token";
    for (const char *c = method; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            return "the method is not in capitals";
    if (strcmp(method, "CONNECT") == 0)
        return "CONNECT is a proxy's method";
    return NULL;
}

/* Empty, or digits up to 65535. */
static bool is_port(const char *text, const char *end)
{
    unsigned port = 0;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9')
            return false;
        port = port * 10 + (unsigned)(*text - '0');
        if (port > 65535)
            return false;
    }
    return true;
}

/* [userinfo@] host [:port]; whether the host can exist is the resolver's to say. */
static const char *check_authority(const char *begin, const char *end)
{
    for (const char *c = begin; c < end; c++)
        if (*c == '@')
            begin = c + 1;
    const char *host_end = end;
    if (begin < end && *begin == '[') {
        host_end = memchr(begin, ']', (size_t)(end - begin));
        if (!host_end)
            return "the URL's IPv6 address has no closing bracket";
        host_end++;
    } else {
        const char *colon = memchr(begin, ':', (size_t)(end - begin));
        if (colon)
            host_end = colon;
    }
    if (host_end == begin)
        return "the URL has no host";
    if (host_end < end && (*host_end != ':' || !is_port(host_end + 1, end)))
        return "the URL's port is not a number up to 65535";
    return NULL;
}

static const char *check_url(const char *url)
{
    if (!url)
        return "the URL is missing";
    const char *end = url;
    for (; *end; end++)
        if ((unsigned char)*end <= ' ' || *end == 0x7f)
            return "the URL has a space or a control character";
    if ((size_t)(end - url) > WEIR_URL_MAX_SIZE)
        return "the URL is too long";
    const char *rest;
    if (strncasecmp(url, "http://", 7) == 0)
        rest = url + 7;
    else if (strncasecmp(url, "https://", 8) == 0)
        rest = url + 8;
    else
        return "the URL is not absolute, or neither http nor https";
    for (end = rest; *end && *end != '/' && *end != '?' && *end != '#'; end++)
        continue;
    return check_authority(rest, end);
}

/* A tab is the one control that RFC 9110, 5.5, allows. */
static const char *check_header(const struct weir_header *header)
{
    if (!header->name || !is_token(header->name))
        return "a header field's name is not a token";
    if (!header->value)
        return "a header field has no value";
    for (const char *c = header->value; *c; c++)
        if ((*c > '\0' && *c < ' ' && *c != '\t') || *c == 0x7f)
            return "a header field's value has a control character";
    if (strcasecmp(header->name, "Transfer-Encoding") == 0)
        return "Transfer-Encoding is not the caller's to set: the body is sent with its length";
    return NULL;
}

const char *weir__transport_check(const char *method, const char *url, const struct weir_header *headers,
                                  size_t header_count)
{
    const char *wrong = check_method(method);
    if (!wrong)
        wrong = check_url(url);
    size_t size = 0;
    for (size_t i = 0; !wrong && i < header_count; i++) {
        wrong = check_header(&headers[i]);
        if (wrong)
            break;
        size += strlen(headers[i].name) + strlen(headers[i].value) + 4; /* ": " and CRLF */
        if (size > WEIR_HEADERS_MAX_SIZE)
            wrong = "the header fields are too large together";
    }
    return wrong;
}
