/*
 * serve_answer - the responses of `weir serve`: bodies made once, header fields of the limit as the dialect wants them.
 *
 * It knows responses only, neither connections nor time.
 */
#ifndef WEIR_CLI_SERVE_ANSWER_H
#define WEIR_CLI_SERVE_ANSWER_H

#include "cli/serve_headers.h"
#include "cli/serve_options.h"

#include <microhttpd.h>
#include <stdbool.h>

/* A body and the response that carries it without further header fields; such a response is queued again and again. */
struct weir__answer {
    int status;
    char *body;
    size_t body_size;
    struct MHD_Response *plain;
};

struct weir__answers {
    struct weir__answer success;
    struct weir__answer refusal;
    struct weir__answer too_large; /* 413 */
    struct weir__answer fails[WEIR__SERVE_FAILS_MAX];
};

/* False without memory; clear is due either way.  Clear only after the daemon has ended. */
bool weir__answers_init(struct weir__answers *answers, const struct weir__serve_options *options);
void weir__answers_clear(struct weir__answers *answers);

/*
 * Queues the answer with these fields; `fields` may be NULL.  The answer must outlive the connection's response. MHD_NO
 * where that fails.
 */
enum MHD_Result weir__answer_queue(struct MHD_Connection *connection, const struct weir__answer *answer,
                                   const struct weir__serve_fields *fields);

/* Queues 200 with a body from malloc, which is the response's from then on, also on failure. */
enum MHD_Result weir__answer_queue_body(struct MHD_Connection *connection, char *body, size_t body_size,
                                        const char *content_type, const struct weir__serve_fields *fields);

#endif
