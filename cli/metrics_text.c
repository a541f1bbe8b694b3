/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

/* Finds the next sample of the family at or behind `text`; `*ret_labels` is what follows its name.
 */
static bool
next_sample(const char *text, const char *name, const char **ret_labels)
{
    size_t len = strlen(name);

    while (*text != '\0') {
        if (strncmp(text, name, len) == 0 && (text[len] == ' ' || text[len] == '{')) {
            *ret_labels = text + len;
            return true;
        }
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return false;
}

/* The value at the end of a line. Counters may be written as floating point, ours are not. */
static uint64_t
value_of(const char *labels, size_t len)
{
    const char *end = labels + len;
    const char *start = end;

    while (start > labels && start[-1] != ' ') {
        start--;
    }
    return strtoull(start, NULL, 10);
}

bool
metrics_sum(const char *text, const char *name, const char *label, uint64_t *ret_sum)
{
    const char *labels = NULL;
    uint64_t sum = 0;
    bool found = false;

    while (next_sample(text, name, &labels)) {
        size_t len = strcspn(labels, "\n");
        if (label == NULL || memmem(labels, len, label, strlen(label)) != NULL) {
            found = true;
            sum += value_of(labels, len);
        }
        text = labels + len;
    }
    if (found) {
        *ret_sum = sum;
    }
    return found;
}

/* The value of a label on a line of `len` bytes. False without one, or when it does not fit. */
static bool
label_of(const char *labels, size_t len, const char *label, char *out, size_t size)
{
    char key[32];
    int key_len = snprintf(key, sizeof(key), "%s=\"", label);
    const char *start = memmem(labels, len, key, (size_t)key_len);

    if (start == NULL) {
        return false;
    }
    start += key_len;
    size_t used = strcspn(start, "\"\n");
    if (used >= size) {
        return false;
    }
    memcpy(out, start, used);
    out[used] = '\0';
    return true;
}

bool
metrics_label(const char *text, const char *name, const char *label, char *ret_value, size_t size)
{
    const char *labels = NULL;

    return next_sample(text, name, &labels) &&
           label_of(labels, strcspn(labels, "\n"), label, ret_value, size);
}

void
metrics_reasons(const char *text, const char *name, metrics_reason_cb *cb, void *arg)
{
    const char *labels = NULL;
    char reason[64];

    while (next_sample(text, name, &labels)) {
        size_t len = strcspn(labels, "\n");
        uint64_t count = value_of(labels, len);
        if (count != 0 && label_of(labels, len, "reason", reason, sizeof(reason))) {
            cb(arg, reason, count);
        }
        text = labels + len;
    }
}
