/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/decode_cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sr/buf.h"
#include "sr/capture.h"
#include "sr/json.h"
#include "sr/packet.h"

#include "sr/banned.h"

enum {
    RECORD_MAX = 1 << 20, /* twice what a collector may encode (512 KiB) */
    RAW_MAX = 262144,     /* libpcap's largest frame on the links we know */
    LINE_MAX_BYTES = 2 * RAW_MAX + 1024,
    OUTPUT_BUFFER = 1 << 18,
    REASONS_MAX = 64,
    REASON_LEN = 48,
};

struct reason {
    char word[REASON_LEN];
    uint64_t count;
};

struct reasons {
    struct reason items[REASONS_MAX];
    size_t count;
};

static const char too_large[] = "too_large";

struct run {
    const struct sr_decoder *decoder;
    FILE *out;
    uint8_t *record; /* RECORD_MAX bytes */
    uint8_t *line;   /* LINE_MAX_BYTES bytes */
    uint8_t *output; /* OUTPUT_BUFFER bytes, of which `output_len` wait to be written */
    size_t output_len;
    int write_errno; /* of the first write that failed */
    uint64_t packets;
    uint64_t datagrams;
    uint64_t records;
    struct reasons errors;   /* inputs */
    struct reasons consumed; /* inputs */
    struct reasons lost;     /* records */
    const char *refused;     /* why, of this input; NULL: it is not */
};

static void
count_reason(struct reasons *r, const char *word, uint64_t n)
{
    size_t i = 0;

    while (i < r->count && strncmp(r->items[i].word, word, REASON_LEN - 1) != 0) {
        i++;
    }
    if (i == REASONS_MAX) {
        /* Reasons are the words of an enum; should there be too many, the last one takes them. */
        i = REASONS_MAX - 1;
    } else if (i == r->count) {
        r->count++;
        (void)snprintf(r->items[i].word, REASON_LEN, "%s", i == REASONS_MAX - 1 ? "other" : word);
    }
    r->items[i].count += n;
}

static void
write_out(struct run *run, const uint8_t *data, size_t len)
{
    if (run->write_errno == 0 && fwrite(data, 1, len, run->out) != len) {
        run->write_errno = errno != 0 ? errno : EIO;
    }
}

static void
flush(struct run *run)
{
    write_out(run, run->output, run->output_len);
    run->output_len = 0;
    if (run->write_errno == 0 && fflush(run->out) != 0) {
        run->write_errno = errno != 0 ? errno : EIO;
    }
}

/* Collects output, since stdio's own buffer cannot be enlarged and given back again. */
static void
write_bytes(struct run *run, const uint8_t *data, size_t len)
{
    if (len > OUTPUT_BUFFER - run->output_len) {
        write_out(run, run->output, run->output_len);
        run->output_len = 0;
    }
    if (len > OUTPUT_BUFFER) {
        write_out(run, data, len);
        return;
    }
    memcpy(run->output + run->output_len, data, len);
    run->output_len += len;
}

static void
write_error(struct run *run, const char *reason, const char *source, struct sr_span raw)
{
    struct sr_buf b = sr_buf_over(run->line, LINE_MAX_BYTES);

    raw.len = raw.len < RAW_MAX ? raw.len : RAW_MAX;
    count_reason(&run->errors, reason, 1);
    sr_buf_add_text(&b, "{\"error\":");
    sr_json_text(&b, reason);
    sr_buf_add_text(&b, ",\"raw\":\"");
    sr_buf_add_hex(&b, raw);
    sr_buf_add_text(&b, "\",\"source\":");
    sr_json_text(&b, source);
    sr_buf_add_text(&b, "}\n");
    write_bytes(run, b.data, b.len);
}

static uint8_t *
emit_reserve(void *arg, size_t max)
{
    struct run *run = arg;

    return max <= RECORD_MAX ? run->record : NULL;
}

static void
emit_commit(void *arg, size_t len, uint32_t records)
{
    struct run *run = arg;

    run->records += records;
    write_bytes(run, run->record, len);
    if (len > 0 && run->record[len - 1] != '\n') {
        write_bytes(run, (const uint8_t *)"\n", 1);
    }
}

static void
emit_deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    char source[SR_PEER_TEXT_MAX];

    (void)now_ns;
    (void)sr_peer_text(peer, source);
    write_error(arg, reason, source, raw);
}

static void
emit_consumed(void *arg, const char *reason)
{
    struct run *run = arg;

    count_reason(&run->consumed, reason, 1);
}

static void
emit_refused(void *arg, const char *reason)
{
    struct run *run = arg;

    run->refused = reason;
}

static void
emit_lost(void *arg, const char *reason, uint32_t records)
{
    struct run *run = arg;

    count_reason(&run->lost, reason != NULL ? reason : too_large, records);
}

static void
emit_explain(void *arg, struct sr_span json)
{
    struct run *run = arg;

    write_bytes(run, (const uint8_t *)"{\"explain\":", 11);
    write_bytes(run, json.data, json.len);
    write_bytes(run, (const uint8_t *)"}\n", 2);
}

static void
take_frame(struct run *run, const struct sr_emit *emit, uint32_t link_type,
    const struct sr_captured *captured)
{
    struct sr_packet packet;
    enum sr_packet_err err = sr_packet_walk(link_type, captured->frame, &packet);
    char source[SR_PEER_TEXT_MAX] = "";

    run->packets++;
    if (packet.has_addresses) {
        (void)sr_peer_text(&packet.source, source);
    }
    if (err != SR_PACKET_OK) {
        write_error(
            run, sr_packet_reason(err), source, packet.ip.len > 0 ? packet.ip : captured->frame);
        return;
    }
    run->datagrams++;
    run->refused = NULL;
    enum sr_verdict verdict = run->decoder->datagram(
        run->decoder->arg, captured->time_ns, &packet.source, packet.payload, emit);
    if (verdict == SR_FULL) {
        write_error(run, too_large, source, packet.payload);
    } else if (verdict == SR_REFUSED && run->refused != NULL) {
        write_error(run, run->refused, source, packet.payload);
    }
}

/* All packets of `capture`; false when it could not be read to its end. */
static bool
take_capture(struct run *run, struct sr_capture *capture, bool live)
{
    struct sr_emit emit = {
        .arg = run,
        .reserve = emit_reserve,
        .commit = emit_commit,
        .deadletter = emit_deadletter,
        .consumed = emit_consumed,
        .refused = emit_refused,
        .lost = emit_lost,
        .explain = run->decoder->explain ? emit_explain : NULL,
    };
    uint32_t link_type = sr_capture_link_type(capture);
    enum sr_capture_err err = SR_CAPTURE_END;
    struct sr_captured captured = { 0 };

    while (run->write_errno == 0 && (err = sr_capture_next(capture, &captured)) == SR_CAPTURE_OK) {
        take_frame(run, &emit, link_type, &captured);
        if (live) {
            flush(run);
        }
    }
    if (run->decoder->finish != NULL) {
        run->decoder->finish(run->decoder->arg, captured.time_ns, &emit);
    }
    flush(run);
    return err != SR_CAPTURE_EREAD;
}

static void
write_reasons(const char *name, const struct reasons *r, FILE *err)
{
    fprintf(err, ",\"%s\":{", name);
    for (size_t i = 0; i < r->count; i++) {
        fprintf(err, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", r->items[i].word, r->items[i].count);
    }
    fputs("}", err);
}

static void
write_counters(const struct run *run, FILE *err)
{
    fprintf(err, "{\"packets\":%" PRIu64 ",\"datagrams\":%" PRIu64 ",\"records\":%" PRIu64,
        run->packets, run->datagrams, run->records);
    write_reasons("errors", &run->errors, err);
    if (run->consumed.count > 0) {
        write_reasons("consumed", &run->consumed, err);
    }
    if (run->lost.count > 0) {
        write_reasons("lost", &run->lost, err);
    }
    fputs("}\n", err);
}

static int
run_over(struct run *run, const char *path, FILE *err)
{
    bool live = strcmp(path, "-") == 0 || isatty(fileno(run->out));
    char message[SR_CAPTURE_MESSAGE_MAX] = "";
    struct sr_capture *capture;
    int code = 0;

    if (sr_capture_open(path, &capture, message) != SR_CAPTURE_OK) {
        fprintf(err, "%s\n", message);
        return 1;
    }
    if (!take_capture(run, capture, live)) {
        fprintf(err, "%s\n", sr_capture_message(capture));
        code = 1;
    }
    if (run->write_errno != 0) {
        fprintf(err, "cannot write the records: %s\n", strerror(run->write_errno));
        code = 1;
    }
    write_counters(run, err);
    sr_capture_close(capture);
    return code;
}

int
sr_decode_run(const char *path, const struct sr_decoder *decoder, FILE *out, FILE *err)
{
    struct run run = { .decoder = decoder, .out = out };
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    int code = 1;

    /* Not undone: stdio writes what is left once more when the process ends. */
    (void)sigaction(SIGPIPE, &ignore, NULL);
    run.record = malloc(RECORD_MAX);
    run.line = malloc(LINE_MAX_BYTES);
    run.output = malloc(OUTPUT_BUFFER);
    if (run.record == NULL || run.line == NULL || run.output == NULL) {
        fputs("cannot decode: out of memory\n", err);
    } else {
        code = run_over(&run, path, err);
    }
    free(run.record);
    free(run.line);
    free(run.output);
    return code;
}
