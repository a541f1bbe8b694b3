/* SPDX-License-Identifier: Apache-2.0 */
#include "frame/framer.h"

#include <string.h>

#include "sr/banned.h"

#define COUNT_DIGITS_MAX 8U /* of SYSLOG_COUNT_MAX */
#define SPACES_MAX 4U       /* that a sender may put in front of a message by mistake */
#define BLOCK 256U          /* both ends of a text are looked for in so many bytes at a time */

static bool
is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* ---- The number in front of a message ---- */

enum number {
    NUMBER_NONE,
    NUMBER_MORE, /* it may become one */
    NUMBER_WILD, /* it is not believed */
    NUMBER_GIVEN,
};

/* "12 " in front of `bytes`; with `strict` a "<" must follow. *ret_head: bytes before the message.
 */
static enum number
read_number(struct sr_span bytes, bool strict, size_t *ret_head, size_t *ret_count)
{
    size_t count = 0, i = 0;

    while (i < bytes.len && i <= COUNT_DIGITS_MAX && is_digit(bytes.data[i])) {
        count = count * 10 + (size_t)(bytes.data[i] - '0');
        i++;
    }
    if (i > 0 && bytes.data[0] == '0') {
        return NUMBER_NONE;
    }
    if (i > COUNT_DIGITS_MAX || count > SYSLOG_COUNT_MAX) {
        return NUMBER_WILD;
    }
    if (i == bytes.len) {
        return NUMBER_MORE;
    }
    if (i == 0 || bytes.data[i] != ' ') {
        return NUMBER_NONE;
    }
    if (strict && i + 1 == bytes.len) {
        return NUMBER_MORE;
    }
    if (strict && bytes.data[i + 1] != '<') {
        return NUMBER_NONE;
    }
    *ret_head = i + 1;
    *ret_count = count;
    return NUMBER_GIVEN;
}

/*
 * Where "12 <" begins in the first `len` bytes, or `len`: where a counted message may begin. The
 * first `known` have none.
 */
static size_t
find_number(const uint8_t *bytes, size_t known, size_t len)
{
    size_t head, count;

    for (size_t i = known > 2 ? known : 2; i < len; i++) {
        size_t begin = i - 1;

        if (bytes[i] != '<' || bytes[i - 1] != ' ') {
            continue;
        }
        while (begin > 0 && i - begin <= COUNT_DIGITS_MAX + 1 && is_digit(bytes[begin - 1])) {
            begin--;
        }
        struct sr_span rest = { bytes + begin, i + 1 - begin };
        if (read_number(rest, true, &head, &count) == NUMBER_GIVEN) {
            return begin;
        }
    }
    return len;
}

/* How many of the last of `len` bytes may begin "12 <", or tell that one is too large. */
static size_t
begun_number(const uint8_t *bytes, size_t len)
{
    size_t begin = len > 0 && bytes[len - 1] == ' ' ? len - 1 : len;
    size_t digits = 0;

    while (digits <= COUNT_DIGITS_MAX && digits < begin && is_digit(bytes[begin - digits - 1])) {
        digits++;
    }
    return digits > 0 ? len - begin + digits : 0;
}

/* ---- Cutting what is too long ---- */

/* The longest piece of at most `max` bytes that does not end within a character of UTF-8. */
static size_t
cut_of(const uint8_t *bytes, size_t max)
{
    for (size_t back = 1; back <= 3; back++) {
        uint8_t byte = bytes[max - back];
        size_t need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;

        if ((byte & 0xc0) != 0x80) {
            return need > back ? max - back : max;
        }
    }
    return max;
}

static enum sr_frame_state
more(struct syslog_framer *f, size_t scanned)
{
    f->scanned = scanned;
    return SR_FRAME_MORE;
}

static enum sr_frame_state
skip(struct syslog_framer *f, size_t used, struct sr_frame *ret_frame)
{
    ret_frame->used = used;
    f->scanned = 0;
    return SR_FRAME_SKIP;
}

static enum sr_frame_state
message(
    const struct sr_span bytes, size_t head, size_t len, size_t used, struct sr_frame *ret_frame)
{
    ret_frame->message = (struct sr_span){ bytes.data + head, len };
    ret_frame->used = used;
    return SR_FRAME_MESSAGE;
}

static void
count_cut(struct syslog_framer *f, bool first)
{
    if (f->options.oversize == SYSLOG_OVERSIZE_SPLIT) {
        f->next_counts.split++;
    } else if (first) {
        f->next_counts.truncated++;
    }
}

/* The peer has closed in a message, of which `len` bytes behind `head` have come. */
static enum sr_frame_state
end_incomplete(struct syslog_framer *f, struct sr_span bytes, size_t head, size_t len,
    struct sr_frame *ret_frame)
{
    if (f->options.incomplete == SYSLOG_INCOMPLETE_DEADLETTER) {
        return SR_FRAME_MORE;
    }
    f->next = (struct syslog_frame_at){ .counted = f->at.counted };
    if (len == 0) {
        f->at = f->next;
        return skip(f, bytes.len, ret_frame);
    }
    f->next_counts.incomplete++;
    return message(bytes, head, len, bytes.len, ret_frame);
}

/* ---- Counted messages ---- */

/* `count` bytes of a counted message behind `head`; `first`: these are its first. */
static enum sr_frame_state
counted(struct syslog_framer *f, struct sr_span bytes, size_t head, size_t count, bool last,
    struct sr_frame *ret_frame)
{
    size_t max = f->options.max;
    size_t len = count < max ? count : max;

    if (bytes.len - head < len) {
        return last ? end_incomplete(f, bytes, head, bytes.len - head, ret_frame) : more(f, 0);
    }
    f->next = (struct syslog_frame_at){ .counted = true };
    if (count > max) {
        len = cut_of(bytes.data + head, max);
        f->next.left = count - len;
        count_cut(f, head > 0);
    }
    return message(bytes, head, len, head + len, ret_frame);
}

/* What is left of one that was too long. */
static enum sr_frame_state
counted_rest(struct syslog_framer *f, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    if (f->options.oversize == SYSLOG_OVERSIZE_SPLIT) {
        return counted(f, bytes, 0, f->at.left, last, ret_frame);
    }
    size_t used = bytes.len < f->at.left ? bytes.len : f->at.left;
    f->at.left -= used;
    f->counts.truncated_bytes += used;
    return skip(f, used, ret_frame);
}

/* ---- Texts ---- */

/* Where the text ends in bytes `from` to `to`, or `to`. */
static size_t
find_end(const struct syslog_framer *f, const uint8_t *bytes, size_t from, size_t to)
{
    bool lf = f->options.framing != SYSLOG_FRAMING_NUL;
    bool nul = f->options.framing != SYSLOG_FRAMING_LF;

    while (from < to) {
        size_t len = to - from < BLOCK ? to - from : BLOCK;
        const uint8_t *end = lf ? memchr(bytes + from, '\n', len) : NULL;
        if (end != NULL) {
            len = (size_t)(end - (bytes + from));
        }
        const uint8_t *nul_end = nul ? memchr(bytes + from, '\0', len) : NULL;
        end = nul_end != NULL ? nul_end : end;
        if (end != NULL) {
            return (size_t)(end - bytes);
        }
        from += len;
    }
    return to;
}

/* The text of a line without the CR of CR LF. */
static size_t
without_cr(const struct syslog_framer *f, const uint8_t *bytes, size_t len)
{
    bool cr = len > 0 && bytes[len - 1] == '\r' && f->options.framing != SYSLOG_FRAMING_NUL;

    return cr ? len - 1 : len;
}

/* `len` bytes are a text, or the end of one; `used` take it off the stream. */
static enum sr_frame_state
text(struct syslog_framer *f, struct sr_span bytes, size_t len, size_t used, bool counted_next,
    struct sr_frame *ret_frame)
{
    f->next = (struct syslog_frame_at){ .counted = counted_next };
    if (len == 0) {
        f->at = (struct syslog_frame_at){ .counted = f->at.counted };
        return skip(f, used, ret_frame);
    }
    return message(bytes, 0, len, used, ret_frame);
}

/*
 * A text from its beginning, or what is left of one that was too long. Behind a wrong number
 * (`lost`) it ends where a next one begins too.
 */
static enum sr_frame_state
line(
    struct syslog_framer *f, struct sr_span bytes, bool lost, bool last, struct sr_frame *ret_frame)
{
    size_t max = f->options.max;
    size_t to = bytes.len < max + 2 ? bytes.len : max + 2; /* CR LF behind the largest */
    size_t known = f->scanned < to ? f->scanned : 0;
    size_t end = find_end(f, bytes.data, known, to);

    if (lost) {
        size_t number = find_number(bytes.data, known, end);
        if (number == 0 && end > 0) {
            f->at = (struct syslog_frame_at){ .counted = true };
            return syslog_framer_next(f, bytes, last, ret_frame);
        }
        if (number < end) {
            f->next_counts.resyncs += !f->at.in_line;
            return text(f, bytes, number, number, true, ret_frame);
        }
    }
    if (end < to) {
        size_t len = without_cr(f, bytes.data, end);
        if (len <= max) {
            f->next_counts.resyncs += lost && !f->at.in_line;
            return text(f, bytes, len, end + 1, false, ret_frame);
        }
    } else if (to < max + 2) {
        if (!last) {
            return more(f, to);
        }
        size_t len = without_cr(f, bytes.data, bytes.len);
        if (len <= max) {
            return end_incomplete(f, bytes, 0, len, ret_frame);
        }
    }
    size_t len = cut_of(bytes.data, max);
    f->next = (struct syslog_frame_at){ .in_line = true, .counted = lost };
    count_cut(f, !f->at.in_line);
    return message(bytes, 0, len, len, ret_frame);
}

/* What is left of a text that was cut, up to its end. */
static enum sr_frame_state
pass_line(struct syslog_framer *f, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    size_t end = find_end(f, bytes.data, 0, bytes.len);
    size_t number = f->at.counted ? find_number(bytes.data, 0, end) : end;
    size_t used = number;

    if (number < end) {
        f->at = (struct syslog_frame_at){ .counted = true };
    } else if (end < bytes.len) {
        f->at = (struct syslog_frame_at){ .counted = false };
        f->counts.truncated_bytes += end;
        return skip(f, end + 1, ret_frame);
    } else if (f->at.counted && !last) {
        used -= begun_number(bytes.data, end); /* it is left to stand until it is whole */
    }
    if (used == 0) {
        return number < end ? syslog_framer_next(f, bytes, last, ret_frame) : more(f, 0);
    }
    f->counts.truncated_bytes += used;
    return skip(f, used, ret_frame);
}

/* ---- The beginning of a message ---- */

/* Bytes in front that frame nothing. */
static size_t
count_empty(const struct syslog_framer *f, struct sr_span bytes)
{
    enum syslog_framing framing = f->options.framing;
    size_t i = 0;

    for (; i < bytes.len; i++) {
        bool lf = bytes.data[i] == '\n' && framing != SYSLOG_FRAMING_NUL;
        bool nul = bytes.data[i] == '\0' && framing != SYSLOG_FRAMING_LF;
        bool blank =
            framing == SYSLOG_FRAMING_OCTET && (bytes.data[i] == ' ' || bytes.data[i] == '\r');
        if (!lf && !nul && !blank) {
            break;
        }
    }
    return i;
}

/*
 * Some firewalls put a blank between two messages. True when `bytes` begin with blanks and then a
 * message that says itself that it is one; *ret_wait: it may still become one.
 */
static bool
has_stray_blanks(struct sr_span bytes, size_t *ret_blanks, bool *ret_wait)
{
    size_t i = 0, head, count;

    *ret_wait = false;
    while (i < bytes.len && i <= SPACES_MAX && bytes.data[i] == ' ') {
        i++;
    }
    if (i == 0 || i > SPACES_MAX) {
        return false;
    }
    *ret_blanks = i;
    if (i < bytes.len && bytes.data[i] == '<') {
        return true;
    }
    struct sr_span rest = { bytes.data + i, bytes.len - i };
    enum number number = read_number(rest, true, &head, &count);
    *ret_wait = number == NUMBER_MORE;
    return number == NUMBER_GIVEN;
}

static enum sr_frame_state
begin_auto(struct syslog_framer *f, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    size_t head, count, blanks;
    bool wait;

    if (has_stray_blanks(bytes, &blanks, &wait)) {
        return skip(f, blanks, ret_frame);
    }
    enum number number = read_number(bytes, true, &head, &count);
    if (number == NUMBER_GIVEN) {
        return counted(f, bytes, head, count, last, ret_frame);
    }
    if ((wait || number == NUMBER_MORE) && !last) {
        return more(f, 0);
    }
    return line(f, bytes, f->at.counted && bytes.data[0] != '<', last, ret_frame);
}

/* Behind a good message the number may have been wrong: the next good one may follow. */
static enum sr_frame_state
pass_garbage(struct syslog_framer *f, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    size_t max = f->options.max;
    size_t to = bytes.len < max ? bytes.len : max;
    size_t next = find_number(bytes.data, f->scanned, to);

    if (next < to) {
        f->next_counts.resyncs++;
        return text(f, bytes, next, next, true, ret_frame);
    }
    if (to < max) {
        return last ? end_incomplete(f, bytes, 0, bytes.len, ret_frame) : more(f, to);
    }
    ret_frame->reason = "octet_count";
    return SR_FRAME_BROKEN;
}

static enum sr_frame_state
begin_octet(struct syslog_framer *f, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    size_t head, count;
    enum number number = read_number(bytes, false, &head, &count);

    if (number == NUMBER_GIVEN) {
        return counted(f, bytes, head, count, last, ret_frame);
    }
    if (number == NUMBER_MORE) {
        return SR_FRAME_MORE;
    }
    if (!f->at.counted || number == NUMBER_WILD) {
        ret_frame->reason = "octet_count";
        return SR_FRAME_BROKEN;
    }
    return pass_garbage(f, bytes, last, ret_frame);
}

enum sr_frame_state
syslog_framer_next(
    struct syslog_framer *f, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    f->next_counts = f->counts;
    if (f->at.left > 0) {
        return counted_rest(f, bytes, last, ret_frame);
    }
    if (f->at.in_line && f->options.oversize == SYSLOG_OVERSIZE_TRUNCATE) {
        return pass_line(f, bytes, last, ret_frame);
    }
    if (f->at.in_line) {
        return line(f, bytes, f->at.counted, last, ret_frame);
    }
    size_t empty = count_empty(f, bytes);
    if (empty > 0) {
        return skip(f, empty, ret_frame);
    }
    switch (f->options.framing) {
    case SYSLOG_FRAMING_AUTO: return begin_auto(f, bytes, last, ret_frame);
    case SYSLOG_FRAMING_OCTET: return begin_octet(f, bytes, last, ret_frame);
    case SYSLOG_FRAMING_LF:
    case SYSLOG_FRAMING_NUL: return line(f, bytes, false, last, ret_frame);
    }
    return SR_FRAME_BROKEN;
}

void
syslog_framer_taken(struct syslog_framer *f)
{
    f->at = f->next;
    f->counts = f->next_counts;
    f->scanned = 0;
}
