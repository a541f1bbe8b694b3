/* SPDX-License-Identifier: Apache-2.0 */
#include "extra.h"

#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

static int
compare(const void *left, const void *right)
{
    const struct sr_span *a = &((const struct syslog_extra *)left)->name;
    const struct sr_span *b = &((const struct syslog_extra *)right)->name;
    int diff = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

    return diff != 0 ? diff : a->len < b->len ? -1 : a->len > b->len;
}

bool
extras_make(const struct sr_conf_strings *texts, struct syslog_extras *ret_extras)
{
    struct syslog_extra *items = calloc(texts->count + 1, sizeof(*items));
    size_t room = 0;

    if (items == NULL) {
        return false;
    }
    for (size_t i = 0; i < texts->count; i++) {
        const char *text = texts->items[i];
        size_t len = strcspn(text, "=");
        const char *value = text[len] == '=' ? text + len + 1 : "";
        items[i].name = (struct sr_span){ (const uint8_t *)text, len };
        items[i].value = (struct sr_span){ (const uint8_t *)value, strlen(value) };
        /* Two pairs of quotes, a colon and a comma. */
        room += len + items[i].value.len + 6;
    }
    qsort(items, texts->count, sizeof(*items), compare);
    *ret_extras = (struct syslog_extras){ .items = items, .count = texts->count, .room = room };
    return true;
}

void
extras_done(struct syslog_extras *extras)
{
    /* They are read-only for everyone else. */
    free((void *)(uintptr_t)extras->items);
    *extras = (struct syslog_extras){ .count = 0 };
}
