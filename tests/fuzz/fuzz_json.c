/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "require.h"
#include "sr/json.h"

#include "sr/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Undoes the escapes of a JSON string that sr_json_string() wrote; the length of the text. */
static size_t
undo(struct sr_span json, uint8_t *out)
{
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";
    size_t n = 0;

    require(json.len >= 2 && json.data[0] == '"' && json.data[json.len - 1] == '"');
    for (size_t i = 1; i < json.len - 1; i++) {
        uint8_t c = json.data[i];
        require(c >= ' ' && c != '"');
        if (c != '\\') {
            out[n++] = c;
            continue;
        }
        c = json.data[++i];
        const char *letter = strchr(from, c);
        if (c == 'u') {
            char hex[5] = { 0 };
            require(i + 4 < json.len - 1);
            memcpy(hex, json.data + i + 1, 4);
            out[n++] = (uint8_t)strtoul(hex, NULL, 16);
            i += 4;
        } else {
            require(letter != NULL || c == '"' || c == '\\');
            out[n++] = letter != NULL ? (uint8_t)to[letter - from] : c;
        }
    }
    return n;
}

/* A string is valid UTF-8 in JSON and reads back as itself, if it was UTF-8; so does a double. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t cap = 2 + 6 * size;
    uint8_t *json = malloc(cap);
    uint8_t *back = malloc(cap);
    struct sr_buf b = sr_buf_over(json, cap);

    require(json != NULL && back != NULL);
    sr_json_string(&b, (struct sr_span){ data, size });
    require(!b.overflow && sr_utf8_valid(sr_buf_span(&b)));
    size_t len = undo(sr_buf_span(&b), back);
    if (sr_utf8_valid((struct sr_span){ data, size })) {
        require(len == size && (size == 0 || memcmp(back, data, size) == 0));
    }
    free(json);
    free(back);
    if (size == sizeof(double)) {
        char text[40];
        double value;
        memcpy(&value, data, sizeof(value));
        b = sr_buf_over(text, sizeof(text) - 1);
        sr_json_double(&b, value);
        require(!b.overflow);
        text[b.len] = '\0';
        require(strcmp(text, "null") == 0 ? !(value - value == 0) : strtod(text, NULL) == value);
    }
    return 0;
}
