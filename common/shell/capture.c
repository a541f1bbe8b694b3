/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "sr/banned.h"

#define NS_PER_SECOND 1000000000U

struct sr_capture {
    pcap_t *pcap;
    char *name; /* for messages */
    uint64_t packets;
    char message[SR_CAPTURE_MESSAGE_MAX];
};

/* libpcap closes its stream with the capture: for standard input it gets a descriptor of its own.
 */
static FILE *
open_stream(const char *path)
{
    FILE *stream;
    int fd;

    if (strcmp(path, "-") != 0) {
        return fopen(path, "rbe");
    }
    fd = dup(STDIN_FILENO);
    if (fd < 0) {
        return NULL;
    }
    stream = fdopen(fd, "rb");
    if (stream == NULL) {
        close(fd);
    }
    return stream;
}

static void
say(char *message, const char *name, const char *why)
{
    (void)snprintf(message, SR_CAPTURE_MESSAGE_MAX, "cannot read %s: %s", name, why);
}

static enum sr_capture_err
open_pcap(FILE *stream, struct sr_capture *capture, char *message)
{
    char why[PCAP_ERRBUF_SIZE] = "";

    capture->pcap =
        pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, why);
    if (capture->pcap == NULL) {
        /* A directory opens, but does not read. */
        if (ferror(stream)) {
            say(message, capture->name, strerror(errno));
        } else {
            (void)snprintf(message, SR_CAPTURE_MESSAGE_MAX,
                "cannot read %.200s: %.200s; captures are pcap or pcapng files, not compressed",
                capture->name, why);
        }
        fclose(stream);
        return SR_CAPTURE_EFORMAT;
    }
    return SR_CAPTURE_OK;
}

enum sr_capture_err
sr_capture_open(const char *path, struct sr_capture **ret_capture, char *message)
{
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    struct sr_capture *capture = calloc(1, sizeof(*capture));
    enum sr_capture_err err = SR_CAPTURE_ENOMEM;
    FILE *stream;

    if (capture == NULL || (capture->name = strdup(name)) == NULL) {
        say(message, name, "out of memory");
        goto fail;
    }
    stream = open_stream(path);
    if (stream == NULL) {
        say(message, name, strerror(errno));
        err = SR_CAPTURE_EOPEN;
        goto fail;
    }
    err = open_pcap(stream, capture, message);
    if (err != SR_CAPTURE_OK) {
        goto fail;
    }
    *ret_capture = capture;
    return SR_CAPTURE_OK;
fail:
    sr_capture_close(capture);
    return err;
}

/* The file's fields are not to be trusted: a pcapng time can lie far outside of 64 bits of ns. */
static uint64_t
time_in_ns(const struct timeval *tv)
{
    uint64_t seconds = (uint64_t)tv->tv_sec;
    uint64_t ns = (uint64_t)tv->tv_usec; /* nanoseconds, as asked for when opening */

    if (tv->tv_sec < 0 || tv->tv_usec < 0 || ns >= NS_PER_SECOND ||
        seconds >= UINT64_MAX / NS_PER_SECOND) {
        return 0;
    }
    return seconds * NS_PER_SECOND + ns;
}

enum sr_capture_err
sr_capture_next(struct sr_capture *capture, struct sr_captured *ret_captured)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    int rc = pcap_next_ex(capture->pcap, &header, &data);

    if (rc == PCAP_ERROR_BREAK) {
        return SR_CAPTURE_END;
    }
    if (rc != 1) {
        (void)snprintf(capture->message, sizeof(capture->message),
            "cannot read %s: %.300s; %llu packets read before", capture->name,
            pcap_geterr(capture->pcap), (unsigned long long)capture->packets);
        return SR_CAPTURE_EREAD;
    }
    capture->packets++;
    *ret_captured = (struct sr_captured){
        .time_ns = time_in_ns(&header->ts),
        .frame = { data, header->caplen },
        .wire_len = header->len,
    };
    return SR_CAPTURE_OK;
}

uint32_t
sr_capture_link_type(const struct sr_capture *capture)
{
    return (uint32_t)pcap_datalink(capture->pcap);
}

const char *
sr_capture_message(const struct sr_capture *capture)
{
    return capture->message;
}

void
sr_capture_close(struct sr_capture *capture)
{
    if (capture == NULL) {
        return;
    }
    if (capture->pcap != NULL) {
        pcap_close(capture->pcap);
    }
    free(capture->name);
    free(capture);
}

const char *
sr_capture_strerror(enum sr_capture_err err)
{
    switch (err) {
    case SR_CAPTURE_OK: return "ok";
    case SR_CAPTURE_END: return "no more packets";
    case SR_CAPTURE_EOPEN: return "the file cannot be opened";
    case SR_CAPTURE_EFORMAT: return "the file is not a capture";
    case SR_CAPTURE_EREAD: return "the capture cannot be read to its end";
    case SR_CAPTURE_ENOMEM: return "out of memory";
    }
    return "unknown error";
}
