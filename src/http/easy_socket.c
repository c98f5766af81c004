/*
 * easy_socket - the sockets of a connection, and how cancel and abort reach them.
 *
 * A socket stands in the list from its making until right before its close, both under the lock under which it is shut
 * down from outside: so the number used there is never one that was closed and given to somebody else.  A reactor's
 * sockets are in no such list: its loop ends what is to end.
 */
#include "http/easy.h"
#include "http/multi.h"

#include "base/sync.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

const char *weir__easy_socket_stopped(const struct weir__connection *connection)
{
    const atomic_bool *cancelled = connection->attempt.call->cancelled;
    if (atomic_load(&connection->easy->aborted))
        return "aborted";
    return cancelled && atomic_load(cancelled) ? "cancelled" : NULL;
}

/* False where a cancel or abort came first (its flag is set before the lock is taken) or there is no room. */
static bool remember(struct weir__connection *connection, int fd)
{
    weir__mutex_lock(&connection->socket_lock);
    bool taken = !weir__easy_socket_stopped(connection) && connection->socket_count < WEIR__SOCKETS_MAX;
    if (taken)
        connection->sockets[connection->socket_count++] = fd;
    weir__mutex_unlock(&connection->socket_lock);
    return taken;
}

static bool keep(struct weir__connection *connection, int fd)
{
    return !weir__easy_socket_stopped(connection) && weir__multi_shard_note(connection->reactor, fd);
}

static void forget(struct weir__connection *connection, int fd)
{
    weir__mutex_lock(&connection->socket_lock);
    for (unsigned i = 0; i < connection->socket_count; i++) {
        if (connection->sockets[i] == fd) {
            connection->sockets[i] = connection->sockets[--connection->socket_count];
            break;
        }
    }
    weir__mutex_unlock(&connection->socket_lock);
}

/*
 * A socket that is asked for after the send is for a resend: refused here already, which spares the server a
 * connection. Close-on-exec, which libcurl's own sockets lack.
 */
curl_socket_t weir__easy_socket_open(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct weir__connection *connection = user;
    struct weir__attempt *attempt = &connection->attempt;
    (void)purpose;
    if (attempt->sent) {
        attempt->again = true;
        return CURL_SOCKET_BAD;
    }
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        attempt->socket_errno = errno;
        return CURL_SOCKET_BAD;
    }
    if (!(connection->reactor ? keep(connection, fd) : remember(connection, fd))) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    attempt->opened = true;
    attempt->opened_ipv6 |= address->family == AF_INET6;
    return fd;
}

int weir__easy_socket_close(void *user, curl_socket_t fd)
{
    forget(user, fd);
    return close(fd);
}

void weir__easy_socket_shutdown(struct weir__connection *connection)
{
    weir__mutex_lock(&connection->socket_lock);
    for (unsigned i = 0; i < connection->socket_count; i++)
        shutdown(connection->sockets[i], SHUT_RDWR);
    weir__mutex_unlock(&connection->socket_lock);
}
