/*
 * serve_request - a request's way from its header section to its answer, as the callbacks that libmicrohttpd and the
 * timer want.  `cls` is the struct weir__serve_http.
 *
 * All run on libmicrohttpd's one thread, except `resume`, which is the timer's.
 */
#ifndef WEIR_CLI_SERVE_REQUEST_H
#define WEIR_CLI_SERVE_REQUEST_H

#include "cli/serve_http.h"

/* MHD_OPTION_URI_LOG_CALLBACK: makes the request; NULL without memory. */
void *weir__serve_request_new(void *cls, const char *uri, struct MHD_Connection *connection);

/* MHD_OPTION_NOTIFY_COMPLETED: its end, however it came. */
void weir__serve_request_free(void *cls, struct MHD_Connection *connection, void **con_cls,
                              enum MHD_RequestTerminationCode code);

/* MHD_AccessHandlerCallback. */
enum MHD_Result weir__serve_request_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                           const char *method, const char *version, const char *upload_data,
                                           size_t *upload_data_size, void **con_cls);

/* The timer's callback; the item is a suspended connection. */
void weir__serve_request_resume(void *item);

#endif
