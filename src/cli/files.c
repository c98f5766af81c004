/* files - see files.h */
#include "cli/files.h"

#include "cli/say.h"

#include <inttypes.h>
#include <sys/resource.h>

/*
 * A thread has a connection and the wake-up pair of libcurl's handle, which many places in a loop share.  Such a place
 * may keep a second connection, to another host, but does not need it.
 */
static const struct {
    rlim_t wanted, needed;
} each_of[] = {
    [WEIR_ENGINE_THREADS] = {3, 3},
    [WEIR_ENGINE_ASYNC] = {2, 1},
};

/* stdio, the configuration, certificates, name look-ups, libraries; the loops' own, and one in 64 for their handles. */
#define FILES_BESIDES 64
#define FILES_OF_LOOPS(workers) ((workers) / 64 + 2 * WEIR_LOOPS_MAX)

uint64_t weir__files_reserve(const char *command, enum weir_engine engine, uint64_t workers)
{
    const rlim_t besides = FILES_BESIDES + (engine == WEIR_ENGINE_ASYNC ? FILES_OF_LOOPS(workers) : 0);
    const rlim_t each = each_of[engine].needed, wanted = workers * each_of[engine].wanted + besides;
    struct rlimit now, raised;
    rlim_t fits;

    if (getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur == RLIM_INFINITY || now.rlim_cur >= wanted)
        return workers;
    raised.rlim_cur = wanted;
    raised.rlim_max = now.rlim_max == RLIM_INFINITY || now.rlim_max >= wanted ? now.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return workers;
    /* only root may raise the hard limit, and not even root beyond fs.nr_open: as far as it goes, then */
    raised.rlim_cur = raised.rlim_max = now.rlim_max;
    fits = setrlimit(RLIMIT_NOFILE, &raised) == 0 ? now.rlim_max : now.rlim_cur;
    fits = fits < besides + each ? 0 : (fits - besides) / each;
    if (fits >= workers)
        return workers;
    weir__say("weir %s: %" PRIu64
              " workers would need %ju file descriptors, and the system allows %ju: %s %ju; for all "
              "of them raise the limit with ulimit -n %ju",
              command, workers, (uintmax_t)(workers * each + besides), (uintmax_t)now.rlim_max,
              fits > 0 ? "going on with" : "not enough for one, needed are",
              (uintmax_t)(fits > 0 ? fits : besides + each), (uintmax_t)(workers * each + besides));
    return fits;
}
