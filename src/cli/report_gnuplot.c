/*
 * report_gnuplot - see report_gnuplot.h.
 *
 * Script and drawing are files in memory, so that neither side ever waits for the other.  gnuplot runs what is in a
 * script: nothing that came from outside may stand in one (report_svg).
 */
#include "cli/report_gnuplot.h"

#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CPU_MAX_S 120u /* some hundred plots take three */
#define ERROR_SHOWN 400u

static const char program[] = "gnuplot";

/* In one directory of PATH, which need not end in NUL. */
static bool is_in(const char *directory, size_t size)
{
    char file[PATH_MAX];
    struct stat info;
    const int length = snprintf(file, sizeof file, "%.*s/%s", (int)size, size > 0 ? directory : ".", program);

    return length > 0 && (size_t)length < sizeof file && stat(file, &info) == 0 && S_ISREG(info.st_mode) &&
           access(file, X_OK) == 0;
}

bool weir__report_gnuplot_find(const char *command)
{
    const char *path = getenv("PATH");

    for (path = path != NULL ? path : "/usr/bin:/bin"; path != NULL;) {
        const char *const end = strchrnul(path, ':');
        const size_t size = (size_t)(end - path);
        if (size < PATH_MAX && is_in(path, size))
            return true;
        path = *end == ':' ? end + 1 : NULL;
    }
    weir__say("weir %s: pages need gnuplot, which is not installed (Debian package gnuplot-nox)", command);
    return false;
}

static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(fd, text, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text += written;
        size -= (size_t)written;
    }
    return true;
}

/* All of a file in memory, with a NUL; NULL without memory. */
static char *read_all(int fd, size_t *out_size)
{
    const off_t end = lseek(fd, 0, SEEK_END);
    const size_t size = end > 0 ? (size_t)end : 0;
    char *text = malloc(size + 1);
    size_t used = 0;

    while (text != NULL && used < size) {
        const ssize_t got = pread(fd, text + used, size - used, (off_t)used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    if (text != NULL)
        text[used] = '\0';
    *out_size = used;
    return text;
}

/* The child's side: default settings, since somebody's ~/.gnuplot would change how things look. */
static void become_gnuplot(pid_t parent, const int files[3])
{
    char name[] = "gnuplot", defaults[] = "-d", script[] = "-";
    char *const arguments[] = {name, defaults, script, NULL};
    const struct rlimit cpu = {CPU_MAX_S, CPU_MAX_S + 1};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setrlimit(RLIMIT_CPU, &cpu);
    (void)setenv("LC_ALL", "C.UTF-8", 1);
    if (getppid() == parent)
        for (int i = 0; i < 3; i++)
            if (dup2(files[i], i) < 0)
                _exit(126);
    (void)execvp(program, arguments);
    _exit(127);
}

/* What it said first, without what would drive a terminal. */
static void say_failed(const char *command, int error_file, int status)
{
    char shown[ERROR_SHOWN];
    size_t size = 0;
    char *text = read_all(error_file, &size);

    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        weir__say("weir %s: gnuplot could not be started", command);
    else if (WIFSIGNALED(status))
        weir__say("weir %s: gnuplot was ended by signal %d", command, WTERMSIG(status));
    else
        weir__say("weir %s: gnuplot failed: %s", command,
                  weir__say_escape(text != NULL ? text : "", shown, sizeof shown));
    free(text);
}

char *weir__report_gnuplot_run(const char *command, const char *script, size_t size, size_t *out_size)
{
    const pid_t parent = getpid();
    int files[3] = {-1, -1, -1}, status = 0;
    pid_t child = -1;
    char *drawing = NULL;

    for (int i = 0; i < 3; i++) {
        files[i] = memfd_create("weir-report", MFD_CLOEXEC);
        if (files[i] < 0)
            goto done;
    }
    if (!write_all(files[0], script, size) || lseek(files[0], 0, SEEK_SET) != 0)
        goto done;
    child = fork();
    if (child == 0)
        become_gnuplot(parent, files);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        drawing = read_all(files[1], out_size);
    else if (child > 0)
        say_failed(command, files[2], status);
done:
    if (child < 0 || (drawing == NULL && status == 0))
        weir__say("weir %s: gnuplot could not be run: %s", command, strerror(errno));
    for (int i = 0; i < 3; i++)
        if (files[i] >= 0)
            (void)close(files[i]);
    return drawing;
}
