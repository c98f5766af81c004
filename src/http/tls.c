/*
 * tls - the shared X509_STORE and the client's certificate.
 *
 * libcurl is told of no authorities at all (CAINFO and CAPATH are NULL), so a handshake that does not get this store
 * trusts nobody: whatever goes wrong here fails closed.
 */
#include "http/tls.h"

#include "base/sync.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct weir__tls {
    bool insecure;

    /* The client's; NULL if none.  Constant after new. */
    X509 *cert;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;

    /*
     * Guards `store`, which is set once.  Held while the system's authorities are loaded (some 15 ms), allocations
     * included: the only ones who wait are handshakes, which cannot go on without the store anyway.
     */
    pthread_mutex_t lock;
    X509_STORE *store;
};

bool weir__tls_usable(void)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    return info && info->ssl_version && strncmp(info->ssl_version, "OpenSSL/", 8) == 0;
}

/* The flags are those that libcurl sets on its own stores. */
static X509_STORE *store_load(const char *ca_file)
{
    X509_STORE *store = X509_STORE_new();
    if (!store)
        return NULL;
    X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    bool loaded;
    if (ca_file) {
        loaded = X509_STORE_load_locations(store, ca_file, NULL);
    } else {
        /* The bundle that libcurl was built for, else OpenSSL's own places. */
        const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
        const char *bundle = info && info->age >= CURLVERSION_SEVENTH ? info->cainfo : NULL;
        loaded = (bundle && X509_STORE_load_locations(store, bundle, NULL)) || X509_STORE_set_default_paths(store);
    }
    ERR_clear_error();
    if (loaded)
        return store;
    X509_STORE_free(store);
    return NULL;
}

/* Nobody is asked for a passphrase: OpenSSL's default would open the terminal. */
static int no_passphrase(char *text, int size, int writing, void *user)
{
    (void)text, (void)size, (void)writing, (void)user;
    return -1;
}

/* The certificate and what follows it in the same file, the chain. */
static bool load_cert(struct weir__tls *tls, const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    if (!file)
        return false;
    X509 *next = NULL;
    tls->cert = PEM_read_bio_X509_AUX(file, NULL, no_passphrase, NULL);
    tls->chain = sk_X509_new_null();
    while (tls->cert && tls->chain && (next = PEM_read_bio_X509(file, NULL, no_passphrase, NULL))) {
        if (!sk_X509_push(tls->chain, next)) {
            X509_free(next);
            break;
        }
    }
    BIO_free(file);
    return tls->cert && tls->chain;
}

static bool load_key(struct weir__tls *tls, const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    if (!file)
        return false;
    tls->key = PEM_read_bio_PrivateKey(file, NULL, no_passphrase, NULL);
    BIO_free(file);
    return tls->key && X509_check_private_key(tls->cert, tls->key) == 1;
}

/* As with curl, a certificate without a key file brings its key along. */
static bool load_client(struct weir__tls *tls, const char *cert_path, const char *key_path)
{
    if (!cert_path)
        return !key_path;
    bool loaded = load_cert(tls, cert_path) && load_key(tls, key_path ? key_path : cert_path);
    ERR_clear_error();
    return loaded;
}

enum weir_status weir__tls_new(const struct weir__transport_options *options, struct weir__tls **out)
{
    /* So that OpenSSL is among what exit() takes down after this handle: libcurl does not initialise it for who comes
     * after a curl_global_init() without CURL_GLOBAL_SSL. */
    struct weir__tls *tls = OPENSSL_init_ssl(0, NULL) == 1 ? calloc(1, sizeof *tls) : NULL;
    if (!tls)
        return WEIR_NO_MEMORY;
    if (!weir__mutex_init(&tls->lock)) {
        free(tls);
        return WEIR_NO_MEMORY;
    }
    tls->insecure = options->insecure;
    if (options->ca_file && !(tls->store = store_load(options->ca_file)))
        goto fail;
    if (!load_client(tls, options->client_cert_file, options->client_key_file))
        goto fail;
    *out = tls;
    return WEIR_OK;
fail:
    weir__tls_free(tls);
    return WEIR_TLS;
}

void weir__tls_free(struct weir__tls *tls)
{
    if (!tls)
        return;
    X509_STORE_free(tls->store);
    X509_free(tls->cert);
    sk_X509_pop_free(tls->chain, X509_free);
    EVP_PKEY_free(tls->key);
    weir__mutex_clear(&tls->lock);
    free(tls);
}

/* Loads the system's authorities on the first call, and again on the next where that failed. */
static X509_STORE *store_get(struct weir__tls *tls)
{
    weir__mutex_lock(&tls->lock);
    if (!tls->store)
        tls->store = store_load(NULL);
    X509_STORE *store = tls->store;
    weir__mutex_unlock(&tls->lock);
    return store;
}

CURLcode weir__tls_apply(CURL *curl, void *ssl_ctx, void *user)
{
    struct weir__tls *tls = user;
    SSL_CTX *ctx = ssl_ctx;
    (void)curl;
    if (!tls->insecure) {
        X509_STORE *store = store_get(tls);
        if (!store)
            return CURLE_SSL_CACERT_BADFILE;
        SSL_CTX_set1_cert_store(ctx, store);
    }
    if (tls->cert && SSL_CTX_use_cert_and_key(ctx, tls->cert, tls->key, tls->chain, 1) != 1)
        return CURLE_SSL_CERTPROBLEM;
    return CURLE_OK;
}

bool weir__tls_speaks_http2(CURL *curl)
{
    struct curl_tlssessioninfo *session = NULL;
    const unsigned char *name = NULL;
    unsigned size = 0;
    if (curl_easy_getinfo(curl, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || !session ||
        session->backend != CURLSSLBACKEND_OPENSSL || !session->internals)
        return false;
    SSL_get0_alpn_selected(session->internals, &name, &size);
    return size == 2 && memcmp(name, "h2", 2) == 0;
}
