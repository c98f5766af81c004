/*
 * report_file - a file that is there whole or not at all.
 */
#ifndef WEIR_CLI_REPORT_FILE_H
#define WEIR_CLI_REPORT_FILE_H

#include <stdbool.h>
#include <stdio.h>

struct weir__report_file {
    FILE *stream; /* to write to */
    const char *name;
    char *temporary; /* in the same directory; NULL for standard output */
};

/* `name` may be "-", and must hold until the end.  False with errno, which weir__replace_reason words; the rest
 * is then a no-op. */
bool weir__report_file_open(struct weir__report_file *file, const char *name);

/* Gives it its name; with `keep` false it is taken away.  False with errno where it could not be written. */
bool weir__report_file_close(struct weir__report_file *file, bool keep);

#endif
