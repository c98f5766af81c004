/* replace - see replace.h */
#include "cli/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0644 /* less the umask: who reads metrics or a page may be another user */

/* A rename would replace a device, or the name of somebody else's file. */
int weir__replace_check(const char *name)
{
    struct stat info;

    if (lstat(name, &info) != 0)
        return errno == ENOENT ? 0 : errno;
    if (S_ISLNK(info.st_mode))
        return ELOOP;
    return S_ISREG(info.st_mode) ? 0 : S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
}

int weir__replace_open(const char *temporary)
{
    (void)unlink(temporary);
    return open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
}

const char *weir__replace_reason(int error)
{
    if (error == ELOOP)
        return "it is a symbolic link, which would be replaced";
    return error == EINVAL ? "it exists and is no regular file" : strerror(error);
}
