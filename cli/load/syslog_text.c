/* SPDX-License-Identifier: Apache-2.0 */
#include "load/syslog_text.h"

#include <string.h>

#include "load/mark.h"
#include "sr/buf.h"

#include "sr/banned.h"

#define RFC3339_LEN 27U
#define RFC3164_LEN 15U
#define CISCO_LEN 19U
#define FACILITY 16U /* local0; variants have it and the next three */
#define FACILITIES 4U

/* Room for the longest head and tail with the longest names. */
#define SCRATCH 1024U

struct draft {
    const struct syslog_load *load;
    struct syslog_template *t;
    struct sr_buf b;
    size_t variant;
    bool is_short; /* only what is valid */
};

static void
put_place(struct draft *d, size_t *ret_place, size_t len)
{
    uint8_t *place = sr_buf_claim(&d->b, len);

    *ret_place = d->b.len - len;
    if (place != NULL) {
        memset(place, '0', len);
    }
}

static void
put_priority(struct draft *d)
{
    const struct syslog_load *l = d->load;
    const unsigned severity = l->severities[d->variant % l->severity_count];
    const unsigned facility = FACILITY + (unsigned)(d->variant % FACILITIES);

    sr_buf_put(&d->b, '<');
    sr_buf_add_u64(&d->b, facility * 8 + severity);
    sr_buf_put(&d->b, '>');
}

static void
put_host(struct draft *d)
{
    sr_buf_add_text(&d->b, d->load->host_prefix);
    put_place(d, &d->t->host, SYSLOG_HOST_DIGITS);
}

static void
put_mark(struct draft *d)
{
    put_place(d, &d->t->mark, MARK_TEXT_LEN);
}

static void
put_app(struct draft *d)
{
    sr_buf_add_text(&d->b, d->load->apps[d->variant % d->load->app_count]);
}

/* RFC 5424 section 6.2 up to the MSGID. */
static void
put_header_5424(struct draft *d)
{
    put_priority(d);
    sr_buf_add_text(&d->b, "1 ");
    put_place(d, &d->t->time, RFC3339_LEN);
    sr_buf_put(&d->b, ' ');
    put_host(d);
    if (d->is_short) {
        sr_buf_add_text(&d->b, " - - - ");
        return;
    }
    sr_buf_put(&d->b, ' ');
    put_app(d);
    sr_buf_put(&d->b, ' ');
    sr_buf_add_u64(&d->b, 4242 + d->variant);
    sr_buf_add_text(&d->b, " ID47 ");
}

/* RFC 3164 section 4.1 up to the tag. */
static void
put_header_3164(struct draft *d)
{
    put_priority(d);
    put_place(d, &d->t->time, RFC3164_LEN);
    sr_buf_put(&d->b, ' ');
    put_host(d);
    sr_buf_put(&d->b, ' ');
}

static void
put_rfc5424(struct draft *d)
{
    put_header_5424(d);
    sr_buf_add_text(&d->b,
        d->is_short ? "- " : "[origin@32473 site=\"north\" unit=\"edge-24\" note=\"a\\\"b\"] ");
    put_mark(d);
}

static void
put_rfc3164(struct draft *d)
{
    put_header_3164(d);
    if (d->is_short) {
        sr_buf_add_text(&d->b, "a: ");
    } else {
        put_app(d);
        sr_buf_put(&d->b, '[');
        sr_buf_add_u64(&d->b, 4242 + d->variant);
        sr_buf_add_text(&d->b, "]: ");
    }
    put_mark(d);
}

static void
put_cisco(struct draft *d)
{
    put_priority(d);
    sr_buf_add_u64(&d->b, 1000 + d->variant);
    sr_buf_add_text(&d->b, ": ");
    put_host(d);
    sr_buf_add_text(&d->b, ": *");
    put_place(d, &d->t->time, CISCO_LEN);
    if (!d->b.overflow) {
        d->b.data[d->t->time + RFC3164_LEN] = '.';
    }
    sr_buf_add_text(&d->b, d->is_short ? ": %SYS-5-RELOAD: " : ": %LINEPROTO-5-UPDOWN: ");
    put_mark(d);
    if (!d->is_short) {
        sr_buf_add_text(
            &d->b, " Line protocol on Interface GigabitEthernet1/0/24, changed state to up");
    }
}

/* The mark is in the name: in the extension its '=' would have to be escaped. */
static void
put_cef(struct draft *d)
{
    put_header_3164(d);
    sr_buf_add_text(&d->b, d->is_short ? "CEF:0|E|G|1|1|" : "CEF:0|Example|Gateway|4.2|100|");
    put_mark(d);
    sr_buf_add_text(&d->b, d->is_short
                               ? "|5|msg="
                               : " connection denied|5|src=10.1.2.3 dst=192.0.2.1 spt=51515 "
                                 "dpt=443 proto=TCP act=deny msg=");
}

static void
put_json(struct draft *d)
{
    put_header_5424(d);
    sr_buf_add_text(&d->b, "- {\"mark\":\"");
    put_mark(d);
    if (!d->is_short) {
        sr_buf_add_text(&d->b, "\",\"level\":\"info\",\"user\":\"alice\",\"ok\":true,"
                               "\"took_ms\":17.5,\"detail\":\"");
    }
}

static void
put_head(struct draft *d, enum syslog_style style)
{
    switch (style) {
    case STYLE_RFC5424: put_rfc5424(d); break;
    case STYLE_RFC3164: put_rfc3164(d); break;
    case STYLE_CISCO: put_cisco(d); break;
    case STYLE_CEF: put_cef(d); break;
    case STYLE_JSON: put_json(d); break;
    case STYLE_COUNT: break;
    }
}

static const char *
tail_of(enum syslog_style style)
{
    return style == STYLE_JSON ? "\"}" : "";
}

/* Words up to the end; a blank would be cut off there. */
static void
put_words(struct sr_buf *b, size_t len)
{
    static const char words[] = " an application event with some words in it";
    size_t left = len;

    while (left > 0) {
        const size_t part = left < sizeof(words) - 1 ? left : sizeof(words) - 1;
        sr_buf_add(b, words, part);
        left -= part;
    }
    if (len > 0 && b->data[b->len - 1] == ' ') {
        b->data[b->len - 1] = '.';
    }
}

size_t
syslog_least(const struct syslog_load *load, enum syslog_style style)
{
    size_t least = 0;

    for (size_t v = 0; v < SYSLOG_VARIANTS; v++) {
        uint8_t scratch[SCRATCH];
        struct syslog_template t;
        struct draft d = { load, &t, sr_buf_over(scratch, sizeof(scratch)), v, true };
        put_head(&d, style);
        const size_t len = d.b.len + strlen(tail_of(style));
        least = len > least ? len : least;
    }
    return least;
}

void
syslog_write_text(const struct syslog_load *load, enum syslog_style style, size_t variant,
    size_t size, uint8_t *out, struct syslog_template *t)
{
    const char *tail = tail_of(style);
    struct draft d = { load, t, sr_buf_over(out, size), variant, false };

    put_head(&d, style);
    if (d.b.overflow || d.b.len + strlen(tail) > size) {
        d.is_short = true;
        d.b = sr_buf_over(out, size);
        put_head(&d, style);
    }
    put_words(&d.b, size - strlen(tail) - d.b.len);
    sr_buf_add_text(&d.b, tail);
    t->len = d.b.len;
}
