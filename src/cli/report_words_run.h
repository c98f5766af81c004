/*
 * report_words_run - what a run's figures say, in plain sentences.  Pure, as report_words is.
 */
#ifndef WEIR_CLI_REPORT_WORDS_RUN_H
#define WEIR_CLI_REPORT_WORDS_RUN_H

#include "cli/report_run.h"
#include "cli/report_words.h"

void weir__report_words_run(struct weir__report_words *words, const struct weir__report_run *run);

#endif
