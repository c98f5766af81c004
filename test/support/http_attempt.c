/*
 * http_attempt - see http_attempt.h.
 */
#include "support/http_attempt.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <cmocka.h>

static int64_t on_wire(void *context, bool new_connection)
{
    struct http_attempt *attempt = context;
    attempt->wires++;
    attempt->new_connections += new_connection;
    if (attempt->wire_ms)
        nanosleep(&(struct timespec){.tv_sec = attempt->wire_ms / 1000,
                                     .tv_nsec = attempt->wire_ms % 1000 * (long)WEIR__NS_PER_MS},
                  NULL);
    return attempt->refuse ? -1 : attempt->wire_ms * WEIR__NS_PER_MS;
}

static void on_began(void *context)
{
    struct http_attempt *attempt = context;
    attempt->begans++;
}

struct weir__transport_options http_attempt_options(void)
{
    return (struct weir__transport_options){
        .connect_timeout_ns = 10 * WEIR__NS_PER_S,
        .timeout_ns = 10 * WEIR__NS_PER_S,
        .body_max_size = (size_t)1024 * 1024,
        .keep_bodies = true,
        .tls_version_min = 12,
    };
}

void http_attempt_open(struct http_attempt *attempt, const struct weir__transport_options *options)
{
    struct weir__transport_options defaults = http_attempt_options();
    *attempt = (struct http_attempt){0};
    assert_int_equal(weir__easy_new(options ? options : &defaults, &attempt->transport), WEIR_OK);
    attempt->connection = attempt->transport->open(attempt->transport);
    assert_non_null(attempt->connection);
}

void http_attempt_close(struct http_attempt *attempt)
{
    attempt->transport->close(attempt->connection);
    attempt->transport->free(attempt->transport);
    *attempt = (struct http_attempt){0};
}

/* A format that the caller chose among constants, as a %d or none: written out here instead of by printf. */
static void make_url(char *text, size_t size, const char *url, int port)
{
    const char *mark = strstr(url, "%d");
    if (mark)
        snprintf(text, size, "%.*s%d%s", (int)(mark - url), url, port, mark + 2);
    else
        snprintf(text, size, "%s", url);
}

enum weir_error http_attempt_send(struct http_attempt *attempt, const char *method, const char *url, int port)
{
    char text[1024];
    make_url(text, sizeof text, url, port);
    struct weir__call call = {
        .method = method,
        .url = text,
        .headers = attempt->headers,
        .header_count = attempt->header_count,
        .body = attempt->body,
        .body_size = attempt->body_size,
        .timeout_ns = attempt->timeout_ns,
        .drop_reply = attempt->drop_reply,
        .wire = on_wire,
        .began = on_began,
        .context = attempt,
    };
    int64_t start_ns = weir__clock_now_ns();
    attempt->transport->perform(attempt->connection, &call, &attempt->reply);
    attempt->took_ns = weir__clock_now_ns() - start_ns;
    return attempt->reply.error;
}

const char *http_attempt_field(const struct http_attempt *attempt, const char *name)
{
    for (size_t i = 0; i < attempt->reply.header_count; i++)
        if (strcasecmp(attempt->reply.headers[i].name, name) == 0)
            return attempt->reply.headers[i].value;
    return "";
}

int http_attempt_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

void http_attempt_expect(const struct http_attempt *attempt, enum weir_error expected, const char *file, int line)
{
    if (attempt->reply.error == expected)
        return;
    print_error("expected %s, got %s: status %d, \"%s\"\n", weir_error_code(expected),
                weir_error_code(attempt->reply.error), attempt->reply.http_status, attempt->reply.detail);
    _fail(file, line);
}
