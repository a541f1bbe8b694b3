/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_TLS_LISTENERS_H_INCLUDED
#define SHELL_TLS_LISTENERS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/conf_common.h"
#include "sr/stats.h"
#include "sr/tls.h"

/* The TLS of all listeners of a process: made at the start, and anew when files change. */
struct tls_listeners;

/*
 * Reads the files of the listeners of `c`, each of `listener_size` bytes, and says in `stats` when
 * certificates expire. `stats` must outlive it. NULL with `error`.
 */
struct tls_listeners *tls_listeners_new(const struct sr_conf_common *c, size_t listener_size,
    struct sr_stats *stats, char *error, size_t error_size);
void tls_listeners_free(struct tls_listeners *all);

/* That of a listener; NULL: it has none. */
struct sr_tls_listener *tls_listeners_at(const struct tls_listeners *all, size_t listener);

/*
 * Takes the sections of another configuration and reads all files again, or changes nothing and
 * returns false with `error`.
 */
bool tls_listeners_reload(
    struct tls_listeners *all, const struct sr_conf_common *c, char *error, size_t error_size);

/*
 * From time to time, on any thread: reads the files again of listeners for which they have changed
 * since. What is wrong with them is logged, and what was stays; those are read again a minute
 * later, changed or not. `now_ns` is monotonic.
 */
void tls_listeners_watch(
    struct tls_listeners *all, const struct sr_conf_common *c, uint64_t now_ns);

#endif
