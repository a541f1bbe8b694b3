/* SPDX-License-Identifier: Apache-2.0 */
#include "syslog_fuzz.h"

#include "decode/rfc3164.h"
#include "line_sink.h"

#include "sr/banned.h"

void
syslog_fuzz(enum syslog_format format, const uint8_t *data, size_t size)
{
    static struct syslog_scratch scratch;
    struct line_sink sink = { .raw = { data, size } };
    const struct sr_peer peer = { .address = { 192, 0, 2, 9 } };
    const struct syslog_decode cfg = {
        .format = format,
        .partition = { (const uint8_t *)"default", 7 },
        .local = RFC3164_UTC,
        .scratch = &scratch,
    };
    const struct sr_emit emit = line_sink_emit(&sink);

    enum sr_verdict verdict =
        sr_syslog_datagram(&cfg, UINT64_C(1795348800000000000), &peer, sink.raw, &emit);
    line_sink_end(&sink, verdict);
}
