/* bench_peer - see bench_peer.h */
#include "cli/bench_peer.h"

#include "base/clock.h"
#include "cli/bench_process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define PRESENT_MAX_NS (20 * WEIR__NS_PER_S) /* an interpreter that loads a large module takes a second or two */

/* In single quotes, in which a shell takes everything as it is but another one. */
static char *quote(const char *text)
{
    char *quoted = malloc(strlen(text) * 4 + 3), *at = quoted;

    if (quoted == NULL)
        return NULL;
    *at++ = '\'';
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            at = stpcpy(at, "'\\''");
        else
            *at++ = *text;
    }
    (void)stpcpy(at, "'");
    return quoted;
}

struct brace {
    const char *name, *value;
};

/* The brace that stands at `text`, or NULL. */
static const struct brace *find_brace(const struct brace *braces, const char *text)
{
    for (; braces->name != NULL; braces++)
        if (strncmp(text, braces->name, strlen(braces->name)) == 0)
            return braces;
    return NULL;
}

/* Writes the command to `out`, where there is one; its length either way. */
static size_t replace(const char *command, const struct brace *braces, char *out)
{
    size_t size = 0;

    while (*command != '\0') {
        const struct brace *brace = find_brace(braces, command);
        const char *piece = brace != NULL ? brace->value : command;
        const size_t length = brace != NULL ? strlen(brace->value) : 1;

        if (out != NULL)
            memcpy(out + size, piece, length);
        size += length;
        command += brace != NULL ? strlen(brace->name) : 1;
    }
    if (out != NULL)
        out[size] = '\0';
    return size;
}

char *weir__bench_peer_command(const char *command, const char *url, uint64_t total, uint32_t concurrency)
{
    char total_text[24], concurrency_text[16], *quoted = quote(url), *out = NULL;
    const struct brace braces[] = {
        {"{url}", quoted}, {"{total}", total_text}, {"{concurrency}", concurrency_text}, {NULL, NULL}};

    (void)snprintf(total_text, sizeof total_text, "%" PRIu64, total);
    (void)snprintf(concurrency_text, sizeof concurrency_text, "%" PRIu32, concurrency);
    if (quoted != NULL)
        out = malloc(replace(command, braces, NULL) + 1);
    if (out != NULL)
        (void)replace(command, braces, out);
    free(quoted);
    return out;
}

/* "hey", and no command with arguments. */
static bool is_program(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+/-")] == '\0';
}

bool weir__bench_peer_present(const struct weir__config_peer *peer)
{
    char shell[] = "/bin/sh", flag[] = "-c", look_up[] = "command -v \"$1\"", name[] = "sh";
    char *arguments[] = {shell, flag, peer->requires, NULL, NULL, NULL};
    struct weir__bench_process process;
    struct weir__bench_process_cost cost;

    if (peer->requires == NULL)
        return true;
    if (is_program(peer->requires)) {
        arguments[2] = look_up;
        arguments[3] = name;
        arguments[4] = peer->requires;
    }
    return weir__bench_process_start(&process, arguments, true, NULL, 0) &&
           weir__bench_process_wait(&process, weir__clock_now_ns() + PRESENT_MAX_NS, &cost) ==
               WEIR__BENCH_PROCESS_ENDED &&
           WIFEXITED(cost.status) && WEXITSTATUS(cost.status) == 0;
}
