/* files - see files.h */
#include "cli/files.h"

#include "cli/say.h"

#include <inttypes.h>
#include <sys/resource.h>

/* A kept connection and libcurl's wake-up pair; measured, see weir's transport. */
#define FILES_EACH 3
/* stdio, the configuration, certificates, name look-ups, libraries. */
#define FILES_BESIDES 64

uint64_t weir__files_reserve(const char *command, uint64_t workers)
{
    const rlim_t wanted = workers * FILES_EACH + FILES_BESIDES;
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
    fits = fits < FILES_BESIDES + FILES_EACH ? 0 : (fits - FILES_BESIDES) / FILES_EACH;
    weir__say("weir %s: %" PRIu64
              " workers would need %ju file descriptors, and the system allows %ju: %s %ju; for all "
              "of them raise the limit with ulimit -n %ju",
              command, workers, (uintmax_t)wanted, (uintmax_t)now.rlim_max,
              fits > 0 ? "going on with" : "not enough for one, needed are",
              (uintmax_t)(fits > 0 ? fits : FILES_BESIDES + FILES_EACH), (uintmax_t)wanted);
    return fits;
}
