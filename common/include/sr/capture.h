/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_CAPTURE_H_INCLUDED
#define SR_CAPTURE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/* Longest sentence about a capture, with its NUL. */
#define SR_CAPTURE_MESSAGE_MAX 512

struct sr_capture;

enum sr_capture_err {
    SR_CAPTURE_OK,
    SR_CAPTURE_END,     /* no more packets */
    SR_CAPTURE_EOPEN,   /* the file cannot be opened */
    SR_CAPTURE_EFORMAT, /* it is not a capture */
    SR_CAPTURE_EREAD,   /* it ends within a packet, or cannot be read on */
    SR_CAPTURE_ENOMEM,
};

/* One captured frame. */
struct sr_captured {
    uint64_t time_ns;     /* since 1970-01-01 UTC; 0 when the capture's time cannot be held */
    struct sr_span frame; /* borrowed until the next call on the capture */
    size_t wire_len;      /* bytes on the wire; more than frame.len when the capture was cut */
};

/*
 * Opens the pcap or pcapng file at `path`; "-" is standard input, which closing then leaves open.
 * On success the capture is owned by the caller, who ends it with sr_capture_close. On an error
 * `message` (SR_CAPTURE_MESSAGE_MAX bytes) holds a sentence that names the file.
 */
enum sr_capture_err sr_capture_open(
    const char *path, struct sr_capture **ret_capture, char *message);

/*
 * The next frame. SR_CAPTURE_END or SR_CAPTURE_EREAD end the capture for good; after the latter
 * sr_capture_message says how far it was readable.
 */
enum sr_capture_err sr_capture_next(struct sr_capture *capture, struct sr_captured *ret_captured);

/* The link type of all frames, for sr_packet_walk. */
uint32_t sr_capture_link_type(const struct sr_capture *capture);

/* A sentence about the last SR_CAPTURE_EREAD, or "". Borrowed from the capture. */
const char *sr_capture_message(const struct sr_capture *capture);

/* Closes and frees; NULL is allowed. */
void sr_capture_close(struct sr_capture *capture);

/* A few words for `err`; the messages above say more. */
const char *sr_capture_strerror(enum sr_capture_err err);

#endif
