/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_STREAMS_H_INCLUDED
#define CLI_ISSUER_STREAMS_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "issuer/store.h"

struct json_t;
struct sr_suite_stream;

/*
 * The streams of an account, as sr/suite.h has them: over the mapped subjects and their dead
 * letters, in files, refusing what is new when they are full.
 */

enum streams_state {
    STREAMS_MADE,    /* it was not there */
    STREAMS_SAME,    /* it is as it should be */
    STREAMS_DRIFTED, /* it is not; left as it is */
    STREAMS_UPDATED, /* it was not, and is now */
};

/* The name of a state, static. */
const char *streams_state_name(enum streams_state state);

/* How a stream was found. Borrowed during the callback. */
struct streams_result {
    const char *name;
    enum streams_state state;
    const char *drift; /* "max_bytes 1024 instead of 1073741824, ..."; "" when none */
};
typedef void streams_cb(void *arg, const struct streams_result *result);

/*
 * Makes the account's streams where they are missing, as a user who is there for that only. One
 * that is there in another shape is told, and changed with `update` only, in nothing but what
 * differs; subjects that it has beyond ours stay.
 */
bool streams_ensure(struct store *store, const char *account, bool update, streams_cb *cb,
    void *arg, struct trouble *trouble);

/* Streams of an account elsewhere than at the hub, or that fetch from elsewhere. */
struct streams_place {
    const char *domain; /* of JetStream, as "edge-hq"; NULL: that of the server itself */
    int64_t max_bytes;  /* of each stream; 0: as sr/suite.h has it */
    const char *source; /* a domain whose streams of the same names they fetch from, or NULL */
};

/*
 * As streams_ensure() in a place. A source that a stream lacks is added whether `update` or not;
 * others that it has stay.
 */
bool streams_ensure_at(struct store *store, const char *account, const struct streams_place *place,
    bool update, streams_cb *cb, void *arg, struct trouble *trouble);

/* What such a stream is made with, for STREAM.CREATE. Owned: json_decref(). NULL without memory. */
struct json_t *streams_config(
    const char *account, const struct sr_suite_stream *stream, const struct streams_place *place);

#endif
