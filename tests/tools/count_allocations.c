/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a program, counts how often each of its threads asks for memory or gives it back,
 * in the file that SR_ALLOCATIONS names: pairs of 64-bit numbers, the id of a thread and its count.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sr/banned.h"

#define THREADS_MAX 256U

struct slot {
    _Atomic uint64_t thread;
    _Atomic uint64_t count;
};

/* libc's own, whose names it keeps for this. NOLINTNEXTLINE(bugprone-reserved-identifier) */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);       /* NOLINT: as above */
extern void *__libc_realloc(void *memory, size_t size);      /* NOLINT: as above */
extern void *__libc_memalign(size_t alignment, size_t size); /* NOLINT: as above */
extern void __libc_free(void *memory);                       /* NOLINT: as above */

static struct slot *slots; /* NULL: nothing is counted */
static _Atomic unsigned used;
static _Thread_local struct slot *own;

__attribute__((constructor)) static void
open_slots(void)
{
    const char *path = getenv("SR_ALLOCATIONS");
    size_t size = THREADS_MAX * sizeof(struct slot);
    int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

    if (fd < 0 || ftruncate(fd, (off_t)size) != 0) {
        _exit(99); /* a test that counts nothing must not pass */
    }
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (memory == MAP_FAILED) {
        _exit(99);
    }
    slots = memory;
}

static void
count(void)
{
    if (slots == NULL) {
        return;
    }
    if (own == NULL) {
        unsigned i = atomic_fetch_add(&used, 1);
        own = &slots[i < THREADS_MAX ? i : THREADS_MAX - 1];
        atomic_store(&own->thread, (uint64_t)syscall(SYS_gettid));
    }
    atomic_fetch_add(&own->count, 1);
}

/* The functions that are replaced are seen by all, which the build's default is not. */
#define SEEN __attribute__((visibility("default")))

SEEN void *
malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

SEEN void *
calloc(size_t items, size_t size)
{
    count();
    return __libc_calloc(items, size);
}

SEEN void *
realloc(void *memory, size_t size)
{
    count();
    return __libc_realloc(memory, size);
}

SEEN void *
aligned_alloc(size_t alignment, size_t size)
{
    count();
    return __libc_memalign(alignment, size);
}

SEEN int
posix_memalign(void **ret_memory, size_t alignment, size_t size)
{
    void *memory = aligned_alloc(alignment, size);

    if (memory == NULL) {
        return 12; /* ENOMEM; errno stays as it is */
    }
    *ret_memory = memory;
    return 0;
}

SEEN void
free(void *memory)
{
    if (memory != NULL) {
        count();
    }
    __libc_free(memory);
}
