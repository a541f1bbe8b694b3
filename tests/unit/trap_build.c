/* SPDX-License-Identifier: Apache-2.0 */
#include "trap_build.h"

#include "unit.h"

#include <stdlib.h>

#include "decode/ber.h"
#include "decode/message.h"
#include "sr/buf.h"

#include "sr/banned.h"

/* Begins an element; its length is put in by end(). */
static size_t
begin(struct sr_buf *b, uint8_t type)
{
    sr_buf_put(b, type);
    sr_buf_put(b, 0x82);
    sr_buf_put(b, 0);
    sr_buf_put(b, 0);
    return b->len;
}

static void
end(struct sr_buf *b, size_t start)
{
    size_t len = b->len - start;

    assert_false(b->overflow);
    b->data[start - 2] = (uint8_t)(len >> 8);
    b->data[start - 1] = (uint8_t)len;
}

static void
add_number(struct sr_buf *b, uint8_t type, int number)
{
    size_t at = begin(b, type);

    sr_buf_put(b, (uint8_t)(number >> 16));
    sr_buf_put(b, (uint8_t)(number >> 8));
    sr_buf_put(b, (uint8_t)number);
    end(b, at);
}

static void
add_text(struct sr_buf *b, const char *text)
{
    size_t at = begin(b, BER_OCTET_STRING);

    sr_buf_add_text(b, text);
    end(b, at);
}

static void
add_oid(struct sr_buf *b, const char *text)
{
    size_t at = begin(b, BER_OBJECT_IDENTIFIER);
    unsigned long first = strtoul(text, (char **)&text, 10);

    sr_buf_put(b, (uint8_t)(40 * first + strtoul(text + 1, (char **)&text, 10)));
    while (*text == '.') {
        unsigned long arc = strtoul(text + 1, (char **)&text, 10);
        for (int shift = 28; shift > 0; shift -= 7) {
            if (arc >> shift != 0) {
                sr_buf_put(b, (uint8_t)(arc >> shift | 0x80));
            }
        }
        sr_buf_put(b, arc & 0x7f);
    }
    end(b, at);
}

static void
add_address(struct sr_buf *b, int last)
{
    size_t at = begin(b, BER_IP_ADDRESS);

    sr_buf_put(b, last > 0 ? 10 : 0);
    sr_buf_put(b, 0);
    sr_buf_put(b, 0);
    sr_buf_put(b, (uint8_t)last);
    end(b, at);
}

static const char *
or_else(const char *text, const char *instead)
{
    return text != NULL ? text : instead;
}

static void
add_varbinds(struct sr_buf *b, const struct trap_wanted *w)
{
    size_t list = begin(b, BER_SEQUENCE), one;

    if (w->version != 1) {
        one = begin(b, BER_SEQUENCE);
        add_oid(b, "1.3.6.1.2.1.1.3.0");
        add_number(b, BER_TIME_TICKS, w->uptime);
        end(b, one);
        one = begin(b, BER_SEQUENCE);
        add_oid(b, "1.3.6.1.6.3.1.1.4.1.0");
        add_oid(b, or_else(w->trap, "1.3.6.1.6.3.1.1.5.3"));
        end(b, one);
    }
    one = begin(b, BER_SEQUENCE);
    add_oid(b, or_else(w->object, "1.3.6.1.2.1.2.2.1.1.7"));
    add_number(b, BER_INTEGER, w->value);
    end(b, one);
    if (w->version != 1 && w->agent > 0) {
        one = begin(b, BER_SEQUENCE);
        add_oid(b, "1.3.6.1.6.3.18.1.3.0");
        add_address(b, w->agent);
        end(b, one);
    }
    if (w->padding > 0) {
        one = begin(b, BER_SEQUENCE);
        add_oid(b, "1.3.6.1.2.1.1.5.0");
        size_t text = begin(b, BER_OCTET_STRING);
        for (size_t i = 0; i < w->padding; i++) {
            sr_buf_put(b, 'x');
        }
        end(b, text);
        end(b, one);
    }
    end(b, list);
}

size_t
trap_build(const struct trap_wanted *w, uint8_t *out)
{
    struct sr_buf b = sr_buf_over(out, TRAP_BUILD_ROOM);
    size_t whole = begin(&b, BER_SEQUENCE);

    add_number(&b, BER_INTEGER, w->version == 1 ? TRAP_V1 : TRAP_V2C);
    add_text(&b, or_else(w->community, "public"));
    size_t pdu = begin(&b, w->version == 1 ? TRAP_PDU_TRAP_V1
                           : w->pdu != 0   ? w->pdu
                                           : TRAP_PDU_TRAP_V2);
    if (w->version == 1) {
        add_oid(&b, or_else(w->trap, "1.3.6.1.4.1.9"));
        add_address(&b, w->agent);
        add_number(&b, BER_INTEGER, 2); /* linkDown */
        add_number(&b, BER_INTEGER, 0);
        add_number(&b, BER_TIME_TICKS, w->uptime);
    } else {
        add_number(&b, BER_INTEGER, w->request);
        add_number(&b, BER_INTEGER, 0);
        add_number(&b, BER_INTEGER, 0);
    }
    add_varbinds(&b, w);
    end(&b, pdu);
    end(&b, whole);
    return b.len;
}
