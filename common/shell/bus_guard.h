/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_BUS_GUARD_H_INCLUDED
#define SHELL_BUS_GUARD_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * A mapped file whose pages may go away under the process: the file is cut short, the disk breaks,
 * a file system without room refuses the first write to a page. The kernel then raises SIGBUS,
 * which ends a process. A guard makes a page of its own memory out of such a page instead.
 */
struct bus_guard;

/*
 * Guards the mapping of all of `fd` at `base`, `len` bytes, shared and writable. The first time a
 * page is replaced, the byte at `mark` of the file becomes 1, as far as the file can still be
 * written: what it says from then on is not all of what the process counts. `fd` stays the
 * caller's and open until bus_guard_remove(). NULL without memory, or with too many guards.
 *
 * The first call installs a handler of SIGBUS. Faults that are not ours go to the handler that was
 * there before. A program that blocks SIGBUS in a thread has no guard there.
 */
struct bus_guard *bus_guard_add(void *base, size_t len, int fd, off_t mark);

/* True when a page had to be replaced. */
bool bus_guard_replaced(const struct bus_guard *guard);

/* The mapping is touched no more, by any thread. NULL is fine. */
void bus_guard_remove(struct bus_guard *guard);

#endif
