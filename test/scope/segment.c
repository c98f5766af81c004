/*
 * The scope's shared memory: who may have it, what it remembers, and that nothing in its place can hurt.
 * Usage: segment --prefix NAME [--seed N] [--long]
 *
 * Each check runs in a child of its own with a bound on its time, so that a crash or a hang is a line and not the end.
 * It knows of weir only weir.h, which says where the memory is and who may have it, but nothing of what is in it.
 */
#include "scope_support.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define NOBODY 65534u
#define FORKS_MAX 128u

static char name[80], scope[96], path[128]; /* of the check that runs */
static const char *prefix = "test";
static uint64_t seed = 1;
static bool long_form;

static void use_scope(const char *tag)
{
    snprintf(name, sizeof name, "%.32s.%s", prefix, tag);
    snprintf(scope, sizeof scope, "host:%s", name);
    scope_path(path, name);
    unlink(path);
    rmdir(path);
}

/* ----------------------------------------------------------------------------------------------------- small pieces
 */

static enum weir_status open_rate(uint32_t concurrency, uint32_t requests, int64_t per_ns, struct weir_limits **out)
{
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    const struct weir_rate rate = {.requests = requests, .per_ns = per_ns, .shape = WEIR_SHAPE_WINDOW};

    options.concurrency = concurrency;
    options.rates = requests > 0 ? &rate : NULL;
    options.rate_count = requests > 0;
    options.scope = scope;
    return weir_limits_new(&options, out);
}

/* A child that ends with the process that started it, and by itself after 40 seconds. */
static pid_t begin(int (*run)(void *), void *argument)
{
    const pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(40);
        fflush(stdout);
        _exit(run(argument));
    }
    if (pid < 0) {
        perror("fork");
        exit(2);
    }
    return pid;
}

static int in_child(int (*run)(void *), void *argument, int64_t timeout_ns)
{
    fflush(stdout);
    return reap(begin(run, argument), timeout_ns);
}

/* Memory that children share with us. */
static void *shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return memory;
}

struct told {
    _Atomic int status; /* 1 + what weir_limits_new() said; 0: nothing yet */
    _Atomic int other;
    _Atomic uint32_t parties;
    _Atomic int64_t at_ns;
};

/* ----------------------------------------------------------------------------------- what is there is not of weir
 */

static int try_open(void *argument)
{
    struct told *told = argument;
    struct weir_limits *limits = (struct weir_limits *)(void *)told; /* must stay as it is unless OK */
    const enum weir_status status = open_rate(5, 10, S(1), &limits);
    struct weir_permit permit;

    told->status = 1 + (int)status;
    if (status != WEIR_OK)
        return (void *)limits != (void *)told;
    told->other = (int)weir_limits_acquire(limits, 0, &permit);
    weir_limits_release(limits, &permit, NULL);
    weir_limits_free(limits);
    return 0;
}

#define ALLOW(status) (1u << (status))

/* Opens what stands at `path`; `allowed` is a set of statuses. */
static void expect_open(const char *what, unsigned allowed)
{
    struct told *told = shared_memory(sizeof *told);
    const int64_t begin_ns = now_ns();
    const int status = in_child(try_open, told, S(5));
    const int got = atomic_load(&told->status) - 1;

    say(status == 0 && got >= 0 && (allowed & ALLOW(got)) != 0 && (got != WEIR_OK || told->other == WEIR_OK),
        "%s: %s (%s, %lld ms)", what, got < 0 ? "no status" : weir_status_text((enum weir_status)got), ending(status),
        (long long)((now_ns() - begin_ns) / MS(1)));
    munmap(told, sizeof *told);
}

static void put_file(mode_t mode, const void *data, size_t size)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || fchmod(fd, mode) != 0 || (size > 0 && write(fd, data, size) != (ssize_t)size)) {
        perror(path);
        exit(2);
    }
    close(fd);
}

static int leave_segment(void *unused)
{
    struct weir_limits *limits;

    (void)unused;
    if (open_rate(5, 10, S(1), &limits) != WEIR_OK)
        return 3;
    weir_limits_free(limits);
    return 0;
}

/* A segment that weir made, with nobody there. */
static bool put_segment(void)
{
    const int status = in_child(leave_segment, NULL, S(5));
    struct stat st;

    return status == 0 && stat(path, &st) == 0 && st.st_size > 0;
}

static void garbage(void)
{
    static char bytes[1 << 20];
    const size_t sizes[] = {1, 7, 64, 4095, 4096, 65536, sizeof bytes};
    uint64_t random = seed;
    char text[96];
    int fd;

    use_scope("garbage");
    put_file(0600, NULL, 0);
    expect_open("an empty file, as a creator that was killed may leave it", ALLOW(WEIR_OK));
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)draw(&random);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        use_scope("garbage");
        put_file(0600, bytes, sizes[i]);
        snprintf(text, sizeof text, "%zu random bytes", sizes[i]);
        expect_open(text, ALLOW(WEIR_SCOPE));
    }
    memset(bytes, 'x', sizeof bytes);
    use_scope("garbage");
    put_file(0600, bytes, sizeof bytes);
    expect_open("a megabyte of text", ALLOW(WEIR_SCOPE));
    memset(bytes, 0xff, sizeof bytes);
    use_scope("garbage");
    put_file(0600, bytes, sizeof bytes);
    expect_open("a megabyte of 0xff", ALLOW(WEIR_SCOPE));
    memset(bytes, 0, sizeof bytes);
    use_scope("garbage");
    put_file(0600, bytes, sizeof bytes);
    expect_open("a megabyte of zeros", ALLOW(WEIR_OK) | ALLOW(WEIR_SCOPE));

    use_scope("garbage");
    say(put_segment(), "a segment stays when everybody has gone");
    for (int i = 0; i < 8; i++) {
        struct stat st;
        const int64_t cuts[] = {1, 64, 4096};
        off_t size;

        use_scope("garbage");
        put_segment();
        if (stat(path, &st) != 0)
            break;
        size = i < 3    ? (off_t)cuts[i]
               : i < 6  ? st.st_size - (off_t)cuts[i - 3]
               : i == 6 ? st.st_size / 2
                        : 2 * st.st_size;
        if (size <= 0 || truncate(path, size) != 0)
            continue;
        snprintf(text, sizeof text, "a segment of %lld bytes that has %lld now", (long long)st.st_size,
                 (long long)size);
        expect_open(text, ALLOW(WEIR_SCOPE));
    }
    use_scope("garbage");
    put_segment();
    fd = open(path, O_RDWR);
    if (fd >= 0 && pwrite(fd, bytes, 8, 0) == 8)
        close(fd);
    expect_open("a segment whose first 8 bytes are zeros", ALLOW(WEIR_OK) | ALLOW(WEIR_SCOPE));
    use_scope("garbage");
    put_segment();
    fd = open(path, O_RDWR);
    memset(bytes, 0x5a, 16);
    if (fd >= 0 && pwrite(fd, bytes, 8, 0) == 8)
        close(fd);
    expect_open("a segment whose first 8 bytes are another program's", ALLOW(WEIR_SCOPE));
    unlink(path);
}

static void odd_files(void)
{
    char target[128];
    int fd;
    struct stat st;

    use_scope("odd");
    say(put_segment() && stat(path, &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_uid == geteuid(),
        "the segment is ours, with mode 0600");
    use_scope("odd");
    mkdir(path, 0700);
    expect_open("a directory in its place", ALLOW(WEIR_SCOPE) | ALLOW(WEIR_RESOURCE));
    rmdir(path);
    use_scope("odd");
    if (mkfifo(path, 0600) == 0)
        expect_open("a FIFO in its place", ALLOW(WEIR_SCOPE) | ALLOW(WEIR_RESOURCE));
    use_scope("odd");
    snprintf(target, sizeof target, "/dev/shm/%.64s.target", prefix);
    fd = open(target, O_RDWR | O_CREAT, 0600);
    if (fd >= 0 && symlink(target, path) == 0) {
        expect_open("a symbolic link in its place", ALLOW(WEIR_SCOPE) | ALLOW(WEIR_RESOURCE));
        if (fstat(fd, &st) != 0)
            st.st_size = -1;
        say(st.st_size == 0, "what the link names is untouched: %lld bytes", (long long)st.st_size);
    }
    if (fd >= 0)
        close(fd);
    unlink(target);
    use_scope("odd");
    put_segment();
    if (chmod(path, 0666) == 0)
        expect_open("a segment that anybody may write", ALLOW(WEIR_SCOPE));
    use_scope("odd");
    put_segment();
    if (chmod(path, 0644) == 0)
        expect_open("a segment that anybody may read", ALLOW(WEIR_SCOPE));
    unlink(path);
}

/* -------------------------------------------------------------------------------------------------------- two users
 */

static int try_open_as_nobody(void *argument)
{
    if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
        return 9;
    return try_open(argument);
}

static void expect_open_as_nobody(const char *what, enum weir_status expected)
{
    struct told *told = shared_memory(sizeof *told);
    const int status = in_child(try_open_as_nobody, told, S(5));
    const int got = atomic_load(&told->status) - 1;

    say(status == 0 && got == (int)expected, "%s: %s (%s)", what,
        got < 0 ? "no status" : weir_status_text((enum weir_status)got), ending(status));
    munmap(told, sizeof *told);
}

static void users(void)
{
    if (geteuid() != 0) {
        note("not root: the checks with two users are left out");
        return;
    }
    use_scope("users");
    put_segment();
    expect_open_as_nobody("root's scope, for another user", WEIR_SCOPE);
    if (chmod(path, 0666) == 0)
        expect_open_as_nobody("root's scope, for another user whom the mode lets in", WEIR_SCOPE);
    use_scope("users");
    put_segment();
    if (chown(path, NOBODY, NOBODY) == 0)
        expect_open("a scope that is nobody's, for root", ALLOW(WEIR_SCOPE));
    use_scope("users");
    expect_open_as_nobody("a new scope, for another user", WEIR_OK);
    expect_open("which is then not root's", ALLOW(WEIR_SCOPE));
    unlink(path);
}

/* ------------------------------------------------------------------------------------------------------------ memory
 */

struct spree {
    uint32_t concurrency, requests, count;
    int64_t per_ns;
    bool killed; /* ends by SIGKILL, with nothing released */
    bool linger; /* sends, then stays until it is killed */
    struct told told;
    _Atomic int64_t last_ns; /* the moment of the last release (or acquire) */
    _Atomic uint32_t sent;
};

/* Sends as many as it may at once, and goes. */
static int send_and_go(void *argument)
{
    struct spree *spree = argument;
    struct weir_limits *limits;
    const enum weir_status status = open_rate(spree->concurrency, spree->requests, spree->per_ns, &limits);

    spree->told.status = 1 + (int)status;
    if (status != WEIR_OK)
        return 3;
    while (spree->sent < spree->count) {
        struct weir_permit permit;

        if (weir_limits_acquire(limits, 0, &permit) != WEIR_OK)
            break;
        spree->sent++;
        if (!spree->killed)
            weir_limits_release(limits, &permit, NULL);
        spree->last_ns = now_ns();
    }
    if (spree->linger)
        pause();
    if (spree->killed)
        raise(SIGKILL);
    weir_limits_free(limits);
    return 0;
}

/* The first send after it: its moment, or -1. */
static int send_one(void *argument)
{
    struct spree *spree = argument;
    struct weir_limits *limits;
    struct weir_permit permit;
    enum weir_status status = open_rate(spree->concurrency, spree->requests, spree->per_ns, &limits);

    spree->told.status = 1 + (int)status;
    if (status != WEIR_OK)
        return 3;
    status = weir_limits_acquire(limits, S(4), &permit);
    spree->told.at_ns = now_ns();
    spree->told.other = (int)status;
    weir_limits_release(limits, &permit, NULL);
    weir_limits_free(limits);
    return status != WEIR_OK;
}

static void remembered(bool killed)
{
    struct spree *first = shared_memory(sizeof *first), *second = shared_memory(sizeof *second);
    int64_t gap;
    int status;

    use_scope("memory");
    *first = (struct spree){.concurrency = 200, .requests = 100, .count = 1000, .per_ns = S(1), .killed = killed};
    *second = (struct spree){.concurrency = 200, .requests = 100, .count = 1, .per_ns = S(1)};
    status = in_child(send_and_go, first, S(5));
    say(first->sent == 100 && (killed || status == 0), "a process sends %u at once and %s (%s)", first->sent,
        killed ? "is killed" : "leaves", ending(status));
    status = in_child(send_one, second, S(6));
    gap = second->told.at_ns - first->last_ns;
    /* What was killed is given up when that is noticed: a quarter of a second, and as much for a busy machine. */
    say(status == 0 && gap >= S(1) && gap < S(1) + MS(1000), "the next process's first send comes %lld ms later (%s)",
        (long long)(gap / MS(1)), ending(status));
    munmap(first, sizeof *first);
    munmap(second, sizeof *second);
    unlink(path);
}

static int hold_scope(void *argument)
{
    struct spree *spree = argument;
    struct weir_limits *limits;
    const enum weir_status status = open_rate(spree->concurrency, spree->requests, spree->per_ns, &limits);

    spree->told.status = 1 + (int)status;
    if (status == WEIR_OK)
        pause();
    return 3;
}

static bool await_status(struct told *told)
{
    const int64_t end = now_ns() + S(5);

    while (atomic_load(&told->status) == 0 && now_ns() < end)
        pause_ns(MS(1));
    return atomic_load(&told->status) == 1 + WEIR_OK;
}

struct wish {
    uint32_t concurrency, requests;
    int64_t per_ns;
    struct told told;
    struct weir_limits_stats stats;
};

static int wish_scope(void *argument)
{
    struct wish *wish = argument;
    struct weir_limits *limits;
    const enum weir_status status = open_rate(wish->concurrency, wish->requests, wish->per_ns, &limits);

    wish->told.status = 1 + (int)status;
    if (status != WEIR_OK)
        return 0;
    wish->stats.struct_size = sizeof wish->stats;
    weir_limits_snapshot(limits, &wish->stats);
    weir_limits_free(limits);
    return 0;
}

static void expect_wish(const char *what, uint32_t concurrency, uint32_t requests, int64_t per_ns,
                        enum weir_status expected, uint32_t parties)
{
    struct wish *wish = shared_memory(sizeof *wish);
    int status, got;
    bool good;

    wish->concurrency = concurrency;
    wish->requests = requests;
    wish->per_ns = per_ns;
    status = in_child(wish_scope, wish, S(5));
    got = atomic_load(&wish->told.status) - 1;
    good = status == 0 && got == (int)expected;
    if (expected == WEIR_OK && requests > 0)
        good = good && wish->stats.limit_count >= 1 &&
               wish->stats.limits[wish->stats.limit_count - 1].permits == requests &&
               wish->stats.limits[wish->stats.limit_count - 1].hold_ns == per_ns;
    if (expected == WEIR_OK && requests == 0 && concurrency == 0)
        good = good && wish->stats.limit_count == 2 && wish->stats.limits[0].permits == 5 &&
               wish->stats.limits[1].permits == 10;
    if (expected == WEIR_OK)
        good = good && wish->stats.parties == parties;
    say(good, "%s: %s, %zu limits, %u parties (%s)", what,
        got < 0 ? "no status" : weir_status_text((enum weir_status)got), wish->stats.limit_count, wish->stats.parties,
        ending(status));
    munmap(wish, sizeof *wish);
}

static void other_limits(void)
{
    struct spree *first = shared_memory(sizeof *first);
    pid_t pid;

    use_scope("other");
    *first = (struct spree){.concurrency = 5, .requests = 10, .per_ns = S(1)};
    pid = begin(hold_scope, first);
    say(await_status(&first->told), "somebody has the scope with 5 and 10/1s");
    expect_wish("the same limits beside it", 5, 10, S(1), WEIR_OK, 2);
    expect_wish("none at all, which takes them as they are", 0, 0, 0, WEIR_OK, 2);
    expect_wish("another concurrency", 6, 10, S(1), WEIR_SCOPE_LIMITS, 0);
    expect_wish("another number", 5, 11, S(1), WEIR_SCOPE_LIMITS, 0);
    expect_wish("another period", 5, 10, S(2), WEIR_SCOPE_LIMITS, 0);
    expect_wish("no rate but the concurrency", 5, 0, 0, WEIR_SCOPE_LIMITS, 0);
    expect_wish("the rate alone", 0, 10, S(1), WEIR_SCOPE_LIMITS, 0);
    kill(pid, SIGKILL);
    reap(pid, S(1));
    expect_wish("once it was killed, another number", 5, 11, S(1), WEIR_OK, 1);
    expect_wish("once that has left, another concurrency and period", 7, 12, S(2), WEIR_OK, 1);
    munmap(first, sizeof *first);
    unlink(path);
}

/* Killed with everything in hand while a child of it, that knows nothing of weir, lives on. */
static int hold_and_fork(void *argument)
{
    struct spree *spree = argument;
    struct weir_limits *limits;
    struct weir_permit permit;

    if (open_rate(spree->concurrency, 0, 0, &limits) != WEIR_OK)
        return 3;
    while (weir_limits_acquire(limits, 0, &permit) == WEIR_OK)
        spree->sent++;
    if (fork() == 0) {
        alarm(5);
        pause();
        _exit(0);
    }
    spree->told.status = 1;
    pause();
    return 0;
}

static void orphan(void)
{
    struct spree *first = shared_memory(sizeof *first), *second = shared_memory(sizeof *second);
    int64_t killed_ns;
    int status;
    pid_t pid;

    use_scope("orphan");
    *first = (struct spree){.concurrency = 5};
    *second = (struct spree){.concurrency = 5};
    pid = begin(hold_and_fork, first);
    await_status(&first->told);
    kill(pid, SIGKILL);
    killed_ns = now_ns();
    reap(pid, S(1));
    status = in_child(send_one, second, S(6));
    say(first->sent == 5 && status == 0 && second->told.at_ns - killed_ns < S(1),
        "a process with %u permits is killed, a child that it forked lives on: the next has one after %lld ms (%s, %s)",
        first->sent, (long long)((second->told.at_ns - killed_ns) / MS(1)),
        weir_status_text((enum weir_status)atomic_load(&second->told.other)), ending(status));
    munmap(first, sizeof *first);
    munmap(second, sizeof *second);
    unlink(path);
}

/* ---------------------------------------------------------------------------------------------------------- creation
 */

struct race {
    _Atomic uint32_t ready, go, inside, violations, opened, sent;
    _Atomic int statuses[FORKS_MAX]; /* 1 + status */
    uint32_t requests;
};

struct racer {
    struct race *race;
    unsigned number;
};

/* Opens at the same moment as all the others, and sends as long as it may at once. */
static int open_at_once(void *argument)
{
    struct racer *racer = argument;
    struct race *race = racer->race;
    struct weir_limits *limits;
    struct weir_permit permit;
    enum weir_status status;

    atomic_fetch_add(&race->ready, 1);
    while (!atomic_load(&race->go))
        pause_ns(50000);
    status = open_rate(3, race->requests, S(30), &limits);
    race->statuses[racer->number] = 1 + (int)status;
    if (status != WEIR_OK)
        return 3;
    atomic_fetch_add(&race->opened, 1);
    for (int i = 0; i < 3; i++)
        if (weir_limits_acquire(limits, S(5), &permit) == WEIR_OK) {
            if (atomic_fetch_add(&race->inside, 1) >= 3)
                atomic_fetch_add(&race->violations, 1);
            atomic_fetch_add(&race->sent, 1);
            pause_ns(100000);
            atomic_fetch_sub(&race->inside, 1);
            weir_limits_release(limits, &permit, NULL);
        }
    weir_limits_free(limits);
    return 0;
}

static void begin_race(struct race *race, pid_t *pids, unsigned count)
{
    const int64_t end = now_ns() + S(10);

    for (unsigned i = 0; i < count; i++) {
        struct racer racer = {race, i};

        pids[i] = begin(open_at_once, &racer);
    }
    while (atomic_load(&race->ready) < count && now_ns() < end)
        pause_ns(MS(1));
    atomic_store(&race->go, 1);
}

static void creation_race(void)
{
    struct race *race = shared_memory(sizeof *race);
    const unsigned rounds = long_form ? 10 : 2;
    unsigned good = 0, violations = 0;
    pid_t pids[100];

    for (unsigned round = 0; round < rounds; round++) {
        unsigned ended = 0;

        use_scope("race");
        memset(race, 0, sizeof *race);
        race->requests = 1000;
        begin_race(race, pids, 100);
        for (unsigned i = 0; i < 100; i++) {
            const int status = reap(pids[i], S(15));

            ended += status == 0;
            if (status != 0 && good == round)
                note("round %u, process %u: %s, %s", round, i, ending(status),
                     race->statuses[i] > 0 ? weir_status_text((enum weir_status)(race->statuses[i] - 1)) : "no status");
        }
        violations += race->violations;
        good += ended == 100 && race->opened == 100 && race->sent == 300;
        if (good != round + 1)
            note("round %u: %u ended well, %u opened, %u sent", round, ended, race->opened, race->sent);
    }
    say(good == rounds, "100 processes open one new scope at the same moment, all succeed (%u of %u times)", good,
        rounds);
    say(violations == 0, "and all have the same limits (%u times one too many was inside)", violations);
    munmap(race, sizeof *race);
    unlink(path);
}

/* How many are inside is the race's to see: who is killed there does not say so. */
static void killed_creators(void)
{
    struct race *race = shared_memory(sizeof *race);
    const unsigned rounds = long_form ? 300 : 40;
    unsigned good = 0, survivors = 0, killed = 0, next_good = 0;
    uint64_t random = seed;
    struct told *told = shared_memory(sizeof *told);
    pid_t pids[10];

    for (unsigned round = 0; round < rounds && good + 5 > round; round++) {
        unsigned ended = 0;
        const int64_t wait = draw_below(&random, MS(1) + MS(1) / 2);

        use_scope("creators");
        memset(race, 0, sizeof *race);
        race->requests = 1000;
        begin_race(race, pids, 10);
        pause_ns(wait);
        for (unsigned i = 0; i < 5; i++) {
            kill(pids[i], SIGKILL);
            pause_ns(draw_below(&random, MS(1) / 4));
        }
        for (unsigned i = 0; i < 10; i++) {
            const int status = reap(pids[i], S(10));

            killed += i < 5 && status != -1 && WIFSIGNALED(status);
            ended += i >= 5 && status == 0;
            if (i >= 5 && status != 0)
                note("round %u: a survivor: %s, %s", round, ending(status),
                     race->statuses[i] > 0 ? weir_status_text((enum weir_status)(race->statuses[i] - 1)) : "no status");
        }
        survivors += ended;
        good += ended == 5;
        told->status = 0;
        /* Whoever created it asked for the same limits as try_open() but for the rate: nobody is there, so it may. */
        next_good += in_child(try_open, told, S(5)) == 0 && told->status == 1 + WEIR_OK;
    }
    say(good == rounds, "%u processes die while they open a new scope; %u of %u others open it and send", killed,
        survivors, 5 * rounds);
    say(next_good == rounds, "and whoever comes next can open it (%u of %u times)", next_good, rounds);
    munmap(told, sizeof *told);
    munmap(race, sizeof *race);
    unlink(path);
}

/* -------------------------------------------------------------------------------------------------------------- full
 */

static int open_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 8192; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

struct crowd {
    _Atomic uint32_t opened, freed;
    _Atomic int status, after_one, leaked;
    bool linger;
};

static int open_many(void *argument)
{
    static struct weir_limits *all[WEIR_SCOPE_PARTIES_MAX + 1];
    struct crowd *crowd = argument;
    struct rlimit files;
    int before;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < 16384 ? files.rlim_max : 16384;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    before = open_descriptors();
    for (unsigned i = 0; i <= WEIR_SCOPE_PARTIES_MAX; i++) {
        const enum weir_status status = open_rate(5, 10, S(1), &all[i]);

        crowd->status = 1 + (int)status;
        if (status != WEIR_OK)
            break;
        crowd->opened++;
    }
    if (crowd->linger)
        pause();
    if (crowd->opened > 0) {
        const unsigned last = crowd->opened - 1;

        weir_limits_free(all[last]);
        all[last] = NULL;
        crowd->after_one = 1 + (int)open_rate(5, 10, S(1), &all[last]);
    }
    for (unsigned i = 0; i < crowd->opened; i++)
        weir_limits_free(all[i]);
    crowd->leaked = open_descriptors() - before;
    return 0;
}

static void full(void)
{
    struct crowd *crowd = shared_memory(sizeof *crowd);
    struct told *told = shared_memory(sizeof *told);
    int64_t end;
    int status;
    pid_t pid;

    use_scope("full");
    status = in_child(open_many, crowd, S(20));
    say(status == 0 && crowd->opened == WEIR_SCOPE_PARTIES_MAX && crowd->status == 1 + WEIR_SCOPE_FULL,
        "%u handles share a scope, one more: %s (%s)", crowd->opened,
        crowd->status > 0 ? weir_status_text((enum weir_status)(crowd->status - 1)) : "-", ending(status));
    say(crowd->after_one == 1, "one leaves, and another may come: %s",
        crowd->after_one > 0 ? weir_status_text((enum weir_status)(crowd->after_one - 1)) : "-");
    say(crowd->leaked == 0, "no descriptor stays open after the last is freed (%d did)", crowd->leaked);
    expect_open("and it can be opened again", ALLOW(WEIR_OK));

    memset(crowd, 0, sizeof *crowd);
    crowd->linger = true;
    pid = begin(open_many, crowd);
    for (end = now_ns() + S(20); crowd->status != 1 + WEIR_SCOPE_FULL && now_ns() < end;)
        pause_ns(MS(5));
    in_child(try_open, told, S(5));
    say(told->status == 1 + WEIR_SCOPE_FULL, "a scope that another process fills: %s",
        told->status > 0 ? weir_status_text((enum weir_status)(told->status - 1)) : "-");
    kill(pid, SIGKILL);
    reap(pid, S(5));
    expect_open("and once that process was killed", ALLOW(WEIR_OK));
    munmap(told, sizeof *told);
    munmap(crowd, sizeof *crowd);
    unlink(path);
}

/* --------------------------------------------------------------------------------------------------------- resources
 */

static int open_without_files(void *argument)
{
    struct told *told = argument;
    struct weir_limits *limits = NULL;
    const int before = open_descriptors();
    const int lowest = dup(0);
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    if (lowest < 0 || close(lowest) != 0)
        return 3;
    /* From none to spare on: each number of descriptors is a point where it may fail. */
    for (int spare = 0; spare < 8; spare++) {
        enum weir_status status;

        files.rlim_cur = (rlim_t)lowest + (rlim_t)spare;
        setrlimit(RLIMIT_NOFILE, &files);
        unlink(path);
        status = open_rate(5, 10, S(1), &limits);
        if (spare == 0)
            told->status = 1 + (int)status;
        if (status == WEIR_OK) {
            weir_limits_free(limits);
            told->other = 1;
        } else if (status != WEIR_RESOURCE) {
            return 4;
        }
        if (open_descriptors() != before)
            return 5;
    }
    return told->other ? 0 : 6;
}

/* What a program that is started here would inherit: none of it. */
static int open_and_look(void *argument)
{
    struct told *told = argument;
    struct weir_limits *limits = NULL;
    bool before[256];

    for (int fd = 0; fd < 256; fd++)
        before[fd] = fcntl(fd, F_GETFD) >= 0;
    if (open_rate(5, 10, S(1), &limits) != WEIR_OK)
        return 3;
    for (int fd = 0; fd < 256; fd++)
        told->other += !before[fd] && fcntl(fd, F_GETFD) >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
    weir_limits_free(limits);
    return told->other != 0;
}

static void resources(void)
{
    struct told *told = shared_memory(sizeof *told);
    int status;

    use_scope("resource");
    status = in_child(open_without_files, told, S(10));
    say(status == 0 && told->status == 1 + WEIR_RESOURCE, "without a descriptor left: %s (%s)",
        told->status > 0 ? weir_status_text((enum weir_status)(told->status - 1)) : "-", ending(status));
    told->other = 0;
    status = in_child(open_and_look, told, S(10));
    say(status == 0, "every descriptor of a handle is closed by an exec (%d are not; %s)", told->other, ending(status));
    munmap(told, sizeof *told);
    unlink(path);
}

/* ------------------------------------------------------------------------------------------- across processes, alive
 */

/* A refusal that one process is told of pauses the others. */
static int refuse(void *argument)
{
    struct spree *spree = argument;
    struct weir_limits *limits;
    struct weir_permit permit;
    struct weir_answer answer = WEIR_ANSWER_INIT;
    const struct weir_header header = {"Retry-After", "1"};

    if (open_rate(5, 0, 0, &limits) != WEIR_OK || weir_limits_acquire(limits, 0, &permit) != WEIR_OK)
        return 3;
    answer.http_status = 429;
    answer.headers = &header;
    answer.header_count = 1;
    spree->last_ns = now_ns();
    spree->told.other = weir_limits_release(limits, &permit, &answer);
    weir_limits_free(limits);
    return 0;
}

static void pauses_are_shared(void)
{
    struct spree *first = shared_memory(sizeof *first), *second = shared_memory(sizeof *second);
    int64_t gap;
    int status;

    use_scope("pause");
    *second = (struct spree){.concurrency = 5};
    status = in_child(refuse, first, S(5));
    say(status == 0 && first->told.other == 1, "a process is refused for a second, and leaves (%s)", ending(status));
    status = in_child(send_one, second, S(6));
    gap = second->told.at_ns - first->last_ns;
    say(status == 0 && gap >= S(1) && gap < S(3), "another sends only %lld ms after (%s)", (long long)(gap / MS(1)),
        ending(status));
    munmap(first, sizeof *first);
    munmap(second, sizeof *second);
    unlink(path);
}

/* Figures changed by one process hold for a waiter in another, which has all that there is in hand. */
struct change {
    bool rate;
    struct told told;
    _Atomic int64_t had_ns; /* when the waiter had its permit */
    _Atomic int status;
};

static enum weir_status open_change(const struct change *change, struct weir_limits **out)
{
    return change->rate ? open_rate(0, 5, S(600), out) : open_rate(5, 0, 0, out);
}

static int raise_limit(void *argument)
{
    struct change *change = argument;
    const struct weir_rate rate = {.requests = 6, .per_ns = S(600), .shape = WEIR_SHAPE_WINDOW};
    struct weir_limits *limits;
    enum weir_status status;

    if (open_change(change, &limits) != WEIR_OK)
        return 3;
    change->told.at_ns = now_ns();
    status = change->rate ? weir_limits_set_rate(limits, 0, &rate) : weir_limits_set_concurrency(limits, 6);
    weir_limits_free(limits);
    return status != WEIR_OK;
}

static int wait_for_sixth(void *argument)
{
    struct change *change = argument;
    struct weir_limits *limits;
    struct weir_permit permit;

    if (open_change(change, &limits) != WEIR_OK)
        return 3;
    for (int i = 0; i < 5; i++)
        if (weir_limits_acquire(limits, 0, &permit) != WEIR_OK)
            return 4;
    change->told.status = 1;
    change->status = (int)weir_limits_acquire(limits, S(3), &permit);
    change->had_ns = now_ns();
    weir_limits_free(limits);
    return change->status;
}

static void changes_are_shared(void)
{
    for (int rate = 0; rate < 2; rate++) {
        struct change *change = shared_memory(sizeof *change);
        int status;
        pid_t pid;

        use_scope("change");
        change->rate = rate;
        pid = begin(wait_for_sixth, change);
        await_status(&change->told);
        pause_ns(MS(50));
        status = in_child(raise_limit, change, S(5));
        say(status == 0, "another process raises the %s from 5 to 6 (%s)", rate ? "rate" : "concurrency",
            ending(status));
        status = reap(pid, S(6));
        say(status == 0 && change->had_ns - change->told.at_ns < S(1), "a waiter has its permit %lld ms after (%s)",
            (long long)((change->had_ns - change->told.at_ns) / MS(1)), ending(status));
        munmap(change, sizeof *change);
    }
    unlink(path);
}

/* Names that are none, and the longest that is one. */
static void names(void)
{
    const char *const bad[] = {"host:",     "host",   "host:.a", "host:a/b",     "host:a b", "host:\xc3\xa4",
                               "process:x", "HOST:a", "",        "host:../weir", " host:a",  "host:a\n"};
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_limits *limits = NULL;
    char longest[WEIR_SCOPE_NAME_MAX + 8];
    unsigned wrong = 0;

    options.concurrency = 1;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.scope = bad[i];
        if (weir_limits_new(&options, &limits) != WEIR_INVALID || limits != NULL) {
            note("\"%s\" was taken", bad[i]);
            wrong++;
            weir_limits_free(limits);
            limits = NULL;
        }
    }
    say(wrong == 0, "what is no scope is invalid (%u were taken)", wrong);
    snprintf(longest, sizeof longest, "host:%.32s", prefix);
    memset(longest + strlen(longest), 'x', sizeof longest - strlen(longest));
    longest[5 + WEIR_SCOPE_NAME_MAX] = '\0';
    options.scope = longest;
    say(weir_limits_new(&options, &limits) == WEIR_OK, "a name of %u bytes is one", WEIR_SCOPE_NAME_MAX);
    weir_limits_free(limits);
    scope_remove(longest + 5);
    longest[5 + WEIR_SCOPE_NAME_MAX] = 'x';
    longest[6 + WEIR_SCOPE_NAME_MAX] = '\0';
    limits = NULL;
    say(weir_limits_new(&options, &limits) == WEIR_INVALID, "one of %u bytes is none", WEIR_SCOPE_NAME_MAX + 1);
    weir_limits_free(limits);
    scope_remove(longest + 5);
}

int main(int argc, char **argv)
{
    const char *only = NULL;
    const struct {
        const char *name;
        void (*run)(void);
    } parts[] = {{"garbage", garbage},
                 {"odd", odd_files},
                 {"users", users},
                 {"other", other_limits},
                 {"orphan", orphan},
                 {"race", creation_race},
                 {"creators", killed_creators},
                 {"full", full},
                 {"resources", resources},
                 {"pause", pauses_are_shared},
                 {"change", changes_are_shared},
                 {"names", names}};

    alarm(200);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--long") == 0)
            long_form = true;
        else if (i + 1 < argc && strcmp(argv[i], "--prefix") == 0)
            prefix = argv[++i];
        else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[++i], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--only") == 0)
            only = argv[++i];
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (only == NULL || strcmp(only, parts[i].name) == 0)
            parts[i].run();
    if (only == NULL || strcmp(only, "memory") == 0) {
        remembered(false);
        remembered(true);
    }
    return failures > 0;
}
