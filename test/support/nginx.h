/*
 * nginx - a private nginx for a test: its configuration, files and ports are its own, and it ends with the test.
 */
#ifndef TEST_SUPPORT_NGINX_H
#define TEST_SUPPORT_NGINX_H

#include <stdbool.h>
#include <sys/types.h>

#define NGINX_PORTS 8

struct nginx {
    char dir[64];           /* a temporary directory, removed by nginx_stop */
    int ports[NGINX_PORTS]; /* free ones on 127.0.0.1 */
    pid_t pid;
};

/* Makes the directory and chooses ports, so that the caller can put files there first.  False where it cannot. */
bool nginx_prepare(struct nginx *nginx);

/*
 * Starts it with `http`, the inside of an http block, in which PORT0 to PORT7 stand for the ports and DIR for the
 * directory; returns when the first `listening` ports accept.  False where it does not come up; nginx's words are on
 * stderr.
 */
bool nginx_start(struct nginx *nginx, const char *http, int listening);

/* Stops it by its pid, waits for it, and removes the directory.  For half-started ones too. */
void nginx_stop(struct nginx *nginx);

/* Writes a file of `size` bytes: `text` if it is given, else zeros. */
bool nginx_put(const struct nginx *nginx, const char *name, const char *text, long size);

#endif
