/*
 * multi_moment - the connections that wait for a moment: a binary heap, the earliest first.
 *
 * A connection knows its place in it (from 1; 0: none), so that one that is cancelled goes at once.
 */
#include "http/multi.h"

#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>

bool weir__multi_moment_reserve(struct weir__reactor *reactor, size_t count)
{
    if (count <= reactor->moment_max)
        return true;
    size_t max = count * 2 + 14;
    struct weir__connection **moments = realloc(reactor->moments, max * sizeof(struct weir__connection *));
    if (!moments)
        return false;
    reactor->moments = moments;
    reactor->moment_max = max;
    return true;
}

static void put(struct weir__reactor *reactor, size_t at, struct weir__connection *connection)
{
    reactor->moments[at - 1] = connection;
    connection->moment_index = at;
}

static void sift_up(struct weir__reactor *reactor, size_t at, struct weir__connection *connection)
{
    while (at > 1 && reactor->moments[at / 2 - 1]->moment_ns > connection->moment_ns) {
        put(reactor, at, reactor->moments[at / 2 - 1]);
        at /= 2;
    }
    put(reactor, at, connection);
}

static void sift_down(struct weir__reactor *reactor, size_t at, struct weir__connection *connection)
{
    for (size_t child; (child = at * 2) <= reactor->moment_count; at = child) {
        if (child < reactor->moment_count &&
            reactor->moments[child]->moment_ns < reactor->moments[child - 1]->moment_ns)
            child++;
        if (reactor->moments[child - 1]->moment_ns >= connection->moment_ns)
            break;
        put(reactor, at, reactor->moments[child - 1]);
    }
    put(reactor, at, connection);
}

void weir__multi_moment_add(struct weir__connection *connection, int64_t moment_ns)
{
    struct weir__reactor *reactor = connection->reactor;
    assert(!connection->moment_index && reactor->moment_count < reactor->moment_max);
    connection->moment_ns = moment_ns;
    sift_up(reactor, ++reactor->moment_count, connection);
}

void weir__multi_moment_remove(struct weir__connection *connection)
{
    struct weir__reactor *reactor = connection->reactor;
    size_t at = connection->moment_index;
    if (!at)
        return;
    connection->moment_index = 0;
    struct weir__connection *last = reactor->moments[--reactor->moment_count];
    if (last == connection)
        return;
    if (at > 1 && reactor->moments[at / 2 - 1]->moment_ns > last->moment_ns)
        sift_up(reactor, at, last);
    else
        sift_down(reactor, at, last);
}

int64_t weir__multi_moment_first(const struct weir__reactor *reactor)
{
    return reactor->moment_count ? reactor->moments[0]->moment_ns : WEIR__NEVER;
}

struct weir__connection *weir__multi_moment_take(struct weir__reactor *reactor, int64_t now_ns)
{
    if (weir__multi_moment_first(reactor) > now_ns)
        return NULL;
    struct weir__connection *first = reactor->moments[0];
    weir__multi_moment_remove(first);
    return first;
}
