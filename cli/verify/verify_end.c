/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_end.h"

#include <inttypes.h>

#include "verify/verify_trouble.h"

#include "sr/banned.h"

/* Whether it is the stream that was read, and holds what it held. */
static bool
is_same(const struct verify_end *e)
{
    return e->at_end.created_ns == e->at_start.created_ns && e->at_end.last + 1 >= e->next;
}

/* Whether sequence numbers tell what was read: all of the stream is, and its end is known. */
static bool
is_counted(const struct verify_end *e)
{
    return e->is_asked && e->err == ADMIN_OK && !e->is_filtered && is_same(e);
}

uint64_t
verify_end_unread(const struct verify_end *e)
{
    const struct admin_stream_state *end = &e->at_end;

    if (!is_counted(e) || end->first > end->last || end->last < e->next) {
        return 0;
    }
    return end->last + 1 - (end->first > e->next ? end->first : e->next);
}

/* Messages that were removed from the stream before they were read, as far as numbers tell. */
static uint64_t
removed(const struct verify_end *e)
{
    return e->gone + (is_counted(e) && e->at_end.first > e->next ? e->at_end.first - e->next : 0);
}

static bool
find_removed(const struct verify_end *e, const char *stream, struct trouble *trouble)
{
    static const char remedy[] = "give the stream room, or verify at a lower rate";

    if (removed(e) > 0) {
        (void)trouble_say(trouble, 0, remedy,
            "stream %s: %" PRIu64 " messages were removed before they were read", stream,
            removed(e));
        return true;
    }
    if (e->is_filtered && e->is_asked && e->at_end.first > e->at_start.last + 1) {
        (void)trouble_say(trouble, 0, remedy,
            "stream %s: messages were removed meanwhile, perhaps before they were read", stream);
        return true;
    }
    return false;
}

bool
verify_end_judge(
    const struct verify_end *e, const char *url, const char *stream, struct trouble *trouble)
{
    if (e->is_asked && e->err != ADMIN_OK) {
        return verify_trouble(trouble, url, stream, e->err, e->detail);
    }
    if (e->is_asked && !is_same(e)) {
        return trouble_say(trouble, 0, "run it again, and leave the stream as it is meanwhile",
            "stream %s was made anew while it was read, or lost messages at its end", stream);
    }
    if (find_removed(e, stream, trouble)) {
        return false;
    }
    if (verify_end_unread(e) > 0) {
        return trouble_say(trouble, 0, "give a longer --verify-wait, or --subject",
            "stream %s: %" PRIu64 " messages at its end were not read", stream,
            verify_end_unread(e));
    }
    return true;
}
