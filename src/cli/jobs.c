/* jobs - see jobs.h */
#include "cli/jobs.h"

#include "cli/say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct weir_header json_type = {"content-type", "application/json"};

/* The request as configured; its texts are the configuration's.  An input brings URLs of its own. */
static bool prepare(struct weir__jobs *jobs)
{
    const struct weir__config *config = jobs->config;
    struct weir_request request = WEIR_REQUEST_INIT;

    jobs->headers = calloc(config->header_count + 1, sizeof *jobs->headers);
    if (jobs->headers == NULL)
        return false;
    for (size_t i = 0; i < config->header_count; i++)
        jobs->headers[i] = (struct weir_header){config->headers[i].name, config->headers[i].value};
    request.method = config->method;
    request.url = jobs->listed ? "" : config->url;
    request.headers = jobs->headers;
    request.header_count = config->header_count;
    request.body = config->body;
    request.body_size = config->body_size;
    return weir__expand_init(&jobs->expand, &request);
}

static bool open_input(struct weir__jobs *jobs)
{
    char shown[WEIR__SAY_LINE_MAX / 2];
    const char *file = weir__say_escape(jobs->config->input, shown, sizeof shown);

    if (!weir__input_open(&jobs->input, jobs->config->input)) {
        weir__say("weir run: input %s: %s", file, strerror(errno));
        return false;
    }
    if (!jobs->input.stream && !weir__input_survey(&jobs->input)) {
        weir__say("weir run: input %s: %s", file, strerror(errno));
        return false;
    }
    return true;
}

bool weir__jobs_open(struct weir__jobs *jobs, const struct weir__config *config, enum weir__jobline_format format)
{
    memset(jobs, 0, sizeof *jobs);
    jobs->input.fd = jobs->input.wake_fd = -1;
    jobs->config = config;
    jobs->format = format;
    jobs->listed = config->input != NULL;
    if (!prepare(jobs) || (jobs->listed && !weir__resolve_init(&jobs->resolve, config->url))) {
        weir__say("weir run: %s", weir_status_text(WEIR_NO_MEMORY));
        return false;
    }
    return !jobs->listed || open_input(jobs);
}

void weir__jobs_close(struct weir__jobs *jobs)
{
    if (jobs->listed)
        weir__input_close(&jobs->input);
    weir__jobline_clear(&jobs->jobline);
    weir__resolve_clear(&jobs->resolve);
    weir__expand_clear(&jobs->expand);
    free(jobs->headers);
    free(jobs->merged);
    free(jobs->line);
    memset(jobs, 0, sizeof *jobs);
}

bool weir__jobs_count(const struct weir__jobs *jobs, uint64_t *out)
{
    if (jobs->listed && jobs->input.stream)
        return false;
    *out = jobs->listed ? jobs->input.jobs : jobs->config->total;
    return true;
}

enum weir__input_next weir__jobs_next(struct weir__jobs *jobs)
{
    enum weir__input_next next;

    if (!jobs->listed) {
        if (jobs->number == jobs->config->total)
            return WEIR__INPUT_END;
        jobs->number++;
        return WEIR__INPUT_LINE;
    }
    next = weir__input_next(&jobs->input, &jobs->text, &jobs->text_size);
    if (next == WEIR__INPUT_TOO_LONG)
        jobs->text = NULL;
    jobs->number = jobs->input.number;
    return next == WEIR__INPUT_TOO_LONG ? WEIR__INPUT_LINE : next;
}

void weir__jobs_say_failed(const struct weir__jobs *jobs)
{
    weir__say("weir run: the input cannot be read after line %" PRIu64 ": %s", jobs->number, strerror(errno));
}

static bool has_field(const struct weir_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(headers[i].name, name) == 0)
            return true;
    return false;
}

/* The configuration's fields but those that the line speaks of, then the line's, then the body's type. */
static bool merge_headers(struct weir__jobs *jobs, const struct weir__jobline *line, bool json,
                          struct weir_request *request)
{
    const struct weir_request *base = &jobs->expand.request;
    const size_t most = base->header_count + line->header_count + 1;
    size_t count = 0;

    if (most > jobs->merged_capacity) {
        struct weir_header *merged = realloc(jobs->merged, most * sizeof *merged);
        if (merged == NULL)
            return false;
        jobs->merged = merged;
        jobs->merged_capacity = most;
    }
    for (size_t i = 0; i < base->header_count; i++)
        if (!has_field(line->headers, line->header_count, base->headers[i].name))
            jobs->merged[count++] = base->headers[i];
    for (size_t i = 0; i < line->header_count; i++)
        if (line->headers[i].value != NULL)
            jobs->merged[count++] = line->headers[i];
    if (json && !has_field(jobs->merged, count, json_type.name))
        jobs->merged[count++] = json_type;
    request->headers = jobs->merged;
    request->header_count = count;
    return true;
}

/*
 * Whether the line names a method that goes without a body as a rule.  There null stands for none, as programs write it
 * that know one set of columns only; and the configuration's body is not for it.
 */
static bool goes_without(const struct weir__jobline *line)
{
    return line->method != NULL && (strcmp(line->method, "GET") == 0 || strcmp(line->method, "HEAD") == 0);
}

/* Method and body; true where the body is JSON. */
static bool choose_body(const struct weir__jobs *jobs, const struct weir__jobline *line, struct weir_request *request)
{
    const struct weir__config *config = jobs->config;
    enum weir__jobline_body kind = line->body_kind;
    bool json = kind == WEIR__JOBLINE_JSON;

    if (kind == WEIR__JOBLINE_NO_BODY && !goes_without(line)) {
        json = config->body_json;
    } else if (kind == WEIR__JOBLINE_NULL && line->method != NULL && !goes_without(line)) {
        request->body = "null";
        request->body_size = strlen("null");
        json = true;
    } else if (kind == WEIR__JOBLINE_NO_BODY || kind == WEIR__JOBLINE_NULL) {
        request->body = NULL;
        request->body_size = 0;
    } else {
        request->body = line->body_size > 0 ? line->body : "";
        request->body_size = line->body_size;
    }
    if (line->method != NULL)
        request->method = line->method;
    else if (!config->has_method)
        request->method = request->body != NULL ? "POST" : "GET";
    return json;
}

/* A line that is a URL and nothing else. */
static bool take_url(struct weir__jobs *jobs, struct weir__jobline *line)
{
    if (jobs->text_size >= jobs->line_capacity) {
        char *copy = realloc(jobs->line, jobs->text_size + 1);
        if (copy == NULL)
            return false;
        jobs->line = copy;
        jobs->line_capacity = jobs->text_size + 1;
    }
    memcpy(jobs->line, jobs->text, jobs->text_size);
    jobs->line[jobs->text_size] = '\0';
    line->url = jobs->line;
    return true;
}

static const char *check_url_line(const char *text, size_t size)
{
    if (size > WEIR_URL_MAX_SIZE)
        return "expected a URL of at most 65536 bytes, or a JSON object";
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f)
            return (unsigned char)text[i] == 0xef && i == 0 && size > 2 && (unsigned char)text[1] == 0xbb
                       ? "expected a URL or a JSON object, without a byte order mark"
                       : "expected a URL without spaces, control characters or characters beyond ASCII (write them "
                         "as %20, %C3%A9), or a JSON object";
    return NULL;
}

/* Blanks around it are not the line's. */
static void trim(struct weir__jobs *jobs)
{
    while (jobs->text_size > 0 && (jobs->text[0] == ' ' || jobs->text[0] == '\t')) {
        jobs->text++;
        jobs->text_size--;
    }
    while (jobs->text_size > 0 && (jobs->text[jobs->text_size - 1] == ' ' || jobs->text[jobs->text_size - 1] == '\t'))
        jobs->text_size--;
}

static bool make_request(struct weir__jobs *jobs, const struct weir__jobline *line, struct weir__job_given *out)
{
    struct weir_request *request = &out->request;
    bool json;

    request->url = weir__resolve(&jobs->resolve, line->url);
    if (request->url == NULL) {
        if (jobs->resolve.base != NULL || weir__resolve_absolute(line->url))
            return false;
        out->error = "a relative URL, and no \"url\" in the configuration to resolve it against";
        return true;
    }
    json = choose_body(jobs, line, request);
    if (line->header_count == 0 && !json)
        return true; /* the configuration's as they are */
    return merge_headers(jobs, line, json, request);
}

static bool make_listed(struct weir__jobs *jobs, struct weir__job_given *out)
{
    struct weir__jobline *line = &jobs->jobline;
    struct weir__jobline url = {.custom_id = NULL};

    if (jobs->text == NULL) {
        out->error = "expected at most 16 MiB a line";
        return true;
    }
    trim(jobs);
    if (jobs->text[0] != '{' && jobs->format == WEIR__JOBLINE_BATCH) {
        out->error = check_url_line(jobs->text, jobs->text_size);
        return out->error != NULL || (take_url(jobs, &url) && make_request(jobs, &url, out));
    }
    if (!weir__jobline_parse(line, jobs->format, jobs->text, jobs->text_size))
        out->error = line->error;
    out->custom_id = line->custom_id;
    out->custom_id_size = line->custom_id_size;
    out->metadata = line->metadata;
    out->metadata_size = line->metadata_size;
    return out->error != NULL || make_request(jobs, line, out);
}

bool weir__jobs_make(struct weir__jobs *jobs, struct weir__job_given *out)
{
    static const struct weir__jobline nothing;

    memset(out, 0, sizeof *out);
    out->line = jobs->number;
    weir__expand_set(&jobs->expand, jobs->number);
    out->request = jobs->expand.request;
    if (jobs->listed)
        return make_listed(jobs, out);
    return !jobs->config->body_json || merge_headers(jobs, &nothing, true, &out->request);
}
