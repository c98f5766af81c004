/* bench_target - see bench_target.h */
#include "cli/bench_target.h"

#include "base/units.h"
#include "json/scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_MAX_SIZE (1u << 20)
#define ASK_MAX_S 5
#define BEGINNING "http://127.0.0.1:" /* of the URL that it prints, before the port */

bool weir__bench_target_start(struct weir__target *target, int64_t latency_ns, const char *limit)
{
    char program[] = "weir", serve[] = "serve", port[] = "--port=0", quiet[] = "--quiet";
    char latency[64], limited[96], text[32];
    char *arguments[] = {program, serve, port, quiet, latency, NULL, NULL};

    weir__units_format_duration(latency_ns, text, sizeof text);
    (void)snprintf(latency, sizeof latency, "--latency=%s", text);
    if (limit != NULL) {
        (void)snprintf(limited, sizeof limited, "--limit=%s", limit);
        arguments[5] = limited;
    }
    return weir__target_start(target, arguments);
}

static double number_at(const struct weir__scan *scan, const char *text)
{
    char digits[32];
    const size_t size = scan->end - scan->start;

    if (size >= sizeof digits)
        return 0;
    memcpy(digits, text + scan->start, size);
    digits[size] = '\0';
    return strtod(digits, NULL);
}

/* {"200":5,"429":1} */
static bool read_statuses(struct weir__scan *scan, const char *text, struct weir__bench_counts *counts)
{
    if (weir__scan_next(scan) != WEIR__SCAN_OBJECT)
        return false;
    while (weir__scan_next(scan) == WEIR__SCAN_KEY) {
        const bool success = text[scan->start + 1] == '2', refused = weir__scan_is(scan, "429");

        if (weir__scan_next(scan) != WEIR__SCAN_NUMBER)
            return false;
        if (success)
            counts->succeeded += number_at(scan, text);
        else if (refused)
            counts->refused += number_at(scan, text);
    }
    return true;
}

bool weir__bench_counts_read(const char *text, size_t size, struct weir__bench_counts *out)
{
    const char *body = memmem(text, size, "\r\n\r\n", 4);
    struct weir__bench_counts counts = {-1, 0, 0};
    struct weir__scan scan;
    bool good = true;

    if (body == NULL)
        return false;
    body += 4;
    weir__scan_init(&scan, body, size - (size_t)(body - text));
    if (weir__scan_next(&scan) != WEIR__SCAN_OBJECT)
        return false;
    while (good && weir__scan_next(&scan) == WEIR__SCAN_KEY) {
        if (weir__scan_is(&scan, "statuses")) {
            good = read_statuses(&scan, body, &counts);
        } else if (weir__scan_is(&scan, "arrivals")) {
            good = weir__scan_next(&scan) == WEIR__SCAN_NUMBER;
            counts.arrivals = good ? number_at(&scan, body) : -1;
        } else {
            good = weir__scan_skip(&scan);
        }
    }
    if (!good || counts.arrivals < 0)
        return false;
    *out = counts;
    return true;
}

/* A connection to the target, with a bound on every wait; -1 without one. */
static int open_connection(const struct weir__target *target)
{
    const struct timeval most = {ASK_MAX_S, 0};
    struct sockaddr_in address;
    unsigned long port;
    int connection;

    if (strncmp(target->url, BEGINNING, sizeof BEGINNING - 1) != 0)
        return -1;
    port = strtoul(target->url + sizeof BEGINNING - 1, NULL, 10);
    if (port == 0 || port > UINT16_MAX)
        return -1;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0)
        return -1;
    (void)setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    (void)setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    if (connect(connection, (const struct sockaddr *)&address, sizeof address) == 0)
        return connection;
    (void)close(connection);
    return -1;
}

bool weir__bench_target_count(const struct weir__target *target, struct weir__bench_counts *out)
{
    static const char request[] = "GET /stats HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    const int connection = open_connection(target);
    size_t size = 0;
    ssize_t got = 1;
    char *answer;
    bool good;

    if (connection < 0)
        return false;
    answer = malloc(ANSWER_MAX_SIZE);
    good = answer != NULL && send(connection, request, sizeof request - 1, MSG_NOSIGNAL) == sizeof request - 1;
    while (good && got > 0 && size < ANSWER_MAX_SIZE) {
        got = recv(connection, answer + size, ANSWER_MAX_SIZE - size, 0);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            size += (size_t)got;
    }
    good = good && got == 0 && weir__bench_counts_read(answer, size, out);
    free(answer);
    (void)close(connection);
    return good;
}
