/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sr/clock.h"
#include "sr/counters.h"
#include "sr/wake.h"

struct stage stage;

enum turn { TURN_MAIN, TURN_SPOOLER, TURN_BOTH };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_t main_thread;
static enum turn turn;
static bool last_act; /* the next signal is that of the spooler's stop */

/* ---- Chance and time ---- */

uint64_t
stage_roll(void)
{
    stage.dice ^= stage.dice << 13; /* xorshift64, Marsaglia 2003 */
    stage.dice ^= stage.dice >> 7;
    stage.dice ^= stage.dice << 17;
    return stage.dice;
}

uint32_t
stage_below(uint32_t limit)
{
    return (uint32_t)(stage_roll() >> 32) % limit;
}

uint64_t
sr_clock_random_u64(void)
{
    return stage_roll();
}

uint64_t
sr_clock_wall_ns(void)
{
    return 1700000000000000000ULL;
}

uint64_t
sr_clock_monotonic_ns(void)
{
    return stage.now_ns;
}

/* ---- Turns ---- */

static bool
is_main(void)
{
    return pthread_equal(pthread_self(), main_thread) != 0;
}

static void
set_turn(enum turn next)
{
    (void)pthread_mutex_lock(&mutex);
    turn = next;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&mutex);
}

/* Waits until it is not the turn of `who`. */
static void
wait_while(enum turn who)
{
    (void)pthread_mutex_lock(&mutex);
    while (turn == who) {
        (void)pthread_cond_wait(&changed, &mutex);
    }
    (void)pthread_mutex_unlock(&mutex);
}

/* The spooler's side. */
static void
give_turn(void)
{
    (void)pthread_mutex_lock(&mutex);
    turn = turn == TURN_BOTH ? TURN_BOTH : TURN_MAIN;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&mutex);
    wait_while(TURN_MAIN);
}

void
stage_open(uint64_t seed)
{
    stage = (struct stage){ .dice = seed * 0x9e3779b97f4a7c15ULL + 1, .now_ns = 1 };
    (void)stage_roll();
    main_thread = pthread_self();
}

void
stage_await_spooler(void)
{
    turn = TURN_MAIN;
    last_act = false;
}

void
stage_let_spooler_go(void)
{
    set_turn(TURN_SPOOLER);
    wait_while(TURN_SPOOLER);
}

void
stage_let_spooler_end(void)
{
    last_act = true;
}

void
sr_wake_init(struct sr_wake *w)
{
    memset(w, 0, sizeof(*w));
}

void
sr_wake_done(struct sr_wake *w)
{
    (void)w;
}

void
sr_wake_signal(struct sr_wake *w)
{
    (void)atomic_fetch_add(&w->epoch, 1);
    if (is_main() && last_act) {
        set_turn(TURN_BOTH);
    }
}

uint64_t
sr_wake_epoch(struct sr_wake *w)
{
    if (!is_main()) {
        wait_while(TURN_MAIN); /* its first words */
    }
    return atomic_load(&w->epoch);
}

void
sr_wake_sleep(struct sr_wake *w, uint64_t epoch, uint64_t deadline_ns)
{
    (void)w;
    (void)epoch;
    (void)deadline_ns;
    give_turn();
}

/* ---- The disk ---- */

static void
look(enum stage_point point)
{
    if (stage.at != NULL && is_main()) {
        stage.at(stage.arg, point);
    }
}

static ssize_t
write_at(int fd, const void *bytes, size_t n, off_t offset)
{
    return syscall(SYS_pwrite64, fd, bytes, n, offset);
}

ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
    struct stat st;

    if (stage.disk_full && fstat(fd, &st) == 0 && st.st_size < offset + (off_t)n) {
        errno = ENOSPC;
        return stage_below(2) == 0 && n > 1 ? write_at(fd, bytes, n / 2, offset) : -1;
    }
    bool stops = is_main() ? stage.at != NULL : stage.half_writes && stage_below(4) == 0;
    if (!stops || n < 2) {
        return write_at(fd, bytes, n, offset);
    }
    ssize_t part = write_at(fd, bytes, 1 + stage_below((uint32_t)n - 1), offset);
    if (is_main()) {
        look(STAGE_IN_WRITE);
    } else {
        give_turn();
    }
    return part;
}

/* Nobody pulls the plug here. */
int
fsync(int fd)
{
    (void)fd;
    return 0;
}

int
fdatasync(int fd)
{
    (void)fd;
    return 0;
}

int
msync(void *at, size_t size, int flags)
{
    (void)at;
    (void)size;
    (void)flags;
    return 0;
}

/* The linker leads calls of sr_counters_commit() here (--wrap). */
void __real_sr_counters_commit(struct sr_counters_slot *slot);
void __wrap_sr_counters_commit(struct sr_counters_slot *slot);

void
__wrap_sr_counters_commit(struct sr_counters_slot *slot)
{
    look(STAGE_BEFORE_COMMIT);
    __real_sr_counters_commit(slot);
    look(STAGE_AFTER_COMMIT);
}

static void
copy_file(int from, int to, const char *name)
{
    static char block[1U << 16];
    int in = openat(from, name, O_RDONLY | O_CLOEXEC);
    int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t n;

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, block, sizeof(block))) > 0) {
        assert_int_equal(write(out, block, (size_t)n), n);
    }
    assert_int_equal(n, 0);
    (void)close(in);
    (void)close(out);
}

void
stage_each_file(const char *dir, void (*look_at)(void *arg, int dir, const char *name), void *arg)
{
    DIR *d = opendir(dir);
    const struct dirent *e;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.') {
            look_at(arg, dirfd(d), e->d_name);
        }
    }
    (void)closedir(d);
}

static void
copy_into(void *arg, int dir, const char *name)
{
    copy_file(dir, *(const int *)arg, name);
}

void
stage_copy(const char *from, const char *to)
{
    assert_int_equal(mkdir(to, 0700), 0);
    int out = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(out >= 0);
    stage_each_file(from, copy_into, &out);
    (void)close(out);
}

static void
unlink_it(void *arg, int dir, const char *name)
{
    (void)arg;
    (void)unlinkat(dir, name, 0);
}

void
stage_remove(const char *dir)
{
    stage_each_file(dir, unlink_it, NULL);
    assert_int_equal(rmdir(dir), 0);
}
