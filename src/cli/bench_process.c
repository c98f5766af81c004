/* bench_process - see bench_process.h */
#include "cli/bench_process.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS (200 * WEIR__NS_PER_MS) /* a signal that nobody sent is not waited for longer */

static sigset_t watched, mask_before;
static bool prepared, interrupted;

void weir__bench_process_prepare(void)
{
    (void)sigemptyset(&watched);
    (void)sigaddset(&watched, SIGINT);
    (void)sigaddset(&watched, SIGTERM);
    (void)sigaddset(&watched, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &watched, &mask_before);
    prepared = true;
}

/* Takes a signal that waits, or comes within `wait_ns`. */
static void look(int64_t wait_ns)
{
    const struct timespec wait = {(time_t)(wait_ns / WEIR__NS_PER_S), (long)(wait_ns % WEIR__NS_PER_S)};
    const int taken = sigtimedwait(&watched, NULL, &wait);

    interrupted = interrupted || taken == SIGINT || taken == SIGTERM;
}

bool weir__bench_process_interrupted(void)
{
    sigset_t pending;

    if (prepared && !interrupted && sigpending(&pending) == 0)
        interrupted = sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
    return interrupted;
}

static void become(pid_t parent, char *const *arguments, bool silent, const int *kept, int kept_count)
{
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* survives execve; a parent that died before is the next line's */
    if (getppid() != parent || nowhere < 0)
        _exit(127);
    (void)setpgid(0, 0);
    if (dup2(nowhere, STDIN_FILENO) < 0 || dup2(nowhere, STDOUT_FILENO) < 0 ||
        (silent && dup2(nowhere, STDERR_FILENO) < 0))
        _exit(127);
    for (int i = 0; i < kept_count; i++)
        (void)fcntl(kept[i], F_SETFD, 0);
    (void)signal(SIGPIPE, SIG_DFL); /* what is ignored stays so after exec */
    if (prepared)
        (void)sigprocmask(SIG_SETMASK, &mask_before, NULL);
    (void)execv(arguments[0], arguments);
    _exit(127);
}

bool weir__bench_process_start(struct weir__bench_process *process, char *const *arguments, bool silent,
                               const int *kept, int kept_count)
{
    const pid_t parent = getpid();

    process->started_ns = weir__clock_now_ns();
    process->pid = fork();
    if (process->pid == 0)
        become(parent, arguments, silent, kept, kept_count);
    if (process->pid < 0)
        process->pid = 0;
    else
        (void)setpgid(process->pid, process->pid); /* whoever is first: it must be before a kill */
    return process->pid > 0;
}

/* Whether it has ended. */
static bool reap(const struct weir__bench_process *process, int flags, struct weir__bench_process_cost *out)
{
    pid_t ended;

    do
        ended = wait4(process->pid, &out->status, flags, &out->usage);
    while (ended < 0 && errno == EINTR);
    out->ended_ns = weir__clock_now_ns();
    return ended != 0;
}

enum weir__bench_process_end weir__bench_process_wait(struct weir__bench_process *process, int64_t until_ns,
                                                      struct weir__bench_process_cost *out)
{
    enum weir__bench_process_end end = WEIR__BENCH_PROCESS_ENDED;

    while (!reap(process, WNOHANG, out)) {
        if (interrupted || weir__clock_now_ns() >= until_ns) {
            end = interrupted ? WEIR__BENCH_PROCESS_INTERRUPTED : WEIR__BENCH_PROCESS_OVERDUE;
            (void)kill(-process->pid, SIGKILL);
            (void)kill(process->pid, SIGKILL);
            (void)reap(process, 0, out);
            break;
        }
        look(LOOK_NS);
    }
    (void)kill(-process->pid, SIGKILL); /* what it left behind would disturb the next */
    process->pid = 0;
    return end;
}
