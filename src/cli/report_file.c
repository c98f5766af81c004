/* report_file - see report_file.h */
#include "cli/report_file.h"

#include "cli/replace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool weir__report_file_open(struct weir__report_file *file, const char *name)
{
    int fd, error;

    *file = (struct weir__report_file){.name = name};
    if (strcmp(name, "-") == 0) {
        file->stream = stdout;
        return true;
    }
    error = weir__replace_check(name);
    if (error != 0) {
        errno = error;
        return false;
    }
    if (asprintf(&file->temporary, "%s.%ld.tmp", name, (long)getpid()) < 0) {
        file->temporary = NULL;
        return false;
    }
    fd = weir__replace_open(file->temporary);
    file->stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file->stream != NULL)
        return true;
    error = errno;
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(file->temporary);
    }
    free(file->temporary);
    *file = (struct weir__report_file){.name = name};
    errno = error;
    return false;
}

bool weir__report_file_close(struct weir__report_file *file, bool keep)
{
    int error = 0;

    if (file->stream == NULL)
        return true;
    if (fflush(file->stream) != 0 || ferror(file->stream))
        error = errno != 0 ? errno : EIO;
    if (file->temporary != NULL) {
        if (fclose(file->stream) != 0 && error == 0)
            error = errno;
        if (error == 0 && keep && rename(file->temporary, file->name) != 0)
            error = errno;
        if (error != 0 || !keep)
            (void)unlink(file->temporary);
    }
    free(file->temporary);
    *file = (struct weir__report_file){.name = file->name};
    errno = error;
    return error == 0;
}
