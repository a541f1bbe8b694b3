/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/replay_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr/capture.h"

#include "sr/banned.h"

enum {
    PAYLOAD_MAX = 65527,    /* RFC 768: a 16-bit length that counts the header */
    STREAM_BYTES = 4 << 20, /* one piece of a capture that does not fit into memory */
    FIRST_BYTES = 1 << 20,
    FIRST_ENTRIES = 4096,
};

struct entry {
    size_t offset; /* into `bytes` */
    size_t len;
};

struct replay_source {
    const char *path;
    struct sr_peer from;
    bool filtered;
    struct sr_capture *capture; /* NULL once read to its end */
    uint8_t *bytes;
    size_t bytes_len;
    size_t bytes_cap;
    struct entry *entries;
    size_t entry_count;
    size_t entry_cap;
    size_t at;       /* the next entry to be taken */
    bool whole;      /* the entries are all there is in the capture */
    bool later_pass; /* skipped packets are counted in the first pass only */
    struct replay_skipped skipped;
    char message[SR_CAPTURE_MESSAGE_MAX];
};

static bool
grow(void **memory, size_t *cap, size_t first, size_t item)
{
    size_t larger = *cap == 0 ? first : *cap * 2;
    void *moved = realloc(*memory, larger * item);

    if (moved == NULL) {
        return false;
    }
    *memory = moved;
    *cap = larger;
    return true;
}

static bool
append(struct replay_source *source, struct sr_span payload)
{
    void *bytes = source->bytes;
    void *entries = source->entries;

    if (payload.len > source->bytes_cap - source->bytes_len) {
        if (!grow(&bytes, &source->bytes_cap, FIRST_BYTES, 1)) {
            return false;
        }
        source->bytes = bytes;
    }
    if (source->entry_count == source->entry_cap) {
        if (!grow(&entries, &source->entry_cap, FIRST_ENTRIES, sizeof(struct entry))) {
            return false;
        }
        source->entries = entries;
    }
    if (payload.len > 0) {
        memcpy(source->bytes + source->bytes_len, payload.data, payload.len);
    }
    source->entries[source->entry_count++] = (struct entry){ source->bytes_len, payload.len };
    source->bytes_len += payload.len;
    return true;
}

static bool
is_wanted(
    struct replay_source *source, const struct sr_captured *captured, struct sr_span *ret_payload)
{
    struct sr_packet packet;
    enum sr_packet_err err =
        sr_packet_walk(sr_capture_link_type(source->capture), captured->frame, &packet);

    if (err != SR_PACKET_OK) {
        source->skipped.by_reason[err] += !source->later_pass;
        return false;
    }
    if (source->filtered && (packet.source.is_v6 != source->from.is_v6 ||
                                memcmp(packet.source.address, source->from.address,
                                    sizeof(source->from.address)) != 0)) {
        source->skipped.other_source += !source->later_pass;
        return false;
    }
    *ret_payload = packet.payload;
    return true;
}

/* Replaces the entries by the next ones of the capture, as many as surely fit into `max` bytes. */
static void
load(struct replay_source *source, size_t max)
{
    struct sr_captured captured;
    struct sr_span payload;

    source->bytes_len = 0;
    source->entry_count = 0;
    source->at = 0;
    while (
        source->capture != NULL &&
        source->bytes_len + PAYLOAD_MAX + (source->entry_count + 1) * sizeof(struct entry) <= max) {
        enum sr_capture_err err = sr_capture_next(source->capture, &captured);

        if (err == SR_CAPTURE_OK) {
            if (is_wanted(source, &captured, &payload) && !append(source, payload)) {
                (void)snprintf(source->message, sizeof(source->message), "out of memory");
                err = SR_CAPTURE_ENOMEM;
            }
        } else if (err == SR_CAPTURE_EREAD) {
            (void)snprintf(source->message, sizeof(source->message), "%s",
                sr_capture_message(source->capture));
        }
        if (err != SR_CAPTURE_OK) {
            sr_capture_close(source->capture);
            source->capture = NULL;
        }
    }
}

bool
replay_source_open(const char *path, const struct sr_peer *from, size_t memory_max,
    struct replay_source **ret_source, char *message)
{
    struct replay_source *source = calloc(1, sizeof(*source));

    if (source == NULL) {
        (void)snprintf(message, SR_CAPTURE_MESSAGE_MAX, "out of memory");
        return false;
    }
    source->path = path;
    source->filtered = from != NULL;
    if (from != NULL) {
        source->from = *from;
    }
    if (sr_capture_open(path, &source->capture, message) != SR_CAPTURE_OK) {
        free(source);
        return false;
    }
    load(source, memory_max);
    source->whole = source->capture == NULL;
    *ret_source = source;
    return true;
}

size_t
replay_source_take(struct replay_source *source, struct sr_span *payloads, size_t max)
{
    size_t count = 0;

    if (source->at == source->entry_count && source->capture != NULL) {
        load(source, STREAM_BYTES);
    }
    while (count < max && source->at < source->entry_count) {
        const struct entry *entry = &source->entries[source->at++];

        payloads[count++] = (struct sr_span){ source->bytes + entry->offset, entry->len };
    }
    return count;
}

bool
replay_source_rewind(struct replay_source *source)
{
    if (source->whole) {
        source->at = 0;
        return true;
    }
    if (strcmp(source->path, "-") == 0) {
        (void)snprintf(source->message, sizeof(source->message),
            "standard input does not fit into memory and cannot be repeated: give a file");
        return false;
    }
    sr_capture_close(source->capture);
    source->capture = NULL;
    source->later_pass = true;
    source->entry_count = 0;
    source->at = 0;
    return sr_capture_open(source->path, &source->capture, source->message) == SR_CAPTURE_OK;
}

const char *
replay_source_message(const struct replay_source *source)
{
    return source->message;
}

const struct replay_skipped *
replay_source_skipped(const struct replay_source *source)
{
    return &source->skipped;
}

void
replay_source_close(struct replay_source *source)
{
    if (source == NULL) {
        return;
    }
    sr_capture_close(source->capture);
    free(source->bytes);
    free(source->entries);
    free(source);
}
