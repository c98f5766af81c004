/*
 * replace - whether a file may be put in place by a rename, which takes away whatever has the name.
 *
 * What is written to the file, and when it gets its name, is its callers' concern.
 */
#ifndef WEIR_CLI_REPLACE_H
#define WEIR_CLI_REPLACE_H

/* 0 where `name` is free or a regular file's.  Else an errno: ELOOP for a symbolic link, EISDIR for a directory, EINVAL
 * for what else is no regular file, or why nobody can tell. */
int weir__replace_check(const char *name);

/* A new file of that name to write to, which is to be renamed; an old one goes: it is of a process of our number that
 * was killed.  Negative with errno. */
int weir__replace_open(const char *temporary);

/* What that errno, or one of writing the file, means: for people. */
const char *weir__replace_reason(int error);

#endif
