/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/shown.h"

#include <string.h>

#include "decode/hint.h"
#include "decode/identifier.h"
#include "sr/json.h"

#include "sr/banned.h"

enum {
    BITS_OCTETS_MAX = 32,   /* longer values are shown as octets: each bit is looked up */
    HINT_OCTETS_MAX = 2048, /* the same for DISPLAY-HINT, whose own limit is 255 mostly */
    EFFORT_IDENTIFIER = 4,  /* TRAP_EFFORT */
    EFFORT_OPAQUE = 2,
    CUT_TEXT = 256,  /* octets of one value in a line */
    CUT_OCTETS = 64, /* the same where each one becomes several characters */
};

const char *
trap_type_word(uint8_t type)
{
    switch (type) {
    case BER_INTEGER: return "integer";
    case BER_BIT_STRING: return "bit_string";
    case BER_OCTET_STRING: return "octet_string";
    case BER_NULL: return "null";
    case BER_OBJECT_IDENTIFIER: return "object_identifier";
    case BER_SEQUENCE: return "sequence";
    case BER_IP_ADDRESS: return "ip_address";
    case BER_COUNTER32: return "counter32";
    case BER_UNSIGNED32: return "unsigned32";
    case BER_TIME_TICKS: return "time_ticks";
    case BER_OPAQUE: return "opaque";
    case BER_NSAP_ADDRESS: return "nsap_address";
    case BER_COUNTER64: return "counter64";
    case BER_UINTEGER32: return "uinteger32";
    case BER_NO_SUCH_OBJECT: return "no_such_object";
    case BER_NO_SUCH_INSTANCE: return "no_such_instance";
    case BER_END_OF_MIB_VIEW: return "end_of_mib_view";
    default: return "unknown";
    }
}

bool
trap_type_is_octets(uint8_t type)
{
    switch (type) {
    case BER_INTEGER:
    case BER_NULL:
    case BER_OBJECT_IDENTIFIER:
    case BER_IP_ADDRESS:
    case BER_COUNTER32:
    case BER_UNSIGNED32:
    case BER_TIME_TICKS:
    case BER_COUNTER64:
    case BER_UINTEGER32:
    case BER_NO_SUCH_OBJECT:
    case BER_NO_SUCH_INSTANCE:
    case BER_END_OF_MIB_VIEW: return false;
    default: return true;
    }
}

static void
show_octets(struct trap_shown *s)
{
    s->how = trap_hint_printable(s->octets) ? TRAP_SHOW_TEXT : TRAP_SHOW_HEX;
}

static void
show_unsigned(struct trap_shown *s)
{
    uint64_t number;

    if (ber_unsigned(s->octets, &number)) {
        s->how = TRAP_SHOW_UNSIGNED;
        s->number = (int64_t)number;
    }
}

/*
 * What agents wrap into an Opaque: a tag of two bytes, 0x9f and one of these, a length and the
 * value. From the expired draft-perkins-opaque-01.
 */
enum {
    OPAQUE_TAG = 0x9f,
    OPAQUE_COUNTER64 = 0x76,
    OPAQUE_FLOAT = 0x78,
    OPAQUE_DOUBLE = 0x79,
    OPAQUE_SIGNED64 = 0x7a,
    OPAQUE_UNSIGNED64 = 0x7b,
};

static void
show_float(struct trap_shown *s, struct sr_span value)
{
    uint64_t bits = 0;
    double real;

    for (size_t i = 0; i < value.len; i++) {
        bits = bits << 8 | value.data[i];
    }
    if (value.len == 4) {
        uint32_t bits32 = (uint32_t)bits;
        float single;
        memcpy(&single, &bits32, sizeof(single));
        real = (double)single;
    } else {
        memcpy(&real, &bits, sizeof(real));
    }
    if (real - real == 0) { /* not of infinities, nor of what is no number: JSON has neither */
        s->how = TRAP_SHOW_FLOAT;
        s->real = real;
    }
}

static void
show_opaque(struct trap_shown *s)
{
    const uint8_t *data = s->octets.data;

    if (s->octets.len < 4 || data[0] != OPAQUE_TAG || data[2] != s->octets.len - 3) {
        return;
    }
    struct sr_span value = { data + 3, s->octets.len - 3 };
    if ((data[1] == OPAQUE_FLOAT && value.len == 4) ||
        (data[1] == OPAQUE_DOUBLE && value.len == 8)) {
        show_float(s, value);
    } else if (data[1] == OPAQUE_SIGNED64 && ber_signed(value, &s->number)) {
        s->how = TRAP_SHOW_SIGNED;
    } else if (data[1] == OPAQUE_COUNTER64 || data[1] == OPAQUE_UNSIGNED64) {
        uint64_t number;
        if (ber_unsigned(value, &number)) {
            s->how = TRAP_SHOW_UNSIGNED;
            s->number = (int64_t)number;
        }
    }
}

/* By what the type says. Contents that contradict it stay hexadecimal digits. */
static void
show_by_type(struct trap_shown *s, uint8_t type)
{
    s->how = TRAP_SHOW_HEX;
    switch (type) {
    case BER_INTEGER:
        if (ber_signed(s->octets, &s->number)) {
            s->how = TRAP_SHOW_SIGNED;
        }
        break;
    case BER_COUNTER32:
    case BER_UNSIGNED32:
    case BER_TIME_TICKS:
    case BER_COUNTER64:
    case BER_UINTEGER32: show_unsigned(s); break;
    case BER_OCTET_STRING: show_octets(s); break;
    case BER_OPAQUE: show_opaque(s); break;
    case BER_OBJECT_IDENTIFIER: s->how = TRAP_SHOW_IDENTIFIER; break;
    case BER_IP_ADDRESS:
        if (s->octets.len == 4) {
            s->how = TRAP_SHOW_ADDRESS;
        }
        break;
    case BER_NULL: s->word = "null"; break;
    case BER_NO_SUCH_OBJECT: s->word = "noSuchObject"; break;
    case BER_NO_SUCH_INSTANCE: s->word = "noSuchInstance"; break;
    case BER_END_OF_MIB_VIEW: s->word = "endOfMibView"; break;
    default: break;
    }
    if (s->word != NULL) {
        s->how = TRAP_SHOW_WORD;
    }
}

/* Writes nothing when `b` is NULL. False when a bit that is set has no label. */
static bool
write_bits(struct sr_buf *b, const struct trap_shown *s)
{
    bool is_first = true;

    for (size_t i = 0; i < 8 * s->octets.len; i++) {
        if ((s->octets.data[i / 8] & 0x80 >> i % 8) == 0) {
            continue;
        }
        struct sr_span label = mib_label(s->table, s->labels, (int64_t)i);
        if (b == NULL) {
            if (label.len == 0) {
                return false;
            }
            continue;
        }
        if (!is_first) {
            sr_buf_put(b, ',');
        }
        is_first = false;
        sr_json_string_part(b, label);
    }
    return true;
}

/* By what the MIB says, where the value was sent as such. */
static void
show_by_mib(struct trap_shown *s, const struct trap_name *name, uint8_t type)
{
    const struct mib_node *node = &name->node;

    s->table = name->table;
    s->labels = node->labels;
    s->hint = node->hint;
    if (s->how == TRAP_SHOW_SIGNED || s->how == TRAP_SHOW_UNSIGNED) {
        bool is_plain = node->hint.len == 1 && node->hint.data[0] == 'd'; /* a number as it is */
        bool is_small = s->how == TRAP_SHOW_SIGNED || s->number >= 0;
        if (node->labels != 0 && type == BER_INTEGER && node->syntax != MIB_SYNTAX_BITS) {
            s->label = mib_label(name->table, node->labels, s->number);
        }
        if (s->label.len > 0) {
            s->how = TRAP_SHOW_LABEL;
        } else if (is_small && !is_plain && trap_hint_integer(NULL, node->hint, s->number)) {
            s->how = TRAP_SHOW_HINT_INTEGER;
        }
    } else if (type == BER_OCTET_STRING) {
        if (node->labels != 0 && node->syntax == MIB_SYNTAX_BITS) {
            if (s->octets.len <= BITS_OCTETS_MAX && write_bits(NULL, s)) {
                s->how = TRAP_SHOW_BITS;
            }
        } else if (node->hint.len > 0 && s->octets.len <= HINT_OCTETS_MAX &&
                   trap_hint_octets(NULL, node->hint, s->octets)) {
            s->how = TRAP_SHOW_HINT_OCTETS;
        }
    }
}

void
trap_shown_of(
    const struct trap_name *name, const struct trap_varbind *varbind, struct trap_shown *ret_shown)
{
    *ret_shown = (struct trap_shown){ .octets = varbind->value };
    show_by_type(ret_shown, varbind->type);
    if (name->table != NULL) {
        show_by_mib(ret_shown, name, varbind->type);
    }
}

uint32_t
trap_shown_effort(const struct trap_name *name, const struct trap_varbind *varbind)
{
    size_t len = varbind->value.len;

    if (varbind->type == BER_OBJECT_IDENTIFIER) {
        return EFFORT_IDENTIFIER;
    }
    if (varbind->type == BER_OPAQUE) {
        return EFFORT_OPAQUE;
    }
    if (name->table == NULL || varbind->type != BER_OCTET_STRING) {
        return 0;
    }
    if (name->node.labels != 0 && name->node.syntax == MIB_SYNTAX_BITS) {
        return len <= BITS_OCTETS_MAX ? 8 * (uint32_t)len : 0;
    }
    return name->node.hint.len > 0 && len <= HINT_OCTETS_MAX ? (uint32_t)len / 4 : 0;
}

bool
trap_shown_says_more(const struct trap_shown *shown, uint8_t type)
{
    switch (shown->how) {
    case TRAP_SHOW_LABEL:
    case TRAP_SHOW_BITS:
    case TRAP_SHOW_HINT_INTEGER:
    case TRAP_SHOW_HINT_OCTETS: return true;
    case TRAP_SHOW_SIGNED:
    case TRAP_SHOW_UNSIGNED:
    case TRAP_SHOW_FLOAT: return type == BER_OPAQUE;
    case TRAP_SHOW_WORD:
    case TRAP_SHOW_IDENTIFIER:
    case TRAP_SHOW_ADDRESS:
    case TRAP_SHOW_TEXT:
    case TRAP_SHOW_HEX: return false;
    }
    return false;
}

void
trap_shown_cut(struct trap_shown *shown)
{
    size_t most = shown->how == TRAP_SHOW_TEXT ? CUT_TEXT : CUT_OCTETS;

    if (shown->octets.len <= most) {
        return;
    }
    if (shown->how == TRAP_SHOW_HINT_OCTETS) {
        /* Half of a value may have another form. */
        show_octets(shown);
        most = shown->how == TRAP_SHOW_TEXT ? CUT_TEXT : CUT_OCTETS;
    }
    if ((shown->how != TRAP_SHOW_TEXT && shown->how != TRAP_SHOW_HEX) ||
        shown->octets.len <= most) {
        return;
    }
    /* Not inside of a character. */
    while (shown->how == TRAP_SHOW_TEXT && (shown->octets.data[most] & 0xc0) == 0x80) {
        most--;
    }
    shown->octets.len = most;
    shown->is_cut = true;
}

static void
write_identifier(struct sr_buf *b, const struct trap_config *config, struct sr_span identifier)
{
    struct trap_name name;

    if (trap_name_read(config, identifier, &name)) {
        trap_name_write(b, &name, true);
    } else {
        sr_buf_add_hex(b, identifier);
    }
}

static void
write_address(struct sr_buf *b, const uint8_t *address)
{
    const uint32_t parts[4] = { address[0], address[1], address[2], address[3] };

    trap_arcs_write(b, parts, 4);
}

static void
write_signed(struct sr_buf *b, int64_t number)
{
    if (number < 0) {
        sr_buf_put(b, '-');
    }
    sr_buf_add_u64(b, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void
trap_shown_write(struct sr_buf *b, const struct trap_config *config, const struct trap_shown *shown)
{
    switch (shown->how) {
    case TRAP_SHOW_WORD: sr_buf_add_text(b, shown->word); break;
    case TRAP_SHOW_SIGNED: write_signed(b, shown->number); break;
    case TRAP_SHOW_UNSIGNED: sr_buf_add_u64(b, (uint64_t)shown->number); break;
    case TRAP_SHOW_FLOAT: sr_json_double(b, shown->real); break;
    case TRAP_SHOW_LABEL: sr_json_string_part(b, shown->label); break;
    case TRAP_SHOW_BITS: write_bits(b, shown); break;
    case TRAP_SHOW_HINT_INTEGER: trap_hint_integer(b, shown->hint, shown->number); break;
    case TRAP_SHOW_HINT_OCTETS: trap_hint_octets_write(b, shown->hint, shown->octets); break;
    case TRAP_SHOW_IDENTIFIER: write_identifier(b, config, shown->octets); break;
    case TRAP_SHOW_ADDRESS: write_address(b, shown->octets.data); break;
    case TRAP_SHOW_TEXT: sr_json_string_part(b, shown->octets); break;
    case TRAP_SHOW_HEX:
        if (shown->octets.len > 0) {
            sr_buf_add_hex(b, shown->octets);
        }
        break;
    }
    if (shown->is_cut) {
        sr_buf_add(b, "...", 3);
    }
}

void
trap_shown_json(struct sr_buf *b, const struct trap_config *config, const struct trap_shown *shown)
{
    /* Above INT64_MAX many readers take no number. */
    bool is_number = shown->how == TRAP_SHOW_SIGNED || shown->how == TRAP_SHOW_FLOAT ||
                     (shown->how == TRAP_SHOW_UNSIGNED && shown->number >= 0);

    if (shown->how == TRAP_SHOW_WORD) {
        sr_buf_add(b, "null", 4);
        return;
    }
    if (!is_number) {
        sr_buf_put(b, '"');
    }
    trap_shown_write(b, config, shown);
    if (!is_number) {
        sr_buf_put(b, '"');
    }
}
