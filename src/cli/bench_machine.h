/* bench_machine - what the figures of a benchmark were measured on, in one line. */
#ifndef WEIR_CLI_BENCH_MACHINE_H
#define WEIR_CLI_BENCH_MACHINE_H

/* "2 x AMD EPYC, Linux 6.1.0, libcurl/7.88.1 OpenSSL/3.0.19"; on the heap, NULL without memory. */
char *weir__bench_machine(void);

#endif
