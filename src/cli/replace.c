/* replace - see replace.h */
#include "cli/replace.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

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

const char *weir__replace_reason(int error)
{
    if (error == ELOOP)
        return "it is a symbolic link, which would be replaced";
    return error == EINVAL ? "it exists and is no regular file" : strerror(error);
}
