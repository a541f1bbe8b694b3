/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/proxy.h"

#include <string.h>

#include "sr/network.h"

#include "sr/banned.h"

#define V1_MAX 107U /* with CR LF: two of the longest addresses, and ports */
#define V2_HEAD 16U
#define V2_VERSION 0x20U

static const uint8_t signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49,
    0x54, 0x0a };

/* ---- Version 1: a line of text ---- */

/* The text up to the next blank, which is taken too; the last one ends with the line. */
static struct sr_span
take_word(struct sr_span *line)
{
    const uint8_t *blank = line->len > 0 ? memchr(line->data, ' ', line->len) : NULL;
    size_t len = blank != NULL ? (size_t)(blank - line->data) : line->len;
    size_t used = blank != NULL ? len + 1 : len;
    struct sr_span word = { line->data, len };

    *line = (struct sr_span){ line->data + used, line->len - used };
    return word;
}

static bool
is_word(struct sr_span word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.data, text, word.len) == 0;
}

static bool
read_address(struct sr_span word, bool is_v6, struct sr_peer *ret_peer)
{
    char text[SR_PEER_TEXT_MAX];
    struct sr_network network;

    if (word.len >= sizeof(text) || memchr(word.data, '/', word.len) != NULL ||
        memchr(word.data, '\0', word.len) != NULL ||
        (memchr(word.data, ':', word.len) != NULL) != is_v6) {
        return false;
    }
    memcpy(text, word.data, word.len);
    text[word.len] = '\0';
    if (sr_network_parse(text, &network) != NULL) {
        return false;
    }
    memcpy(ret_peer->address, network.address, sizeof(network.address));
    ret_peer->is_v6 = network.is_v6;
    return true;
}

static bool
read_port(struct sr_span word, uint16_t *ret_port)
{
    unsigned port = 0;

    if (word.len == 0 || word.len > 5 || (word.len > 1 && word.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] < '0' || word.data[i] > '9') {
            return false;
        }
        port = port * 10 + (unsigned)(word.data[i] - '0');
    }
    *ret_port = (uint16_t)port;
    return port <= 65535;
}

/* "PROXY TCP4 192.0.2.1 192.0.2.2 1111 514", without the end of the line. */
static bool
read_line(struct sr_span line, struct sr_proxy *p)
{
    struct sr_peer to;

    (void)take_word(&line);
    struct sr_span protocol = take_word(&line);
    bool is_v6 = is_word(protocol, "TCP6");
    if (is_word(protocol, "UNKNOWN")) {
        return true; /* whatever follows is of no use */
    }
    if (!is_v6 && !is_word(protocol, "TCP4")) {
        return false;
    }
    p->has_source = true;
    return read_address(take_word(&line), is_v6, &p->source) &&
           read_address(take_word(&line), is_v6, &to) &&
           read_port(take_word(&line), &p->source.port) && read_port(take_word(&line), &to.port) &&
           line.len == 0;
}

static enum sr_proxy_state
read_v1(struct sr_span bytes, struct sr_proxy *ret_proxy)
{
    static const char name[] = "PROXY ";
    size_t known = bytes.len < sizeof(name) - 1 ? bytes.len : sizeof(name) - 1;
    size_t len = bytes.len < V1_MAX ? bytes.len : V1_MAX;
    struct sr_proxy p = { .used = 0 };

    if (memcmp(bytes.data, name, known) != 0) {
        return SR_PROXY_BAD;
    }
    const uint8_t *lf = memchr(bytes.data, '\n', len);
    if (lf == NULL) {
        return len < V1_MAX ? SR_PROXY_MORE : SR_PROXY_BAD;
    }
    p.used = (size_t)(lf - bytes.data) + 1;
    if (lf[-1] != '\r' || !read_line((struct sr_span){ bytes.data, p.used - 2 }, &p)) {
        return SR_PROXY_BAD;
    }
    *ret_proxy = p;
    return SR_PROXY_HEADER;
}

/* ---- Version 2: bytes ---- */

/* Addresses of a connection over TCP; of others nothing is taken. */
static bool
read_addresses(uint8_t family, struct sr_reader *r, struct sr_proxy *p)
{
    bool is_v6 = family == 0x21;
    size_t len = is_v6 ? 16 : 4;
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (family != 0x11 && !is_v6) {
        return true;
    }
    struct sr_span source = sr_reader_take(r, len);
    (void)sr_reader_take(r, len);
    p->source.port = sr_reader_be16(r);
    (void)sr_reader_be16(r);
    if (r->failed) {
        return false;
    }
    if (is_v6 && memcmp(source.data, mapped, sizeof(mapped)) == 0) {
        source = (struct sr_span){ source.data + sizeof(mapped), 4 };
        is_v6 = false;
    }
    memcpy(p->source.address, source.data, source.len);
    p->source.is_v6 = is_v6;
    p->has_source = true;
    return true;
}

static enum sr_proxy_state
read_v2(struct sr_span bytes, struct sr_proxy *ret_proxy)
{
    struct sr_reader r = sr_reader_init(bytes);
    struct sr_proxy p = { .used = V2_HEAD };

    (void)sr_reader_take(&r, sizeof(signature));
    uint8_t command = sr_reader_u8(&r);
    uint8_t family = sr_reader_u8(&r);
    size_t len = sr_reader_be16(&r);
    if (bytes.len > sizeof(signature) && bytes.data[sizeof(signature)] != V2_VERSION &&
        bytes.data[sizeof(signature)] != (V2_VERSION | 1)) {
        return SR_PROXY_BAD; /* neither LOCAL nor PROXY of version 2 */
    }
    if (r.failed) {
        return SR_PROXY_MORE;
    }
    p.used += len;
    if (p.used > SR_PROXY_MAX) {
        return SR_PROXY_BAD;
    }
    if (bytes.len < p.used) {
        return SR_PROXY_MORE;
    }
    struct sr_reader rest = sr_reader_init((struct sr_span){ bytes.data + V2_HEAD, len });
    if (command != V2_VERSION && !read_addresses(family, &rest, &p)) {
        return SR_PROXY_BAD;
    }
    *ret_proxy = p;
    return SR_PROXY_HEADER;
}

enum sr_proxy_state
sr_proxy_read(struct sr_span bytes, struct sr_proxy *ret_proxy)
{
    size_t known = bytes.len < sizeof(signature) ? bytes.len : sizeof(signature);

    if (bytes.len == 0) {
        return SR_PROXY_MORE;
    }
    if (memcmp(bytes.data, signature, known) != 0) {
        return read_v1(bytes, ret_proxy);
    }
    return known < sizeof(signature) ? SR_PROXY_MORE : read_v2(bytes, ret_proxy);
}
