/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_row.h"

#include <arpa/inet.h>
#include <string.h>

#include "sr/banned.h"

#define PROTOCOL_NAME 107U

static void
bytes_from_text(struct flow_field *f, unsigned tag, const char *text)
{
    if (tag == PROTOCOL_NAME) {
        f->count = (unsigned)strlen(text);
        memcpy(f->bytes, text, f->count);
    } else if (inet_pton(AF_INET, text, f->bytes) == 1) {
        f->count = 4;
    } else if (inet_pton(AF_INET6, text, f->bytes) == 1) {
        f->count = 16;
    }
}

void
flow_message_from_row(const json_t *row, struct flow_message *ret_message)
{
    memset(ret_message, 0, sizeof(*ret_message));
    ret_message->length = (size_t)json_integer_value(json_object_get(row, "pb_len"));
    for (unsigned tag = 0; tag < FLOW_TAGS; tag++) {
        struct flow_field *f = &ret_message->fields[tag];
        const json_t *value =
            flow_tag_key(tag) != NULL ? json_object_get(row, flow_tag_key(tag)) : NULL;
        if (json_is_string(value)) {
            bytes_from_text(f, tag, json_string_value(value));
        } else if (json_is_array(value)) {
            for (; f->count < json_array_size(value) && f->count < FLOW_ELEMENTS; f->count++) {
                f->elements[f->count] =
                    (uint32_t)json_integer_value(json_array_get(value, f->count));
            }
        } else {
            f->number = (uint64_t)json_integer_value(value);
        }
    }
}
