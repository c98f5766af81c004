/*
 * Processes that share a scope, killed at drawn moments: nothing is lost and nothing doubled.
 * Usage: kill --prefix NAME [--kills N] [--seed N] [--rate N] [--period-ms N] [--resize 1]
 *
 * Worker processes of two threads each acquire and release in a loop.  Who is inside is a bit in a word of shared
 * memory, set after the acquire and cleared before the release, so one atomic operation tells how many were inside at
 * that moment; a bit in its upper half says that the thread's process is being killed and does not count any more. Each
 * send's moment is logged: it lies between acquire and release, as a server's count would.  This process kills, stops
 * and continues, and after each kill acquires every permit at once.
 *
 * It knows of weir only weir.h.
 */
#include "scope_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define CONCURRENCY 5u
#define STUCK_SHARE 10u /* of the stops, one in so many may hit the lock */
#define PROCESSES 6u
#define THREADS 2u
#define LOG_MAX (1u << 21)
#define REGAIN_MAX_NS S(1) /* after a kill, and the rate's period: everything must be back */

struct shared {
    _Atomic uint64_t inside; /* lower half: a bit for each thread that is inside; upper half: doomed */
    _Atomic uint32_t ending;
    _Atomic uint32_t violations; /* more than CONCURRENCY were inside */
    _Atomic uint32_t most;       /* inside at a time */
    _Atomic uint32_t odd_status; /* 1 + the last status that no call should have returned here */
    _Atomic uint32_t odd_where;  /* 1: new, 2: acquire, 3: a change */
    _Atomic uint32_t late;       /* acquires that took much longer than they may */
    _Atomic uint32_t stops[PROCESSES];
    _Atomic uint64_t acquired[PROCESSES];
    _Atomic uint64_t sends;
    _Atomic int64_t log[LOG_MAX]; /* moments of sends; 0 where somebody was killed right there */
};

struct plan {
    char name[80];
    uint32_t rate;
    int64_t period_ns;
    bool resize;
};

static struct shared *shared;
static struct plan plan;
static int shared_fd;
static int64_t stalled_ns; /* how long the machine gave this process nothing, counted by a thread that sleeps */
static _Atomic int64_t stalled_total;

/* ------------------------------------------------------------------------------------------------------------ workers
 */

struct worker_thread {
    struct weir_limits *limits;
    unsigned process, number; /* the thread's number is its bit */
    uint64_t random;
};

static unsigned count_inside(uint64_t word)
{
    return (unsigned)__builtin_popcountll(word & ~(word >> 32) & UINT64_C(0xffffffff));
}

static void raise_most(unsigned seen)
{
    uint32_t most = atomic_load(&shared->most);

    while (seen > most && !atomic_compare_exchange_weak(&shared->most, &most, seen))
        continue;
    if (seen > CONCURRENCY)
        atomic_fetch_add(&shared->violations, 1);
}

static void odd(unsigned where, enum weir_status status)
{
    atomic_store(&shared->odd_where, where);
    atomic_store(&shared->odd_status, 1 + (uint32_t)status);
}

static void log_send(void)
{
    const uint64_t place = atomic_fetch_add(&shared->sends, 1);

    if (place < LOG_MAX)
        atomic_store(&shared->log[place], now_ns());
}

/* With no limits of its own (`as_they_are`) it takes the scope's, which somebody may have lowered just now. */
static enum weir_status open_scope(bool as_they_are, struct weir_limits **out)
{
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    const struct weir_rate rate = {.requests = plan.rate, .per_ns = plan.period_ns, .shape = WEIR_SHAPE_WINDOW};
    char scope[96];

    snprintf(scope, sizeof scope, "host:%s", plan.name);
    if (!as_they_are) {
        options.concurrency = CONCURRENCY;
        options.rates = &rate;
        options.rate_count = 1;
    }
    options.scope = scope;
    return weir_limits_new(&options, out);
}

static void one_turn(struct worker_thread *t, struct weir_permit *permit)
{
    const uint64_t bit = UINT64_C(1) << t->number;
    struct weir_answer answer = WEIR_ANSWER_INIT;
    const bool unsent = draw_below(&t->random, 8) == 0;

    raise_most(count_inside(atomic_fetch_or(&shared->inside, bit) | bit));
    atomic_fetch_add(&shared->acquired[t->process], 1);
    if (!unsent)
        log_send();
    if (draw_below(&t->random, 4) != 0)
        pause_ns(draw_below(&t->random, MS(4)));
    if (!unsent && draw_below(&t->random, 2) == 0)
        weir_limits_began(t->limits, permit);
    answer.unsent = unsent;
    answer.http_status = unsent ? 0 : 200;
    atomic_fetch_and(&shared->inside, ~bit);
    weir_limits_release(t->limits, permit, !unsent && draw_below(&t->random, 2) == 0 ? NULL : &answer);
    if (draw_below(&t->random, 16) == 0)
        weir_limits_release(t->limits, permit, NULL); /* once more: a no-op */
}

static void set_limits(struct weir_limits *limits, unsigned divisor)
{
    const struct weir_rate rate = {
        .requests = plan.rate / divisor, .per_ns = plan.period_ns, .shape = WEIR_SHAPE_WINDOW};
    const enum weir_status status = weir_limits_set_concurrency(limits, divisor > 1 ? CONCURRENCY - 1 : CONCURRENCY);
    const enum weir_status second = weir_limits_set_rate(limits, 0, &rate);

    if (status != WEIR_OK || second != WEIR_OK)
        odd(3, status != WEIR_OK ? status : second);
}

static void *work(void *argument)
{
    struct worker_thread *t = argument;
    static const int64_t timeouts[] = {0, MS(1), MS(40), S(1)};

    while (!atomic_load(&shared->ending)) {
        struct weir_permit permit = WEIR_PERMIT_INIT;
        const int64_t timeout_ns = timeouts[draw_below(&t->random, 4)], begin = now_ns();
        const uint32_t stops = atomic_load(&shared->stops[t->process]);
        const enum weir_status status = weir_limits_acquire(t->limits, timeout_ns, &permit);

        if (now_ns() - begin > timeout_ns + MS(700) && stops == atomic_load(&shared->stops[t->process]))
            atomic_fetch_add(&shared->late, 1);
        if (status == WEIR_OK)
            one_turn(t, &permit);
        else if (status != WEIR_TIMEOUT)
            odd(2, status);
        else
            pause_ns(MS(1));
        if (plan.resize && draw_below(&t->random, 8) == 0) {
            set_limits(t->limits, 2);
            set_limits(t->limits, 1);
        }
    }
    return NULL;
}

static int worker(unsigned process, uint64_t seed)
{
    struct worker_thread threads[THREADS];
    pthread_t ids[THREADS];
    struct weir_limits *limits = NULL;
    const enum weir_status status = open_scope(plan.resize, &limits);

    if (status != WEIR_OK) {
        odd(1, status);
        return 3;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = (struct worker_thread){limits, process, process * THREADS + i, seed + i};
        if (pthread_create(&ids[i], NULL, work, &threads[i]) != 0)
            _exit(4);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    weir_limits_free(limits);
    return 0;
}

/* ------------------------------------------------------------------------------------------------------------- killer
 */

static pid_t pids[PROCESSES]; /* 0: none runs */

/* A process of its own program, as a service would be, not a fork of one that has handles. */
static void spawn(unsigned process, uint64_t seed)
{
    char text[5][32];
    const pid_t pid = fork();

    if (pid < 0) {
        perror("fork");
        exit(2);
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also where this process's watchdog ends it */
        snprintf(text[0], 32, "%d", shared_fd);
        snprintf(text[1], 32, "%u", process);
        snprintf(text[2], 32, "%llu", (unsigned long long)seed);
        snprintf(text[3], 32, "%u", plan.rate);
        snprintf(text[4], 32, "%lld", (long long)plan.period_ns);
        execl("/proc/self/exe", "kill", "worker", plan.name, text[0], text[1], text[2], text[3], text[4],
              plan.resize ? "resize" : "-", (char *)NULL);
        _exit(127);
    }
    pids[process] = pid;
}

static uint64_t bits_of(unsigned process)
{
    return ((UINT64_C(1) << THREADS) - 1) << (process * THREADS);
}

static void slay(unsigned process)
{
    const uint64_t bits = bits_of(process);

    atomic_fetch_or(&shared->inside, bits << 32);
    kill(pids[process], SIGKILL);
    while (waitpid(pids[process], NULL, 0) < 0 && errno == EINTR)
        continue;
    atomic_fetch_and(&shared->inside, ~(bits | bits << 32));
    pids[process] = 0;
}

static uint64_t acquired_by_others(unsigned process)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < PROCESSES; i++)
        sum += i == process ? 0 : atomic_load(&shared->acquired[i]);
    return sum;
}

/* Sleeps in short pieces and counts what it overslept: what the machine's load adds to every wait here. */
static void *watch_stalls(void *unused)
{
    (void)unused;
    for (;;) {
        const int64_t begin = now_ns();

        pause_ns(MS(5));
        if (now_ns() - begin > MS(15))
            atomic_fetch_add(&stalled_total, now_ns() - begin - MS(5));
    }
    return NULL;
}

/* Stops a process wherever it is, and sees the others go on.  How long it took until one did; -1: none did. */
static int64_t stop_and_continue(unsigned process, uint64_t *random)
{
    const int64_t begin = now_ns();
    const int64_t stalled = atomic_load(&stalled_total);
    int64_t took = -1;
    uint64_t before;
    siginfo_t info;

    atomic_fetch_add(&shared->stops[process], 1);
    kill(pids[process], SIGSTOP);
    if (waitid(P_PID, (id_t)pids[process], &info, WSTOPPED) != 0)
        return -1;
    before = acquired_by_others(process);
    while (took < 0 && now_ns() - begin < S(1) + plan.period_ns + atomic_load(&stalled_total) - stalled) {
        pause_ns(MS(1));
        if (acquired_by_others(process) > before + 3)
            took = now_ns() - begin;
    }
    pause_ns(draw_below(random, MS(30)));
    kill(pids[process], SIGCONT);
    return took;
}

/* Takes every permit at once.  How many it got until `end`; `*took` how long that took. */
static unsigned take_all(struct weir_limits *limits, struct weir_permit permits[CONCURRENCY], int64_t within_ns,
                         int64_t *took)
{
    const int64_t begin = now_ns();
    const int64_t stalled = atomic_load(&stalled_total);
    unsigned got = 0;

    while (got < CONCURRENCY) {
        const int64_t left = begin + within_ns + atomic_load(&stalled_total) - stalled - now_ns();
        const enum weir_status status = weir_limits_acquire(limits, left > 0 ? left : 0, &permits[got]);

        if (status == WEIR_OK)
            got++;
        else if (status != WEIR_TIMEOUT)
            odd(2, status);
        if (status != WEIR_OK && left <= 0)
            break;
    }
    *took = now_ns() - begin;
    return got;
}

static void give_back(struct weir_limits *limits, struct weir_permit *permits, unsigned count)
{
    struct weir_answer answer = WEIR_ANSWER_INIT;

    answer.unsent = true;
    while (count > 0)
        weir_limits_release(limits, &permits[--count], &answer);
}

static void tell_limits(struct weir_limits *limits)
{
    struct weir_limits_stats stats = {.struct_size = sizeof stats};

    weir_limits_snapshot(limits, &stats);
    note("in flight here %u, parties %u, wait %lld ns", stats.in_flight, stats.parties,
         (long long)weir_limits_wait_ns(limits));
    for (size_t i = 0; i < stats.limit_count; i++)
        note("limit %s: permits %u, worst window %llu, uncertain %llu", stats.limits[i].name, stats.limits[i].permits,
             (unsigned long long)stats.limits[i].worst_window, (unsigned long long)stats.limits[i].uncertain);
}

struct tally {
    unsigned kills, short_probes, crowded, sixths, stops, stuck, holding;
    int64_t slowest_ns, slowest_stop_ns;
};

/* One kill and what must hold after it. */
static void one_kill(struct weir_limits *probe, struct tally *tally, uint64_t *random)
{
    struct weir_permit permits[CONCURRENCY + 1];
    const bool newborn = draw_below(random, 4) == 0; /* dies while it opens the scope */
    const unsigned victim = (unsigned)draw_below(random, PROCESSES);
    unsigned got;
    int64_t took;

    if (newborn) {
        slay(victim);
        spawn(victim, draw(random));
        pause_ns(draw_below(random, MS(4)));
    } else {
        pause_ns(draw_below(random, MS(6)));
    }
    tally->holding += (atomic_load(&shared->inside) & bits_of(victim)) != 0;
    slay(victim);
    tally->kills++;
    if (draw_below(random, 2) == 0)
        spawn(victim, draw(random));
    if (plan.resize)
        set_limits(probe, 1); /* who was killed between may have left them lower */
    got = take_all(probe, permits, REGAIN_MAX_NS + plan.period_ns, &took);
    if (got == CONCURRENCY) {
        tally->slowest_ns = took > tally->slowest_ns ? took : tally->slowest_ns;
        tally->crowded += count_inside(atomic_load(&shared->inside)) != 0;
        if (draw_below(random, 4) == 0 &&
            weir_limits_acquire(probe, draw_below(random, MS(20)), &permits[CONCURRENCY]) == WEIR_OK) {
            tally->sixths++;
            got++;
        }
    } else if (tally->short_probes++ < 3) {
        note("after kill %u only %u of %u permits were back in %lld ms; inside: %#llx", tally->kills, got, CONCURRENCY,
             (long long)(took / MS(1)), (unsigned long long)atomic_load(&shared->inside));
        tell_limits(probe);
    }
    give_back(probe, permits, got);
    if (pids[victim] == 0)
        spawn(victim, draw(random));
    if (draw_below(random, 4) == 0) {
        took = stop_and_continue((unsigned)draw_below(random, PROCESSES), random);
        tally->stops++;
        tally->stuck += took < 0;
        tally->slowest_stop_ns = took > tally->slowest_stop_ns ? took : tally->slowest_stop_ns;
    }
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* The most sends that any window of the rate's period held. */
static unsigned worst_window(void)
{
    static int64_t times[LOG_MAX];
    const uint64_t sends = atomic_load(&shared->sends);
    size_t count = 0, first = 0, worst = 0;

    for (size_t i = 0; i < LOG_MAX && i < sends; i++)
        if (shared->log[i] != 0)
            times[count++] = shared->log[i];
    qsort(times, count, sizeof times[0], compare);
    for (size_t i = 0; i < count; i++) {
        while (times[i] - times[first] >= plan.period_ns)
            first++;
        worst = i - first + 1 > worst ? i - first + 1 : worst;
    }
    return (unsigned)worst;
}

/* How many can be sent at once; -1 where that took longer than the period, so that it says nothing. */
static int sends_at_once(struct weir_limits *probe)
{
    struct weir_permit permit;
    const int64_t begin = now_ns();
    int count = 0;

    while (count < 4 * (int)plan.rate && weir_limits_acquire(probe, 0, &permit) == WEIR_OK) {
        count++;
        weir_limits_release(probe, &permit, NULL);
    }
    return now_ns() - begin < plan.period_ns ? count : -1;
}

static void check_end(struct weir_limits *probe)
{
    struct weir_permit permits[CONCURRENCY], more = WEIR_PERMIT_INIT;
    struct weir_limits_stats stats = {.struct_size = sizeof stats};
    int64_t took, end;
    unsigned got;
    int at_once = -1;
    enum weir_status status;

    got = take_all(probe, permits, REGAIN_MAX_NS + plan.period_ns, &took);
    say(got == CONCURRENCY, "at the end %u of %u permits can be acquired at once", got, CONCURRENCY);
    end = now_ns();
    status = weir_limits_acquire(probe, MS(600), &more);
    say(status == WEIR_TIMEOUT && now_ns() - end >= MS(599), "a sixth is told: %s, after %lld ms",
        weir_status_text(status), (long long)((now_ns() - end) / MS(1)));
    give_back(probe, permits, got);

    for (int turn = 0; turn < 5 && at_once < 0; turn++) {
        pause_ns(plan.period_ns + MS(400));
        at_once = sends_at_once(probe);
    }
    say(at_once == (int)plan.rate, "a period later just %u can be sent at once (%d could)", plan.rate, at_once);

    for (end = now_ns() + S(2); now_ns() < end; pause_ns(MS(10))) {
        weir_limits_snapshot(probe, &stats);
        if (stats.parties == 1)
            break;
    }
    say(stats.parties == 1 && stats.in_flight == 0, "nobody is left: %u parties, %u in flight", stats.parties,
        stats.in_flight);
    say(stats.limit_count == 2 && stats.limits[0].permits == CONCURRENCY && stats.limits[1].permits == plan.rate &&
            stats.limits[1].worst_window <= plan.rate,
        "the limits are those that were given, and the certificate is %llu of %u",
        (unsigned long long)stats.limits[1].worst_window, plan.rate);
}

static void end_workers(void)
{
    unsigned unwilling = 0;

    atomic_store(&shared->ending, 1);
    for (unsigned i = 0; i < PROCESSES; i++)
        if (pids[i] != 0) {
            const int status = reap(pids[i], S(5));

            if (!(status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
                unwilling++;
                note("worker %u: %s", i, ending(status));
            }
        }
    say(unwilling == 0, "the last workers leave in order (%u did not)", unwilling);
}

static void torment(unsigned kills, uint64_t seed)
{
    struct tally tally = {0};
    struct weir_limits *probe = NULL;
    uint64_t random = seed;
    pthread_t watcher;
    unsigned worst;
    uint64_t sum = 0;

    if (pthread_create(&watcher, NULL, watch_stalls, NULL) != 0)
        exit(2);
    /* The limits are the first one's: where the workers take them as they are, that must be this. */
    if (plan.resize && !say(open_scope(false, &probe) == WEIR_OK, "the scope can be made"))
        return;
    for (unsigned i = 0; i < PROCESSES; i++)
        spawn(i, draw(&random));
    if (!plan.resize && !say(open_scope(false, &probe) == WEIR_OK, "the scope can be opened beside the workers"))
        return;
    while (tally.kills < kills && tally.short_probes < 5 && tally.stuck < 5)
        one_kill(probe, &tally, &random);
    stalled_ns = atomic_load(&stalled_total);
    end_workers();
    if (plan.resize)
        set_limits(probe, 1);

    for (unsigned i = 0; i < PROCESSES; i++)
        sum += atomic_load(&shared->acquired[i]);
    say(tally.kills == kills && tally.short_probes == 0,
        "after each of %u kills (%u of a holder) every permit was back, at the latest after %lld ms", tally.kills,
        tally.holding, (long long)(tally.slowest_ns / MS(1)));
    /* One that is stopped in the instant in which it holds the lock stops all (weir.h), and these do nothing else but
     * take it. */
    say(tally.stuck <= 1 + tally.stops / STUCK_SHARE,
        "%u times one was stopped and the others went on, at the latest after %lld ms (%u: not)", tally.stops,
        (long long)(tally.slowest_stop_ns / MS(1)), tally.stuck);
    say(tally.crowded == 0 && tally.sixths == 0,
        "whoever had every permit was alone (%u times not; %u times there was one more)", tally.crowded, tally.sixths);
    say(atomic_load(&shared->violations) == 0 && atomic_load(&shared->most) <= CONCURRENCY && sum > 0,
        "of %llu acquires never more than %u were inside at a time: %u", (unsigned long long)sum, CONCURRENCY,
        atomic_load(&shared->most));
    worst = worst_window();
    say(worst <= plan.rate && worst > 0, "no window of %lld ms held more than %u sends: %u",
        (long long)(plan.period_ns / MS(1)), plan.rate, worst);
    say(atomic_load(&shared->late) == 0 || stalled_ns > MS(500) || tally.stuck > 0,
        "no acquire took much longer than it might (%u did)", atomic_load(&shared->late));
    say(atomic_load(&shared->odd_status) == 0, "no call returned what it should not (%s)",
        atomic_load(&shared->odd_status) == 0 ? "-" : weir_status_text(atomic_load(&shared->odd_status) - 1));
    check_end(probe);
    weir_limits_free(probe);
    note("seed %llu; the machine stalled %lld ms", (unsigned long long)seed, (long long)(stalled_ns / MS(1)));
}

static void map_shared(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, shared_fd, 0);
    if (shared == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
}

static void clean_up(void)
{
    for (unsigned i = 0; i < PROCESSES; i++)
        if (pids[i] > 0)
            kill(pids[i], SIGKILL);
    scope_remove(plan.name);
}

int main(int argc, char **argv)
{
    const char *prefix = "test";
    unsigned kills = 50;
    uint64_t seed = 1;

    alarm(280);
    if (argc == 9 && strcmp(argv[1], "worker") == 0) {
        snprintf(plan.name, sizeof plan.name, "%s", argv[2]);
        shared_fd = (int)strtol(argv[3], NULL, 10);
        plan.rate = (uint32_t)strtoul(argv[6], NULL, 10);
        plan.period_ns = strtoll(argv[7], NULL, 10);
        plan.resize = strcmp(argv[8], "resize") == 0;
        map_shared();
        return worker((unsigned)strtoul(argv[4], NULL, 10), strtoull(argv[5], NULL, 10));
    }
    plan.rate = 600;
    plan.period_ns = MS(250);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--prefix") == 0)
            prefix = argv[i + 1];
        else if (strcmp(argv[i], "--kills") == 0)
            kills = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--rate") == 0)
            plan.rate = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--period-ms") == 0)
            plan.period_ns = MS(strtoll(argv[i + 1], NULL, 10));
        else if (strcmp(argv[i], "--resize") == 0)
            plan.resize = strtol(argv[i + 1], NULL, 10) != 0;
    }
    snprintf(plan.name, sizeof plan.name, "%.32s.kill%llu", prefix, (unsigned long long)seed);
    shared_fd = memfd_create("weir-test", 0);
    if (shared_fd < 0 || ftruncate(shared_fd, (off_t)sizeof *shared) != 0) {
        perror("memfd");
        return 2;
    }
    map_shared();
    scope_remove(plan.name);
    torment(kills, seed);
    clean_up();
    return failures > 0;
}
