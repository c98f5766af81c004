/*
 * preload_find - the libcurl behind a call, and a dlopen() that lets us be before it.
 *
 * dlsym(RTLD_NEXT) sees the program's own dependencies alone.  An extension of an interpreter is opened locally and
 * brings its libcurl with it, and a process may have several (Debian's two flavours: PHP's and pycurl's), so each is
 * looked up through the object that calls.  That costs some microseconds; the answer is kept for each place that calls.
 */
#include "http/preload.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CURLS_MAX 16u
#define SITES_MAX 1024u /* a power of two; programs have some tens, and more are looked up each time */

struct site {
    _Atomic(const void *) caller; /* NULL: free.  Set last */
    const struct weir__preload_curl *curl;
    bool inner;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards writing both tables */
static struct weir__preload_curl curls[CURLS_MAX];
static unsigned curl_count;
static struct site sites[SITES_MAX];
static unsigned site_count;

static void *(*_Atomic real_dlopen)(const char *, int);

void weir__preload_find_lock(void)
{
    (void)pthread_mutex_lock(&lock);
}

void weir__preload_find_unlock(void)
{
    (void)pthread_mutex_unlock(&lock);
}

static void *(*next_dlopen(void))(const char *, int)
{
    void *(*next)(const char *, int) = atomic_load_explicit(&real_dlopen, memory_order_acquire);

    if (next == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "dlopen");
        memcpy(&next, &symbol, sizeof next);
        atomic_store_explicit(&real_dlopen, next, memory_order_release);
    }
    return next;
}

/*
 * RTLD_DEEPBIND (PHP opens its extensions with it) binds the object to its own dependencies before us: that one flag is
 * dropped.  The call must stay in tail position: dlopen() looks at its return address to find the caller's RUNPATH.
 */
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("O2"))) /* also where all else is built without */
#endif
WEIR__PRELOAD_EXPORT void *
dlopen(const char *file, int mode)
{
    return next_dlopen()(file, mode & ~RTLD_DEEPBIND);
}

/* An object's mapping; its name as dlopen() takes it. */
struct object {
    const void *base;
    const char *name; /* "" is the program */
};

static bool object_of(const void *address, struct object *out)
{
    struct link_map *map = NULL;
    Dl_info info;

    if (dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) == 0 || map == NULL)
        return false;
    out->base = info.dli_fbase;
    out->name = map->l_name;
    return true;
}

/* A handle on an object that is loaded.  It is kept, so that what was found through it stays. */
static void *handle_on(const char *name)
{
    return next_dlopen()(name[0] == '\0' ? NULL : name, RTLD_LAZY | RTLD_NOLOAD);
}

static bool is_ours(const void *symbol)
{
    struct object ours, theirs;

    return object_of((const void *)&lock, &ours) && object_of(symbol, &theirs) && ours.base == theirs.base;
}

/* curl_easy_perform as the object would find it, were it not for us. */
static void *look_up(const char *name)
{
    void *handle = name[0] == '\0' ? NULL : handle_on(name);
    void *symbol = handle != NULL ? dlsym(handle, "curl_easy_perform") : NULL;

    if (symbol == NULL || is_ours(symbol))
        symbol = dlsym(RTLD_NEXT, "curl_easy_perform");
    return symbol;
}

/* For a caller that tells nothing, such as generated code: any object that has it. */
static int look_at(struct dl_phdr_info *info, size_t size, void *context)
{
    void **symbol = context;
    void *handle;

    (void)size;
    if (info->dlpi_name == NULL || strstr(info->dlpi_name, "curl") == NULL)
        return 0;
    handle = handle_on(info->dlpi_name);
    *symbol = handle != NULL ? dlsym(handle, "curl_easy_perform") : NULL;
    if (*symbol != NULL && is_ours(*symbol))
        *symbol = NULL;
    return *symbol != NULL;
}

static bool fill(struct weir__preload_curl *curl, void *handle)
{
    void *symbol;

#define FILL(name, result, parameters, optional)                                                                       \
    symbol = dlsym(handle, "curl_" #name);                                                                             \
    if (symbol == NULL && !(optional))                                                                                 \
        return false;                                                                                                  \
    memcpy(&curl->name, &symbol, sizeof symbol);
    WEIR__PRELOAD_FUNCTIONS(FILL)
#undef FILL
    return true;
}

/* The libcurl in which `symbol` is.  Under the lock. */
static const struct weir__preload_curl *curl_with(const void *symbol)
{
    struct weir__preload_curl curl = {.base = NULL};
    struct object object;
    void *handle;

    if (!object_of(symbol, &object))
        return NULL;
    for (unsigned i = 0; i < curl_count; i++)
        if (curls[i].base == object.base)
            return &curls[i];
    handle = handle_on(object.name);
    if (handle == NULL || curl_count == CURLS_MAX || !fill(&curl, handle))
        return NULL;
    curl.base = object.base;
    curls[curl_count] = curl;
    return &curls[curl_count++];
}

/* The caller's place in the table, or the free one that it would have; NULL where the table is full. */
static struct site *site_of(const void *caller)
{
    size_t at = (size_t)(((uint64_t)(uintptr_t)caller * UINT64_C(0x9e3779b97f4a7c15)) >> 32);

    for (size_t step = 0; step < SITES_MAX; step++) {
        struct site *site = &sites[(at + step) % SITES_MAX];
        const void *known = atomic_load_explicit(&site->caller, memory_order_acquire);
        if (known == caller || known == NULL)
            return site;
    }
    return NULL;
}

/* Under the lock; others may read. */
static void keep(const void *caller, const struct weir__preload_curl *curl, bool inner)
{
    struct site *site = site_of(caller);

    if (site_count >= SITES_MAX / 2 || site == NULL ||
        atomic_load_explicit(&site->caller, memory_order_relaxed) != NULL)
        return;
    site->curl = curl;
    site->inner = inner;
    atomic_store_explicit(&site->caller, caller, memory_order_release);
    site_count++;
}

static const struct weir__preload_curl *find_slowly(const void *caller, bool *inner)
{
    struct object object = {NULL, ""};
    const struct weir__preload_curl *curl;
    /* Outside the lock: the dynamic linker's own may be held by who waits for ours (in a constructor). */
    const bool known = object_of(caller, &object);
    void *symbol = look_up(object.name);

    if (symbol == NULL || is_ours(symbol)) {
        symbol = NULL;
        (void)dl_iterate_phdr(look_at, &symbol);
    }
    if (symbol == NULL)
        return NULL;
    weir__preload_find_lock();
    curl = curl_with(symbol);
    *inner = known && curl != NULL && curl->base == object.base;
    if (curl != NULL)
        keep(caller, curl, *inner);
    weir__preload_find_unlock();
    return curl;
}

const struct weir__preload_curl *weir__preload_find(const void *caller, bool *inner)
{
    const struct site *site = site_of(caller);
    const struct weir__preload_curl *curl;

    if (site != NULL && atomic_load_explicit(&site->caller, memory_order_acquire) == caller) {
        *inner = site->inner;
        return site->curl;
    }
    *inner = false;
    curl = find_slowly(caller, inner);
    if (curl == NULL)
        weir__preload_say("libcurl's own functions were not found", "");
    return curl;
}
