/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TROUBLE_H_INCLUDED
#define CLI_TROUBLE_H_INCLUDED

#include <stdbool.h>

/* Beside the errnos: a folder that everybody may write to, so nothing in it can be trusted. */
#define TROUBLE_EVERYBODY (-1)

/* Why something did not work: one cause and one remedy, each a sentence without a full stop. */
struct trouble {
    int error; /* errno, TROUBLE_EVERYBODY, or 0 when no call failed */
    char cause[640];
    char remedy[256];
};

/*
 * Says that a call failed with `error`: "cannot DOING /PATH: the disk is full", with what helps
 * against that error. `path` is relative to the root. Returns false always, for
 * `return`.
 */
bool trouble_errno(struct trouble *trouble, int error, const char *doing, const char *path);

/* Says what is wrong in words of its own; a cause that is too long is cut. Returns false always. */
bool trouble_say(struct trouble *trouble, int error, const char *remedy, const char *cause, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Makes a text from elsewhere fit for terminals and JSON: control characters (also those of
 * ISO 6429 that UTF-8 has as U+0080 to U+009F) and bytes that are not UTF-8 (RFC 3629) become "?".
 * trouble_say() and trouble_remedy() do so.
 */
void trouble_clean(char *text);

/* Another remedy for the same cause. */
void trouble_remedy(struct trouble *trouble, const char *remedy);

#endif
