/*
 * exec_child - the command as a child: signals on the way in, the exit code on the way out.
 *
 * The parent takes its signals one by one with sigwaitinfo(), blocked from before the fork, so that none is lost.
 */
#include "cli/exec.h"

#include "cli/say.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Those that are handed on.  The first two a terminal sends to the child as well: only a kill() of them is. */
static const int handed_on[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

#define HANDED_ON (sizeof handed_on / sizeof handed_on[0])

/* How things were; the child gets them back. */
struct signals {
    sigset_t mask;
    struct sigaction child;
};

static void block(sigset_t *waited, struct signals *before)
{
    const struct sigaction plain = {.sa_handler = SIG_DFL};

    sigemptyset(waited);
    sigaddset(waited, SIGCHLD);
    for (size_t i = 0; i < HANDED_ON; i++)
        sigaddset(waited, handed_on[i]);
    (void)sigprocmask(SIG_BLOCK, waited, &before->mask);
    (void)sigaction(SIGCHLD, &plain, &before->child); /* ignored, it would take the exit code away */
}

static void restore(const struct signals *before)
{
    (void)sigaction(SIGCHLD, &before->child, NULL);
    (void)sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

/* Does not come back. */
static void become(char **command)
{
    char shown[256];
    int error;

    (void)execvp(command[0], command);
    error = errno;
    weir__say("weir exec: %s: %s", weir__say_escape(command[0], shown, sizeof shown),
              error == ENOENT ? "command not found" : strerror(error));
    _exit(error == ENOENT ? WEIR__EXEC_NOT_FOUND : WEIR__EXEC_NOT_STARTED);
}

/* One signal, if it is for the child. */
static void hand_on(pid_t child, const siginfo_t *info)
{
    if (info->si_signo == SIGCHLD || info->si_pid == child)
        return;
    if ((info->si_signo == SIGINT || info->si_signo == SIGQUIT) && info->si_code == SI_KERNEL)
        return;
    (void)kill(child, info->si_signo);
}

/* The status that wait() gives, of the child that ended. */
static int attend(pid_t child, const sigset_t *waited)
{
    siginfo_t info;
    int status = 0;

    for (;;) {
        const pid_t ended = waitpid(-1, &status, WNOHANG); /* others are what it left behind */
        if (ended == child)
            return status;
        if (ended < 0 && errno != EINTR)
            return WEIR__EXEC_NOT_STARTED << 8;
        if (ended == 0 && sigwaitinfo(waited, &info) > 0)
            hand_on(child, &info);
    }
}

bool weir__exec_child_left_others(void)
{
    pid_t ended;

    do
        ended = waitpid(-1, NULL, WNOHANG);
    while (ended > 0 || (ended < 0 && errno == EINTR));
    return ended == 0;
}

int weir__exec_child_run(char **command)
{
    struct signals before;
    sigset_t waited;
    pid_t child;
    int status;

    block(&waited, &before);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1L); /* orphans become ours: so we know of them */
    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        restore(&before);
        become(command);
    }
    if (child < 0) {
        weir__say("weir exec: no process could be started: %s", strerror(errno));
        restore(&before);
        return WEIR__EXEC_NOT_STARTED;
    }
    status = attend(child, &waited);
    restore(&before);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
