/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of several dialects, each to the format that a listener reads it with. */
#include "stages.h"
#include "syslog.h"
#include "syslog_load.h"

#include "sr/banned.h"

#define STRICT "listeners.0.format=rfc5424"
#define BSD "listeners.0.format=rfc3164"
#define SMART "listeners.0.format=smart"
#define FRAMES 16U /* of one read */

const struct sr_program *const stages_program = &syslog_program;
const unsigned stages_sources = 8;

static const char *const strict[] = { STRICT, NULL };
static const char *const bsd[] = { BSD, NULL };
static const char *const smart[] = { SMART, NULL };
static const char *const enriched[] = { SMART, "enrich=true", NULL };
static const char *const stream[] = { "listeners.0.listen=tcp://127.0.0.1:6514", SMART, NULL };

static const char text_5424[] =
    "<165>1 2026-11-22T12:00:00.123456Z web-frontend-17.example.net httpd 24306 ID47 "
    "[request@32473 method=\"GET\" status=\"200\" bytes=\"14512\" client=\"198.51.100.23\"] "
    "GET /api/v1/devices?limit=100&offset=200 HTTP/1.1 served from cache in 12 ms by node 3 of 8";
static const char text_3164[] =
    "<134>Nov 22 12:00:00 web-frontend-17.example.net httpd[24306]: "
    "GET /api/v1/devices?limit=100&offset=200&sort=name&order=descending HTTP/1.1 served from "
    "cache in 12 ms by node 3 of 8; the client at 198.51.100.23 closed the connection after 17";
static const char text_ios[] =
    "<189>29: switch-17: *Nov 22 12:00:00.411 CET: %LINEPROTO-5-UPDOWN: Line protocol on "
    "Interface GigabitEthernet0/0/7, changed state to up";
static const char text_asa[] =
    "<166>Nov 22 2026 12:00:00 fw-17 : %ASA-6-302013: Built outbound TCP connection 1234567 for "
    "outside:198.51.100.23/443 (198.51.100.23/443) to inside:10.1.2.3/51234 (203.0.113.9/51234)";
static const char text_pairs[] =
    "<189>date=2026-11-22 time=12:00:00 devname=\"fw-17\" devid=\"FG100D3G12345678\" "
    "logid=\"0000000013\" type=\"traffic\" subtype=\"forward\" level=\"notice\" vd=\"root\" "
    "srcip=10.1.2.3 srcport=51234 srcintf=\"port1\" dstip=198.51.100.23 dstport=443 "
    "action=\"close\"";

static void
write_text(const struct stages_case *c, unsigned number, struct sr_buf *out)
{
    (void)number;
    sr_buf_add_text(out, c->text);
}

/* The message of the other measurements. */
static void
write_load(const struct stages_case *c, unsigned number, struct sr_buf *out)
{
    uint8_t *room = sr_buf_claim(out, SYSLOG_LOAD_SIZE);

    (void)c;
    syslog_load(room, number);
}

static void
write_frames(const struct stages_case *c, unsigned number, struct sr_buf *out)
{
    (void)c;
    for (unsigned i = 0; i < FRAMES; i++) {
        syslog_load_frame(sr_buf_claim(out, SYSLOG_FRAME_SIZE), number * FRAMES + i);
    }
}

#define TEXT(called, by, says)                                                                     \
    {                                                                                              \
        .name = (called), .sets = (by), .inputs = 1000, .records = 1, .text = (says),              \
        .write = write_text                                                                        \
    }
#define LOAD(called, by)                                                                           \
    {                                                                                              \
        .name = (called), .sets = (by), .inputs = 1000, .records = 1, .write = write_load          \
    }

const struct stages_case stages_cases[] = {
    TEXT("rfc5424", strict, text_5424),
    LOAD("rfc5424-256B", strict),
    TEXT("rfc3164", bsd, text_3164),
    TEXT("smart-rfc5424", smart, text_5424),
    LOAD("smart-256B", smart),
    TEXT("smart-rfc3164", smart, text_3164),
    TEXT("smart-ios", smart, text_ios),
    TEXT("smart-asa", smart, text_asa),
    TEXT("smart-pairs", smart, text_pairs),
    TEXT("smart-enrich", enriched, text_5424),
    { .name = "smart-tcp",
        .sets = stream,
        .inputs = 1000 / FRAMES,
        .records = FRAMES,
        .is_stream = true,
        .write = write_frames },
    { .name = NULL },
};
