/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/counters_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sr/banned.h"

_Static_assert(sizeof(struct counters_head) == 128, "the head has no holes");
_Static_assert(sizeof(struct counters_entry) == 152, "an entry has no holes");

struct sr_counters_kept {
    enum sr_counters_trust trust;
    bool orderly;
    unsigned slots;
    uint8_t *bytes; /* the whole file, aligned to COUNTERS_LINE; NULL: SR_COUNTERS_NONE */
};

static uint64_t
whole_lines(uint64_t bytes)
{
    return (bytes + COUNTERS_LINE - 1) / COUNTERS_LINE * COUNTERS_LINE;
}

uint64_t
counters_first_slot(uint64_t slots)
{
    return whole_lines(sizeof(struct counters_head) + slots * sizeof(struct counters_entry));
}

bool
counters_parts(const struct counters_entry *e, struct counters_parts *ret_parts)
{
    struct counters_parts p;

    /* Each below the size of a file first: no sum of them overflows. */
    if (e->offset > COUNTERS_SIZE_MAX || e->values > COUNTERS_SIZE_MAX / sizeof(uint64_t) ||
        e->names > COUNTERS_SIZE_MAX / SR_COUNTERS_NAME_MAX || e->raw > COUNTERS_SIZE_MAX) {
        return false;
    }
    p.copies[0] = e->offset + COUNTERS_LINE;
    p.copies[1] = p.copies[0] + whole_lines(e->values * sizeof(uint64_t));
    p.names = p.copies[1] + whole_lines(e->values * sizeof(uint64_t));
    p.raw = p.names + whole_lines((uint64_t)e->names * SR_COUNTERS_NAME_MAX);
    p.end = p.raw + whole_lines(e->raw);
    if (p.end > COUNTERS_SIZE_MAX) {
        return false;
    }
    *ret_parts = p;
    return true;
}

/* ---- Reading: nothing in the file is believed before it is checked ---- */

/* A part of the file; offsets are aligned for what is there. */
static const void *
part(const struct sr_counters_kept *kept, uint64_t offset)
{
    return kept->bytes + offset;
}

static const struct counters_entry *
entry(const struct sr_counters_kept *kept, unsigned i)
{
    return part(kept, sizeof(struct counters_head) + i * sizeof(struct counters_entry));
}

static uint32_t
active_copy(const struct sr_counters_kept *kept, const struct counters_entry *e)
{
    uint32_t active;

    memcpy(&active, kept->bytes + e->offset, sizeof(active));
    return active;
}

/* Checks a slot, and ends its names where the room for them ends. */
static bool
check_slot(struct sr_counters_kept *kept, unsigned i, uint64_t size)
{
    const struct counters_entry *e = entry(kept, i);
    struct counters_parts p;

    if (memchr(e->name, '\0', sizeof(e->name)) == NULL || e->offset % COUNTERS_LINE != 0 ||
        e->offset < counters_first_slot(kept->slots) || !counters_parts(e, &p) || p.end > size ||
        active_copy(kept, e) > 1) {
        return false;
    }
    for (uint32_t n = 0; n < e->names; n++) {
        kept->bytes[p.names + (n + 1ULL) * SR_COUNTERS_NAME_MAX - 1] = '\0';
    }
    return true;
}

/* Why the bytes are no file of counters, or NULL. */
static const char *
check(struct sr_counters_kept *kept, uint64_t size)
{
    const struct counters_head *h = part(kept, 0);

    if (memcmp(h->magic, COUNTERS_MAGIC, sizeof(h->magic)) != 0) {
        return "is not a file of counters";
    }
    if (h->byte_order != COUNTERS_BYTE_ORDER) {
        return "was written by a machine of the other byte order";
    }
    if (h->version != COUNTERS_VERSION) {
        return "is of another version";
    }
    if (h->size != size) {
        return "is cut short";
    }
    if (h->slots > COUNTERS_SLOTS_MAX || counters_first_slot(h->slots) > size ||
        memchr(h->boot_id, '\0', sizeof(h->boot_id)) == NULL) {
        return "is damaged";
    }
    kept->slots = h->slots;
    for (unsigned i = 0; i < h->slots; i++) {
        if (!check_slot(kept, i, size)) {
            return "is damaged";
        }
    }
    return NULL;
}

/* Values of another boot are as old as the last time that the kernel wrote them to the disk. */
static enum sr_counters_trust
trust_in(const struct counters_head *h, const char *boot_id)
{
    bool same_boot =
        h->boot_id[0] != '\0' && strncmp(h->boot_id, boot_id, sizeof(h->boot_id) - 1) == 0;

    return h->spoiled == 0 && (same_boot || h->orderly == 1) ? SR_COUNTERS_EXACT
                                                             : SR_COUNTERS_OLDER;
}

/* Reads up to `size` bytes; returns how many there are, or -1 with errno. */
static ssize_t
read_whole(int fd, uint8_t *out, size_t size)
{
    size_t have = 0;

    while (have < size) {
        ssize_t n = read(fd, out + have, size - have);
        if (n == 0) {
            break;
        }
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        have += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)have;
}

/* Reads an open file. False only without memory; *ret_why is NULL when the file is good. */
static bool
read_file(struct sr_counters_kept *kept, int fd, const char *boot_id, const char **ret_why)
{
    struct stat st;

    *ret_why = NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        *ret_why = "is not a regular file";
    } else if (st.st_size < (off_t)sizeof(struct counters_head)) {
        *ret_why = "is cut short";
    } else if (st.st_size > (off_t)COUNTERS_SIZE_MAX) {
        *ret_why = "is larger than a file of counters can be";
    }
    if (*ret_why != NULL) {
        return true;
    }
    uint64_t size = (uint64_t)st.st_size;
    kept->bytes = aligned_alloc(COUNTERS_LINE, whole_lines(size));
    if (kept->bytes == NULL) {
        return false;
    }
    ssize_t n = read_whole(fd, kept->bytes, size);
    if (n != st.st_size) {
        *ret_why = n < 0 ? "cannot be read" : "is cut short";
    } else {
        *ret_why = check(kept, size);
    }
    if (*ret_why == NULL) {
        const struct counters_head *h = part(kept, 0);
        kept->trust = trust_in(h, boot_id);
        kept->orderly = h->orderly == 1;
        return true;
    }
    free(kept->bytes);
    kept->bytes = NULL;
    kept->slots = 0;
    return true;
}

struct sr_counters_kept *
sr_counters_read(int dir, const char *boot_id, const char **ret_why)
{
    struct sr_counters_kept *kept = calloc(1, sizeof(*kept));
    const char *why = NULL;

    if (kept == NULL) {
        return NULL;
    }
    /* Somebody may have put a pipe there: opening one would wait. */
    int fd = openat(dir, SR_COUNTERS_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        why = errno == ENOENT  ? NULL
              : errno == ELOOP ? "is not a regular file"
                               : "cannot be opened";
    } else {
        bool good = read_file(kept, fd, boot_id, &why);
        (void)close(fd);
        if (!good) {
            sr_counters_kept_free(kept);
            return NULL;
        }
    }
    if (ret_why != NULL) {
        *ret_why = why;
    }
    return kept;
}

void
sr_counters_kept_free(struct sr_counters_kept *kept)
{
    if (kept != NULL) {
        free(kept->bytes);
        free(kept);
    }
}

enum sr_counters_trust
sr_counters_trust(const struct sr_counters_kept *kept)
{
    return kept->trust;
}

bool
sr_counters_ended_orderly(const struct sr_counters_kept *kept)
{
    return kept->orderly;
}

const char *
sr_counters_kept_name(const struct sr_counters_kept *kept, unsigned i)
{
    return i < kept->slots ? entry(kept, i)->name : NULL;
}

bool
sr_counters_find(
    const struct sr_counters_kept *kept, const char *slot, struct sr_counters_values *ret_values)
{
    struct counters_parts p;

    for (unsigned i = 0; i < kept->slots; i++) {
        const struct counters_entry *e = entry(kept, i);
        if (strcmp(e->name, slot) == 0 && counters_parts(e, &p)) {
            *ret_values = (struct sr_counters_values){
                .values = part(kept, p.copies[active_copy(kept, e)]),
                .count = e->values,
                .names = part(kept, p.names),
                .name_count = e->names,
                .raw = part(kept, p.raw),
                .raw_len = e->raw,
            };
            return true;
        }
    }
    return false;
}
