/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/bus_guard.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sr/banned.h"

/* A process has one file of counters; tests have some more. */
#define GUARDS_MAX 8

/* Static, so that a handler never looks at memory that another thread frees. */
struct bus_guard {
    _Atomic uintptr_t base; /* 0: not in use, and the rest means nothing */
    size_t len;
    size_t page;
    bool *is_replaced; /* by page; under `replacing` */
    off_t mark;
    int fd;
    atomic_bool replaced;
};

static struct bus_guard guards[GUARDS_MAX];
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;
static bool installed; /* under `adding` */
static struct sigaction previous;

/* Held by the handler: a page that two threads fault on is replaced once, or what the first one
 * has written since would be gone. */
static atomic_flag replacing = ATOMIC_FLAG_INIT;

/* ---- The handler: only what may be called from one ---- */

static struct bus_guard *
guard_of(uintptr_t at)
{
    for (size_t i = 0; i < GUARDS_MAX; i++) {
        uintptr_t base = atomic_load_explicit(&guards[i].base, memory_order_acquire);
        if (base != 0 && at >= base && at - base < guards[i].len) {
            return &guards[i];
        }
    }
    return NULL;
}

/*
 * Puts plain memory in the place of a page. What can still be read of it comes along: a page that
 * only refuses to be written is still there. pread() reports what a load would fault on.
 */
static bool
replace_page(const struct bus_guard *g, uintptr_t base, size_t index)
{
    uint8_t *fresh =
        mmap(NULL, g->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t have = 0;
    ssize_t n;

    if (fresh == MAP_FAILED) {
        return false;
    }
    do {
        n = pread(g->fd, fresh + have, g->page - have, (off_t)(index * g->page + have));
        have += n > 0 ? (size_t)n : 0;
    } while (n > 0 && have < g->page);
    /* In one step: other threads see the old page or the new one, never a hole. */
    void *place = (void *)(base + index * g->page); /* NOLINT(performance-no-int-to-ptr) */
    if (mremap(fresh, g->page, g->page, MREMAP_MAYMOVE | MREMAP_FIXED, place) == MAP_FAILED) {
        (void)munmap(fresh, g->page);
        return false;
    }
    return true;
}

static bool
heal(struct bus_guard *g, const siginfo_t *info)
{
    static const uint8_t one = 1;
    uintptr_t base = atomic_load_explicit(&g->base, memory_order_acquire);
    size_t index = ((uintptr_t)info->si_addr - base) / g->page;
    bool good = true;

    while (atomic_flag_test_and_set_explicit(&replacing, memory_order_acquire)) {
        (void)sched_yield();
    }
    /* Plain memory can break too: a page that was replaced is replaced again then. */
    if (!g->is_replaced[index] || info->si_code == BUS_MCEERR_AR) {
        good = replace_page(g, base, index);
        g->is_replaced[index] = g->is_replaced[index] || good;
    }
    if (good && !atomic_exchange(&g->replaced, true)) {
        ssize_t ignored = pwrite(g->fd, &one, sizeof(one), g->mark);
        (void)ignored; /* nothing is left to be done for such a file */
    }
    atomic_flag_clear_explicit(&replacing, memory_order_release);
    return good;
}

/* What would have happened without us. */
static void
pass_on(int number, siginfo_t *info, void *context, bool is_fault)
{
    if ((previous.sa_flags & SA_SIGINFO) != 0) {
        previous.sa_sigaction(number, info, context);
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(number);
    } else if (is_fault) {
        /* The instruction runs again and faults again, now without a handler. */
        (void)sigaction(number, &previous, NULL);
    } else if (previous.sa_handler == SIG_DFL) {
        (void)sigaction(number, &previous, NULL);
        (void)raise(number);
    }
}

static void
on_sigbus(int number, siginfo_t *info, void *context)
{
    int error = errno;
    bool is_fault = info->si_code == BUS_ADRERR || info->si_code == BUS_OBJERR ||
                    info->si_code == BUS_MCEERR_AR;
    struct bus_guard *g = is_fault ? guard_of((uintptr_t)info->si_addr) : NULL;

    if (g == NULL || !heal(g, info)) {
        pass_on(number, info, context, is_fault);
    }
    errno = error;
}

/* ---- The program's side ---- */

static void
install(void)
{
    struct sigaction ours = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    if (installed) {
        return;
    }
    /* No other signal may come while the handler holds `replacing`. */
    (void)sigfillset(&ours.sa_mask);
    (void)sigaction(SIGBUS, NULL, &previous);
    installed = sigaction(SIGBUS, &ours, NULL) == 0;
}

struct bus_guard *
bus_guard_add(void *base, size_t len, int fd, off_t mark)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    bool *is_replaced = calloc(len / page + 1, sizeof(*is_replaced));
    struct bus_guard *g = NULL;

    if (is_replaced == NULL) {
        return NULL;
    }
    (void)pthread_mutex_lock(&adding);
    install();
    for (size_t i = 0; i < GUARDS_MAX && g == NULL; i++) {
        g = atomic_load(&guards[i].base) == 0 ? &guards[i] : NULL;
    }
    if (g != NULL) {
        g->len = len;
        g->page = page;
        g->fd = fd;
        g->mark = mark;
        g->is_replaced = is_replaced;
        atomic_store(&g->replaced, false);
        atomic_store_explicit(&g->base, (uintptr_t)base, memory_order_release);
    } else {
        free(is_replaced);
    }
    (void)pthread_mutex_unlock(&adding);
    return g;
}

bool
bus_guard_replaced(const struct bus_guard *guard)
{
    return atomic_load(&guard->replaced);
}

void
bus_guard_remove(struct bus_guard *guard)
{
    if (guard == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&adding);
    atomic_store(&guard->base, 0);
    free(guard->is_replaced);
    guard->is_replaced = NULL;
    (void)pthread_mutex_unlock(&adding);
}
