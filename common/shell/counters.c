/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/bus_guard.h"
#include "shell/counters_file.h"

#include "sr/banned.h"

#define NEW_FILE "counters.new"

/* What a thread needs to write its slot, in memory of its own: it never reads the file. */
struct sr_counters_slot {
    _Alignas(COUNTERS_LINE) _Atomic uint32_t *active;
    uint32_t next; /* the copy to fill */
    uint64_t *copies[2];
    char (*names)[SR_COUNTERS_NAME_MAX];
    unsigned name_count;
    void *raw;
};

struct sr_counters {
    int dir; /* borrowed; -1: plain memory */
    int fd;
    uint8_t *map;
    size_t size;
    bool published;
    struct bus_guard *guard; /* NULL: plain memory */
    struct sr_counters_slot *slots;
};

/* ---- Making the file ---- */

/* A part of the mapping; offsets are aligned for what is there. */
static void *
part(const struct sr_counters *c, uint64_t offset)
{
    return c->map + offset;
}

static struct counters_entry *
entry(const struct sr_counters *c, size_t i)
{
    return part(c, sizeof(struct counters_head) + i * sizeof(struct counters_entry));
}

static bool
fill_entry(const struct sr_counters_layout *layout, uint64_t offset, struct counters_entry *ret)
{
    size_t len = strlen(layout->name);

    *ret = (struct counters_entry){
        .offset = offset, .raw = layout->raw, .values = layout->values, .names = layout->names
    };
    if (len >= sizeof(ret->name)) {
        return false;
    }
    memcpy(ret->name, layout->name, len);
    return true;
}

/* The size of a file with these slots; 0 when there is none that large. */
static size_t
size_of(const struct sr_counters_layout *slots, size_t count)
{
    uint64_t end = counters_first_slot(count);
    struct counters_entry e;
    struct counters_parts p;

    if (count > COUNTERS_SLOTS_MAX) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!fill_entry(&slots[i], end, &e) || !counters_parts(&e, &p)) {
            return 0;
        }
        end = p.end;
    }
    return end;
}

/* Writes the head and the directory, and finds the parts of the slots. */
static void
lay_out(struct sr_counters *c, const char *boot_id, const struct sr_counters_layout *slots,
    size_t count)
{
    struct counters_head *h = part(c, 0);
    uint64_t offset = counters_first_slot(count);
    struct counters_parts p;

    memcpy(h->magic, COUNTERS_MAGIC, sizeof(h->magic));
    h->version = COUNTERS_VERSION;
    h->byte_order = COUNTERS_BYTE_ORDER;
    h->size = c->size;
    h->slots = (uint32_t)count;
    (void)snprintf(h->boot_id, sizeof(h->boot_id), "%s", boot_id);
    for (size_t i = 0; i < count; i++) {
        (void)fill_entry(&slots[i], offset, entry(c, i));
        (void)counters_parts(entry(c, i), &p);
        c->slots[i] = (struct sr_counters_slot){
            .active = part(c, offset),
            .next = 1,
            .copies = { part(c, p.copies[0]), part(c, p.copies[1]) },
            .names = part(c, p.names),
            .name_count = slots[i].names,
            .raw = part(c, p.raw),
        };
        offset = p.end;
    }
}

/* Makes the file and reserves its blocks: a page without one could not be written later. */
static bool
make_file(struct sr_counters *c)
{
    int err;

    if (unlinkat(c->dir, NEW_FILE, 0) != 0 && errno != ENOENT) {
        return false;
    }
    c->fd = openat(
        c->dir, NEW_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (c->fd < 0) {
        return false;
    }
    do {
        err = posix_fallocate(c->fd, 0, (off_t)c->size);
    } while (err == EINTR);
    errno = err;
    return err == 0;
}

static bool
map(struct sr_counters *c)
{
    int flags = c->dir >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    void *at = mmap(NULL, c->size, PROT_READ | PROT_WRITE, flags, c->fd, 0);

    if (at == MAP_FAILED) {
        return false;
    }
    c->map = at;
    if (c->dir >= 0) {
        c->guard = bus_guard_add(at, c->size, c->fd, offsetof(struct counters_head, spoiled));
        errno = ENOMEM;
    }
    return c->dir < 0 || c->guard != NULL;
}

struct sr_counters *
sr_counters_new(int dir, const char *boot_id, const struct sr_counters_layout *slots, size_t count,
    char *error, size_t error_size)
{
    struct sr_counters *c = calloc(1, sizeof(*c));
    size_t size = size_of(slots, count);

    if (c == NULL || size == 0) {
        (void)snprintf(error, error_size, "%s",
            c == NULL ? "counters: no memory" : "counters: these listeners need too large a file");
        free(c);
        return NULL;
    }
    *c = (struct sr_counters){ .dir = dir, .fd = -1, .size = size };
    c->slots = aligned_alloc(COUNTERS_LINE, (count + 1) * sizeof(*c->slots));
    if (c->slots == NULL || (dir >= 0 && !make_file(c)) || !map(c)) {
        (void)snprintf(error, error_size,
            "cannot make the file " NEW_FILE " of %zu bytes in queue.dir: %s; %s", size,
            strerror(errno),
            errno == ENOSPC || errno == EDQUOT ? "free some room there, or choose another queue.dir"
                                               : "look at its owner and file system");
        sr_counters_free(c, false);
        return NULL;
    }
    lay_out(c, boot_id, slots, count);
    return c;
}

/* ---- The hot path ---- */

struct sr_counters_slot *
sr_counters_slot(struct sr_counters *c, size_t i)
{
    return &c->slots[i];
}

uint64_t *
sr_counters_begin(struct sr_counters_slot *slot)
{
    return slot->copies[slot->next];
}

/*
 * A kill stops a thread between two instructions. What it stored before is in the pages, which
 * belong to the kernel and not to the process, and nothing after: whoever reads the file then sees
 * a beginning of the thread's stores, in the order of the program. So all that is needed is that
 * the program keeps this order: values before the store that makes them hold, and that one before
 * the first store to the copy that held until now. Processors may reorder stores for others to
 * see, but not across their own stop, so the second rule binds only the compiler.
 */
void
sr_counters_commit(struct sr_counters_slot *slot)
{
    atomic_store_explicit(slot->active, slot->next, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    slot->next ^= 1U;
}

void
sr_counters_name(struct sr_counters_slot *slot, unsigned i, const char *name)
{
    if (i < slot->name_count) {
        memcpy(slot->names[i], name, strnlen(name, SR_COUNTERS_NAME_MAX - 1));
    }
}

bool
sr_counters_is_named(const struct sr_counters_slot *slot, unsigned i)
{
    return i < slot->name_count && slot->names[i][0] != '\0';
}

void *
sr_counters_raw(struct sr_counters_slot *slot)
{
    return slot->raw;
}

/* ---- The life of the file ---- */

bool
sr_counters_publish(struct sr_counters *c)
{
    if (c->dir < 0 || c->published) {
        return true;
    }
    /* Or a power cut could leave the new name with nothing in it, and the old file gone. */
    if (fsync(c->fd) != 0 || renameat(c->dir, NEW_FILE, c->dir, SR_COUNTERS_FILE) != 0) {
        return false;
    }
    c->published = true;
    return true;
}

bool
sr_counters_sync(struct sr_counters *c)
{
    return c->dir < 0 || msync(c->map, c->size, MS_SYNC) == 0;
}

bool
sr_counters_are_kept(const struct sr_counters *c)
{
    return c->guard != NULL && !bus_guard_replaced(c->guard);
}

void
sr_counters_free(struct sr_counters *c, bool orderly)
{
    if (c == NULL) {
        return;
    }
    /* The values first: a power cut in between must not leave old ones that are called exact. */
    if (orderly && sr_counters_are_kept(c) && sr_counters_sync(c)) {
        struct counters_head *h = part(c, 0);
        h->orderly = 1;
        (void)sr_counters_sync(c);
    }
    if (c->fd >= 0 && !c->published) {
        (void)unlinkat(c->dir, NEW_FILE, 0);
    }
    bus_guard_remove(c->guard);
    if (c->map != NULL) {
        (void)munmap(c->map, c->size);
    }
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    free(c->slots);
    free(c);
}
