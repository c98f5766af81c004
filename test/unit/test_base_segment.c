/* The shared memory of a scope: who may use it, who sits there, and who is dead. */
#include "base/segment.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TAG UINT64_C(0x7465737400000001)
#define SIZE (sizeof(struct weir__segment_head) + 64u)
#define WATCHDOG_S 60

static char name[32], path[64];

static int begin(void **state)
{
    (void)state;
    (void)snprintf(name, sizeof name, "test-segment-%d", (int)getpid());
    (void)snprintf(path, sizeof path, "/dev/shm/weir.%s", name);
    (void)unlink(path);
    return 0;
}

static int end(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

/* Opened, made where it is not there, and with a seat. */
static void sit(struct weir__segment *segment)
{
    assert_int_equal(weir__segment_open(segment, name, TAG), WEIR__SEGMENT_OK);
    if (segment->head == NULL)
        assert_int_equal(weir__segment_renew(segment, SIZE), WEIR__SEGMENT_OK);
    assert_int_equal(weir__segment_sit(segment), WEIR__SEGMENT_OK);
    weir__segment_admit(segment, TAG);
}

static void names_are_plain(void **state)
{
    char longest[WEIR__SEGMENT_NAME_MAX + 2];

    (void)state;
    memset(longest, 'a', sizeof longest);
    longest[WEIR__SEGMENT_NAME_MAX + 1] = '\0';
    assert_false(weir__segment_name_valid(longest));
    longest[WEIR__SEGMENT_NAME_MAX] = '\0';
    assert_true(weir__segment_name_valid(longest));
    assert_true(weir__segment_name_valid("my-api.v2_X"));
    static const char *const bad[] = {"", ".", ".a", "a/b", "a b", "\xc3\xa4", "a\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(weir__segment_name_valid(bad[i]));
}

static void two_see_the_same_memory(void **state)
{
    struct weir__segment a, b;
    struct stat about;

    (void)state;
    sit(&a);
    sit(&b);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_int_not_equal(a.seat, b.seat);
    ((char *)(a.head + 1))[5] = 42;
    assert_int_equal(((char *)(b.head + 1))[5], 42);
    assert_true(weir__segment_alive(&a, b.seat));
    const uint32_t left = b.seat;
    weir__segment_close(&b);
    assert_false(weir__segment_alive(&a, left));
    weir__segment_close(&a);
    weir__segment_close(&a); /* no-op */
}

static void another_layout_is_left_alone(void **state)
{
    struct weir__segment a, b;

    (void)state;
    sit(&a);
    assert_int_equal(weir__segment_open(&b, name, TAG + 1), WEIR__SEGMENT_FOREIGN);
    assert_int_equal(b.file, -1);
    weir__segment_close(&a);
    assert_int_equal(weir__segment_open(&b, name, TAG + 1), WEIR__SEGMENT_FOREIGN); /* also when nobody is there */
    assert_int_equal(weir__segment_open(&b, name, TAG), WEIR__SEGMENT_OK);
    assert_non_null(b.head);
    assert_true(weir__segment_empty(&b));
    weir__segment_close(&b);
}

static void what_is_not_ours_alone_is_refused(void **state)
{
    struct weir__segment a;

    (void)state;
    sit(&a);
    weir__segment_close(&a);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(weir__segment_open(&a, name, TAG), WEIR__SEGMENT_FOREIGN);
    assert_int_equal(a.file, -1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_int_equal(weir__segment_open(&a, name, TAG), WEIR__SEGMENT_FOREIGN);
    if (getuid() != 0)
        return;
    assert_int_equal(unlink(path), 0);
    sit(&a);
    weir__segment_close(&a);
    assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
    assert_int_equal(weir__segment_open(&a, name, TAG), WEIR__SEGMENT_FOREIGN);
}

/* Writes `size` bytes of `byte` where the segment is. */
static void fill_file(int byte, size_t size)
{
    char junk[SIZE];
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    memset(junk, byte, sizeof junk);
    assert_int_equal(write(file, junk, size), size);
    assert_int_equal(close(file), 0);
}

static void garbage_is_left_alone_and_what_was_never_finished_is_not(void **state)
{
    struct weir__segment a;

    (void)state;
    fill_file(0x5a, SIZE);
    assert_int_equal(weir__segment_open(&a, name, TAG), WEIR__SEGMENT_FOREIGN);
    fill_file(0x5a, 5);
    assert_int_equal(weir__segment_open(&a, name, TAG), WEIR__SEGMENT_FOREIGN);
    fill_file(0, 100);
    sit(&a);
    assert_int_equal(a.head->size, SIZE);
    weir__segment_close(&a);
    assert_int_equal(truncate(path, SIZE - 8), 0);
    assert_int_equal(weir__segment_open(&a, name, TAG), WEIR__SEGMENT_FOREIGN);
}

/* Waits until the child said so through the pipe. */
static pid_t child_that_sits(bool with_child, int *out_pipe)
{
    int ends[2];
    char byte;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        struct weir__segment segment;
        sit(&segment);
        if (with_child && fork() == 0) { /* has the file too, and outlives its parent for a while */
            (void)alarm(5);
            if (write(ends[1], "c", 1) != 1)
                _exit(1);
            (void)pause();
            _exit(0);
        }
        if (!with_child)
            (void)!write(ends[1], "s", 1);
        (void)pause();
        _exit(0);
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    *out_pipe = ends[0];
    return child;
}

static void a_killed_process_leaves_its_seat(void **state)
{
    struct weir__segment a;
    int wire;

    (void)state;
    sit(&a);
    const pid_t child = child_that_sits(false, &wire);
    assert_true(weir__segment_alive(&a, 1));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(weir__segment_alive(&a, 1));
    (void)close(wire);
    weir__segment_close(&a);
}

/* The grandchild has the same open file, and so the lock; but it is not who sat down. */
static void a_fork_does_not_keep_a_dead_ones_seat(void **state)
{
    struct weir__segment a;
    int wire;

    (void)state;
    sit(&a);
    const pid_t child = child_that_sits(true, &wire);
    assert_true(weir__segment_alive(&a, 1));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(weir__segment_alive(&a, 1));
    struct weir__segment b;
    sit(&b);
    assert_int_not_equal(b.seat, 1); /* its lock is still there */
    weir__segment_close(&b);
    (void)close(wire);
    weir__segment_close(&a);
}

/* Who waited at the door of one that was unlinked makes a new one. */
static void an_unlinked_one_is_not_joined(void **state)
{
    struct weir__segment a, b;
    struct stat one, two;

    (void)state;
    sit(&a);
    assert_true(weir__segment_unlink(name));
    assert_false(weir__segment_unlink(name));
    sit(&b);
    assert_int_equal(fstat(a.file, &one), 0);
    assert_int_equal(fstat(b.file, &two), 0);
    assert_int_not_equal(one.st_ino, two.st_ino);
    weir__segment_close(&b);
    weir__segment_close(&a);
}

#define SEGMENT(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_plain),
        SEGMENT(two_see_the_same_memory),
        SEGMENT(another_layout_is_left_alone),
        SEGMENT(what_is_not_ours_alone_is_refused),
        SEGMENT(garbage_is_left_alone_and_what_was_never_finished_is_not),
        SEGMENT(a_killed_process_leaves_its_seat),
        SEGMENT(a_fork_does_not_keep_a_dead_ones_seat),
        SEGMENT(an_unlinked_one_is_not_joined),
    };

    (void)alarm(WATCHDOG_S);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
