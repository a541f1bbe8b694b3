/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/deadletter.h"

#include <string.h>

#include "sr/json.h"

size_t
sr_deadletter_write(struct sr_buf *b, const char *reason, const struct sr_peer *peer,
    uint64_t now_ns, struct sr_span raw)
{
    size_t start = b->len;

    sr_buf_add_text(b, "Sr-Reason: ");
    sr_buf_add_text(b, reason);
    if (peer != NULL) {
        char text[SR_PEER_TEXT_MAX];
        size_t len = sr_peer_text(peer, text);
        sr_buf_add_text(b, "\r\nSr-Source: ");
        sr_buf_add(b, text, len);
    }
    sr_buf_add_text(b, "\r\nSr-Received: ");
    sr_buf_add_u64(b, now_ns);
    sr_buf_add_text(b, "\r\n");
    size_t attributes = b->len - start;
    sr_buf_add(b, raw.data, raw.len);
    return attributes;
}

bool
sr_attribute_next(struct sr_span *attributes, struct sr_span *ret_name, struct sr_span *ret_value)
{
    const uint8_t *start = attributes->data;
    const uint8_t *end = attributes->len > 0 ? memchr(start, '\r', attributes->len) : NULL;
    const uint8_t *colon = end != NULL ? memchr(start, ':', (size_t)(end - start)) : NULL;

    if (colon == NULL || end - colon < 2) {
        return false;
    }
    *ret_name = (struct sr_span){ start, (size_t)(colon - start) };
    *ret_value = (struct sr_span){ colon + 2, (size_t)(end - colon - 2) };
    size_t used = (size_t)(end - start) + 1;
    used += used < attributes->len ? 1 : 0; /* the '\n' */
    attributes->data += used;
    attributes->len -= used;
    return true;
}

struct sr_span
sr_attribute(struct sr_span attributes, const char *name)
{
    struct sr_span key, value;

    while (sr_attribute_next(&attributes, &key, &value)) {
        if (key.len == strlen(name) && memcmp(key.data, name, key.len) == 0) {
            return value;
        }
    }
    return (struct sr_span){ NULL, 0 };
}

void
sr_deadletter_json(
    struct sr_buf *b, struct sr_span reason, struct sr_span raw, struct sr_span source)
{
    sr_buf_add_text(b, "{\"error\":");
    sr_json_string(b, reason);
    sr_buf_add_text(b, ",\"raw\":\"");
    sr_buf_add_hex(b, raw);
    sr_buf_add_text(b, "\",\"source\":");
    sr_json_string(b, source);
    sr_buf_put(b, '}');
}
