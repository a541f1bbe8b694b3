/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TAIL_TAIL_H_INCLUDED
#define CLI_TAIL_TAIL_H_INCLUDED

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "sr/span.h"
#include "trouble.h"

/* What the command tail is made of: where records come from, and how they are shown. */

enum tail_form {
    TAIL_PEOPLE = 0, /* the subject and the record, a line each */
    TAIL_JSON,       /* an object with both and more, a line each */
    TAIL_RAW,        /* the bytes as they are published */
};

/* What is shown of the records, and how many there were. */
struct tail_view {
    enum tail_form form;
    const char *filter; /* shows only records with this text; NULL: all */
    uint64_t count;     /* ends behind so many; 0: goes on */
    int fd;             /* where to */
    bool colour;
    const volatile sig_atomic_t *stop;

    uint64_t shown;
    uint64_t skipped; /* of those that the collector could not copy in time */
    bool gone;        /* nobody reads any more, or an interrupt came while one was waited for */
    uint8_t *text;    /* TAIL_TEXT_MAX bytes for a record as JSON, of tail_view_open() */
    uint8_t *pending; /* likewise TAIL_PENDING bytes that are not written yet */
    size_t pending_len;
};

#define TAIL_TEXT_MAX ((size_t)2 * 1024 * 1024)
#define TAIL_PENDING ((size_t)64 * 1024)

/* One record. The spans are borrowed; what is not known is empty. */
struct tail_record {
    struct sr_span listener; /* in the form of JSON, without the quotes */
    struct sr_span subject;  /* likewise */
    uint64_t sequence;       /* in the stream; 0: it comes from a collector */
    bool is_binary;          /* a flow (flowpb.FlowMessage), else JSON */
    struct sr_span bytes;
};

/* False without memory. */
bool tail_view_open(struct tail_view *v);
void tail_view_close(struct tail_view *v);

/* Shows a record. False when the view has what it wants, or nobody looks any more. */
bool tail_show(struct tail_view *v, const struct tail_record *record);

/* Tells that records are missing here. */
void tail_show_skipped(struct tail_view *v, uint64_t records);

/* Writes what is pending: before every wait. False when nobody reads it. */
bool tail_flush(struct tail_view *v);

/* True when there is nothing more to do: interrupted, enough shown, nobody looks. */
bool tail_is_done(const struct tail_view *v);

/*
 * Shows what the collector at the socket `path` queues, until the view is done or the collector
 * ends, which is success too. The handlers of SIGINT and SIGTERM set v->stop and restart no call.
 */
bool tail_local(const char *path, struct tail_view *v, struct trouble *trouble);

/*
 * Finds the socket of a collector ("trapd", "netflow", "syslog"; NULL: the only one there is) in
 * `folder`: writes its path.
 */
bool tail_find(const char *folder, const char *collector, char path[108], struct trouble *trouble);

/* A stream of a NATS server, and as whom it is read. */
struct tail_stream {
    const char *url;
    const char *creds_file;
    const char *ca_file;   /* NULL: the system's */
    const char *cert_file; /* NULL: none; with its key */
    const char *key_file;
    const char *stream;
    const char *subject; /* NULL: all */
    uint64_t last;       /* begins so many messages before the end */
    bool follow;         /* else it ends where the stream does */
};

/* Shows the messages of a stream until the view is done, or there are no more. */
bool tail_stream(const struct tail_stream *from, struct tail_view *v, struct trouble *trouble);

#endif
