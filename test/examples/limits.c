/*
 * limits - a program with a curl loop of its own, in threads, that now keeps to a limit: three lines in the loop.
 *
 * Beside the three, which are marked, main() makes the limits, and answer_of() hands over what the server said of its
 * own limits.  All else is as it was.
 *
 * Usage: limits URL
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <weir.h>

#define THREADS 8
#define EACH 25
#define HEADERS_MAX 64

static const char *url;
static struct weir_limits *limits;

static size_t drop(char *data, size_t size, size_t count, void *user_data)
{
    (void)data;
    (void)user_data;
    return size * count;
}

/* What came back: a status and header fields, which belong to the handle until its next transfer; or nothing. */
static struct weir_answer answer_of(CURL *easy, CURLcode code, struct weir_header *headers)
{
    struct weir_answer answer = WEIR_ANSWER_INIT;
    struct curl_header *header = NULL;
    long status = 0;

    answer.unsent = code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    answer.http_status = (int)status;
    answer.headers = headers;
    while (answer.header_count < HEADERS_MAX &&
           (header = curl_easy_nextheader(easy, CURLH_HEADER, -1, header)) != NULL) {
        headers[answer.header_count].name = header->name;
        headers[answer.header_count++].value = header->value;
    }
    return answer;
}

static void *work(void *argument)
{
    CURL *easy = curl_easy_init();
    struct weir_header headers[HEADERS_MAX];
    struct weir_answer answer;
    struct weir_permit permit;
    int *answered = argument, i;
    CURLcode code;

    if (easy == NULL)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
    for (i = 0; i < EACH; i++) {
        do {
            weir_limits_acquire(limits, -1, &permit); /* weir: 1 of 3 */
            code = curl_easy_perform(easy);
            answer = answer_of(easy, code, headers);             /* weir: 2 of 3 */
        } while (weir_limits_release(limits, &permit, &answer)); /* weir: 3 of 3; again if it was refused */
        *answered += code == CURLE_OK && answer.http_status == 200;
    }
    curl_easy_cleanup(easy);
    return NULL;
}

int main(int argc, char **argv)
{
    const struct weir_rate rate = {100, 0, 1000000000, WEIR_SHAPE_DEFAULT}; /* 100 per second */
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_limits_stats stats;
    int answered[THREADS] = {0}, all = 0, i;
    pthread_t threads[THREADS];

    options.concurrency = 4;
    options.rates = &rate;
    options.rate_count = 1; /* options.scope = "host:NAME" shares them with every process that says so */
    if (argc != 2 || curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || weir_limits_new(&options, &limits) != WEIR_OK)
        return 2;
    url = argv[1];
    for (i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, &answered[i]) != 0)
            return 2;
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        all += answered[i];
    }
    stats.struct_size = sizeof stats;
    weir_limits_snapshot(limits, &stats);
    weir_limits_free(limits);
    curl_global_cleanup();
    printf("%d of %d answered, at most %d at a time, %d refused\n", all, THREADS * EACH, (int)stats.peak_in_flight,
           (int)stats.refusals);
    return all == THREADS * EACH ? 0 : 1;
}
