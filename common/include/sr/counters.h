/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_COUNTERS_H_INCLUDED
#define SR_COUNTERS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Counters that outlive the process: a small file, mapped shared, whose pages the kernel keeps
 * when the process is killed. It has slots, each written by one thread.
 *
 * A slot has two copies of its values and says which one holds. A thread fills the other one and
 * then commits, one store: so whoever reads the file after a kill finds all values of one moment,
 * never half of a change. Beside the values a slot has names (of rows of counters, each written
 * once) and raw bytes, which have no copy.
 *
 * A mapped page that the file system cannot keep any more (a file cut short, a disk that broke)
 * raises SIGBUS. The page then becomes plain memory with what can still be read of it (zeros for
 * the rest), and the process goes on; sr_counters_are_kept() says so. The file is marked, so that
 * its values are not called exact.
 */
struct sr_counters;
struct sr_counters_slot;

#define SR_COUNTERS_NAME_MAX 40U /* bytes of a name with its NUL */
#define SR_COUNTERS_FILE "counters"

/* ---- What the last process left ---- */

enum sr_counters_trust {
    SR_COUNTERS_NONE = 0, /* no file, or not a good one */
    /* The machine went down meanwhile, or could not write all of the file: values may be some
     * seconds old, and of different moments. */
    SR_COUNTERS_OLDER,
    SR_COUNTERS_EXACT, /* the very last committed values of the process */
};

struct sr_counters_kept;

/* Values of a slot, borrowed from the sr_counters_kept they came from. */
struct sr_counters_values {
    const uint64_t *values;
    unsigned count;
    const char (*names)[SR_COUNTERS_NAME_MAX]; /* each NUL-terminated; "": not used */
    unsigned name_count;
    const uint8_t *raw;
    size_t raw_len;
};

/*
 * Reads the file of the last process in the directory `dir`, without writing to it. `boot_id` names
 * this boot of the machine ("": not known): values of the same boot, or those of a process that
 * ended orderly, are exact. Returns owned memory; NULL only without memory. A missing, short,
 * damaged or foreign file is SR_COUNTERS_NONE, and `*ret_why` (static, may be NULL) then says why
 * for people; it is NULL when there was no file.
 */
struct sr_counters_kept *sr_counters_read(int dir, const char *boot_id, const char **ret_why);
void sr_counters_kept_free(struct sr_counters_kept *kept);
enum sr_counters_trust sr_counters_trust(const struct sr_counters_kept *kept);

/* True when the process ended well, and was not killed. */
bool sr_counters_ended_orderly(const struct sr_counters_kept *kept);

/* The slot of that name; false when there is none. */
bool sr_counters_find(
    const struct sr_counters_kept *kept, const char *slot, struct sr_counters_values *ret_values);

/* The slots by index, to go through them all; NULL past the last. */
const char *sr_counters_kept_name(const struct sr_counters_kept *kept, unsigned i);

/* ---- This process ---- */

struct sr_counters_layout {
    const char *name; /* of the slot, at most 127 bytes; copied */
    unsigned values;  /* how many */
    unsigned names;   /* how many */
    size_t raw;       /* bytes */
};

/*
 * Makes the file of this process under a name of its own in `dir`, with blocks reserved on the
 * disk, and maps it; all zero. It becomes the file that sr_counters_read() finds with
 * sr_counters_publish(), until then the last process's file stays. `dir` stays the caller's, and
 * open until sr_counters_free(). `dir` -1: plain memory, nothing is kept. Returns owned counters,
 * or NULL with `error` filled.
 */
struct sr_counters *sr_counters_new(int dir, const char *boot_id,
    const struct sr_counters_layout *slots, size_t count, char *error, size_t error_size);

struct sr_counters_slot *sr_counters_slot(struct sr_counters *c, size_t i);

/*
 * The copy to fill with the next values, all of them: it holds older ones. Then commit, which
 * makes them hold. The slot's thread only.
 */
uint64_t *sr_counters_begin(struct sr_counters_slot *slot);
void sr_counters_commit(struct sr_counters_slot *slot);

/* Names row `i`, once, before a commit whose values have it. Cut to fit. The slot's thread. */
void sr_counters_name(struct sr_counters_slot *slot, unsigned i, const char *name);
bool sr_counters_is_named(const struct sr_counters_slot *slot, unsigned i);

/* The raw bytes, aligned to 64. */
void *sr_counters_raw(struct sr_counters_slot *slot);

/* Writes the file to the disk and renames it into its place. False with errno; plain memory is
 * true. */
bool sr_counters_publish(struct sr_counters *c);

/* Writes the file's pages to the disk and waits for it. From any one thread. False with errno;
 * plain memory is true. */
bool sr_counters_sync(struct sr_counters *c);

/* False when pages had to be replaced by plain memory (or all is plain memory, `dir` -1): what they
 * count will not survive. */
bool sr_counters_are_kept(const struct sr_counters *c);

/*
 * Unmaps; `orderly`: writes the file to the disk, saying in it that the process ended well. A file
 * that was not published is removed. No thread uses its slot any more. NULL is fine.
 */
void sr_counters_free(struct sr_counters *c, bool orderly);

#endif
