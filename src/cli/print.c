/* print - see print.h */
#include "cli/print.h"

#include <stdio.h>

bool weir__print_json(struct weir__writer *writer)
{
    const bool printed = !writer->failed && fwrite(writer->text, 1, writer->size, stdout) == writer->size &&
                         fputc('\n', stdout) != EOF && fflush(stdout) == 0;

    weir__writer_clear(writer);
    return printed;
}
