/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/replay_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "replay/replay_sources.h"
#include "replay/replay_times.h"
#include "send/send.h"
#include "sr/capture.h"

#include "sr/banned.h"

enum {
    PAYLOAD_MAX = 65527,    /* RFC 768: a 16-bit length that counts the header */
    STREAM_BYTES = 4 << 20, /* one piece of captures that do not fit into memory */
    FIRST_BYTES = 1 << 20,
    FIRST_ENTRIES = 4096,
};

struct entry {
    size_t offset; /* into `bytes` */
    uint64_t time_ns;
    uint32_t len;
    uint32_t source;
    uint16_t port;
};

struct replay_source {
    struct replay_load load;
    struct replay_sources *sources;
    struct sr_capture *capture; /* NULL once read to its end */
    size_t next_path;
    struct replay_times times;
    uint8_t *bytes;
    size_t bytes_len;
    size_t bytes_cap;
    struct entry *entries;
    size_t entry_count;
    size_t entry_cap;
    size_t at;      /* the next entry to be taken */
    uint64_t count; /* messages of a whole pass; 0: not known */
    uint64_t read;  /* in this pass */
    bool whole;     /* the entries are all there is in the captures */
    bool later;     /* skipped packets are counted in the first pass only */
    struct replay_skipped skipped;
    uint32_t link_type;
    char message[SR_CAPTURE_MESSAGE_MAX];
};

/* ---- Memory ---- */

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
append(struct replay_source *source, const struct replay_message *message)
{
    void *bytes = source->bytes;
    void *entries = source->entries;

    if (message->bytes.len > source->bytes_cap - source->bytes_len) {
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
    if (message->bytes.len > 0) {
        memcpy(source->bytes + source->bytes_len, message->bytes.data, message->bytes.len);
    }
    source->entries[source->entry_count++] = (struct entry){
        .offset = source->bytes_len,
        .time_ns = message->time_ns,
        .len = (uint32_t)message->bytes.len,
        .source = message->source,
        .port = message->port,
    };
    source->bytes_len += message->bytes.len;
    return true;
}

/* ---- Captures ---- */

/* Opens the next file; false at the end of all, or when it cannot be opened (`message`). */
static bool
open_next(struct replay_source *source, char *message)
{
    if (source->next_path == source->load.path_count ||
        sr_capture_open(source->load.paths[source->next_path], &source->capture, message) !=
            SR_CAPTURE_OK) {
        return false;
    }
    source->next_path++;
    replay_times_begin_file(&source->times);
    return true;
}

static void
begin_pass(struct replay_source *source)
{
    sr_capture_close(source->capture);
    source->capture = NULL;
    source->next_path = 0;
    source->times = (struct replay_times){ 0 };
    source->read = 0;
    source->entry_count = 0;
    source->at = 0;
}

static bool
is_wanted(struct replay_source *source, const struct sr_captured *captured,
    struct replay_message *ret_message)
{
    uint32_t link_type = sr_capture_link_type(source->capture);
    const struct sr_peer *from = source->load.from;
    struct sr_packet packet;
    enum sr_packet_err err = sr_packet_walk(link_type, captured->frame, &packet);

    if (err == SR_PACKET_ELINK && source->skipped.by_reason[err] == 0) {
        source->link_type = link_type;
    }
    if (err != SR_PACKET_OK) {
        source->skipped.by_reason[err] += !source->later;
        return false;
    }
    if (from != NULL &&
        (packet.source.is_v6 != from->is_v6 ||
            memcmp(packet.source.address, from->address, sizeof(from->address)) != 0)) {
        source->skipped.other_source += !source->later;
        return false;
    }
    *ret_message = (struct replay_message){
        .bytes = packet.payload,
        .time_ns = replay_times_next(&source->times, captured->time_ns),
        .source = replay_sources_number(source->sources, &packet.source),
        .port = packet.destination.port,
    };
    return true;
}

/* The first thing that went wrong is what is told. */
static void
keep_message(struct replay_source *source, const char *text)
{
    if (source->message[0] == '\0') {
        (void)snprintf(source->message, sizeof(source->message), "%s", text);
    }
}

static bool
is_stopped(const struct replay_source *source)
{
    return source->load.stop != NULL && *source->load.stop != 0;
}

/* The next wanted datagram of any file; false at the end of all, or when a signal ends it. */
static bool
read_one(struct replay_source *source, struct replay_message *ret_message)
{
    /* Looked at for each packet: there may be GiB of them that nobody wants. */
    while (!is_stopped(source)) {
        struct sr_captured captured;
        char message[SR_CAPTURE_MESSAGE_MAX] = "";
        enum sr_capture_err err;

        if (source->capture == NULL && !open_next(source, message)) {
            if (!is_stopped(source)) {
                keep_message(source, message);
            }
            return false;
        }
        err = sr_capture_next(source->capture, &captured);
        if (err == SR_CAPTURE_OK) {
            if (is_wanted(source, &captured, ret_message)) {
                source->read++;
                return true;
            }
            continue;
        }
        /* What the other files hold is sent all the same. */
        if (err == SR_CAPTURE_EREAD && !is_stopped(source)) {
            keep_message(source, sr_capture_message(source->capture));
        }
        sr_capture_close(source->capture);
        source->capture = NULL;
    }
    return false;
}

/*
 * Replaces the entries by the next ones, as many as surely fit into `max` bytes. Returns false at
 * the end of all captures.
 */
static bool
load_piece(struct replay_source *source, size_t max)
{
    struct replay_message message;

    source->bytes_len = 0;
    source->entry_count = 0;
    source->at = 0;
    while (
        source->bytes_len + PAYLOAD_MAX + (source->entry_count + 1) * sizeof(struct entry) <= max) {
        if (!read_one(source, &message)) {
            source->count = source->read;
            return false;
        }
        if (!append(source, &message)) {
            keep_message(source, "out of memory");
            return false;
        }
    }
    return true;
}

static bool
is_stdin(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* A pipe, as that of `<(zcat x.pcap.gz)`, gives its bytes to who opens it first. */
static bool
is_read_once(const char *path)
{
    struct stat status;

    return is_stdin(path) ||
           (stat(path, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)));
}

/*
 * Whether all inputs can be read a second time; else `message` says which cannot, and `why` that
 * has to be.
 */
static bool
can_repeat(const struct replay_load *load, const char *why, char *message)
{
    for (size_t i = 0; i < load->path_count; i++) {
        const char *path = load->paths[i];

        if (is_read_once(path)) {
            (void)snprintf(message, SR_CAPTURE_MESSAGE_MAX,
                "%.200s does not fit into memory%s: give a file",
                is_stdin(path) ? "standard input" : path, why);
            return false;
        }
    }
    return true;
}

/* Reads to the end for the sources alone. */
static bool
look_ahead(struct replay_source *source, char *message)
{
    struct replay_message ignored;

    if (!can_repeat(&source->load, ", and its sources have to be known first", message)) {
        return false;
    }
    while (read_one(source, &ignored)) {
    }
    source->count = source->read;
    source->later = true;
    begin_pass(source);
    return true;
}

/* Whether all files can be opened, as far as that can be seen without reading from a pipe. */
static bool
check_paths(const struct replay_load *load, char *message)
{
    size_t inputs = 0;

    for (size_t i = 0; i < load->path_count; i++) {
        struct sr_capture *capture;

        if (is_read_once(load->paths[i])) {
            inputs += is_stdin(load->paths[i]);
        } else if (sr_capture_open(load->paths[i], &capture, message) == SR_CAPTURE_OK) {
            sr_capture_close(capture);
        } else {
            return false;
        }
    }
    if (inputs > 1) {
        (void)snprintf(
            message, SR_CAPTURE_MESSAGE_MAX, "standard input can be read once: name '-' once");
    }
    return inputs <= 1;
}

static bool
load_first(struct replay_source *source, char *message)
{
    source->sources = replay_sources_new(source->load.by_address, SEND_SOURCES_MAX);
    if (source->sources == NULL) {
        (void)snprintf(message, SR_CAPTURE_MESSAGE_MAX, "out of memory");
        return false;
    }
    /* A pipe that brings no capture is told now; files were looked at. */
    if (!open_next(source, message)) {
        return false;
    }
    source->whole = !load_piece(source, source->load.memory_max);
    return source->whole || !source->load.needs_sources || look_ahead(source, message);
}

bool
replay_source_open(const struct replay_load *load, struct replay_source **ret_source, char *message)
{
    struct replay_source *source;

    if (!check_paths(load, message)) {
        return false;
    }
    source = calloc(1, sizeof(*source));
    if (source == NULL) {
        (void)snprintf(message, SR_CAPTURE_MESSAGE_MAX, "out of memory");
        return false;
    }
    source->load = *load;
    if (!load_first(source, message)) {
        replay_source_close(source);
        return false;
    }
    *ret_source = source;
    return true;
}

size_t
replay_source_take(
    struct replay_source *source, struct replay_message *messages, size_t max, uint64_t span_ns)
{
    size_t count = 0;

    if (source->at == source->entry_count && !source->whole) {
        (void)load_piece(source, STREAM_BYTES);
    }
    while (count < max && source->at < source->entry_count) {
        const struct entry *entry = &source->entries[source->at];

        if (count > 0 && entry->time_ns - messages[0].time_ns > span_ns) {
            break;
        }
        messages[count++] = (struct replay_message){
            .bytes = { source->bytes + entry->offset, entry->len },
            .time_ns = entry->time_ns,
            .source = entry->source,
            .port = entry->port,
        };
        source->at++;
    }
    return count;
}

bool
replay_source_peek(struct replay_source *source, struct replay_message *ret_message)
{
    if (replay_source_take(source, ret_message, 1, 0) == 0) {
        return false;
    }
    source->at--;
    return true;
}

bool
replay_source_rewind(struct replay_source *source)
{
    char message[SR_CAPTURE_MESSAGE_MAX];

    if (source->whole) {
        source->at = 0;
        return true;
    }
    if (!can_repeat(&source->load, " and cannot be repeated", message)) {
        keep_message(source, message);
        return false;
    }
    source->later = true;
    begin_pass(source);
    return open_next(source, source->message);
}

uint64_t
replay_source_count(const struct replay_source *source)
{
    return source->count;
}

const struct replay_sources *
replay_source_sources(const struct replay_source *source)
{
    return source->sources;
}

uint32_t
replay_source_link_type(const struct replay_source *source)
{
    return source->link_type;
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
    replay_sources_free(source->sources);
    free(source->bytes);
    free(source->entries);
    free(source);
}
