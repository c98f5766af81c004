/*
 * tls - certificate authorities and the client's certificate, loaded once for all connections of a transport.
 *
 * Left to itself, libcurl reads the authorities anew for each handle: 891 KB and 18.7 ms CPU each with Debian's bundle;
 * one shared store makes that 59 KB and 1.4 ms.  This is the only file that knows OpenSSL.
 */
#ifndef WEIR_HTTP_TLS_H
#define WEIR_HTTP_TLS_H

#include "http/transport.h"

#include <curl/curl.h>

struct weir__tls;

/* Whether libcurl's TLS backend is the OpenSSL that this file speaks to. */
bool weir__tls_usable(void);

/*
 * Loads ca_file, client_cert_file and client_key_file at once (an encrypted key counts as unreadable: nobody is asked
 * for a passphrase); the system's authorities wait for the first handshake. WEIR_OK, WEIR_NO_MEMORY, or WEIR_TLS where
 * a file cannot be read as PEM or key and certificate do not match.
 */
enum weir_status weir__tls_new(const struct weir__transport_options *options, struct weir__tls **out);
void weir__tls_free(struct weir__tls *tls); /* NULL is a no-op */

/* A CURLOPT_SSL_CTX_FUNCTION; `user` is the struct weir__tls.  Anything that fails here fails the handshake. */
CURLcode weir__tls_apply(CURL *curl, void *ssl_ctx, void *user);

/* Whether ALPN chose HTTP/2 for the connection that the handle has at the moment.  Only where this file is usable. */
bool weir__tls_speaks_http2(CURL *curl);

#endif
