/* SPDX-License-Identifier: Apache-2.0 */
#include "send/send_given.h"

#include <stdlib.h>

#include "sr/banned.h"

enum { FIRST = 16 };

/* Messages that reach up to a place of the connection. */
struct given_write {
    uint64_t end;
    struct given_sum sum;
};

static void
add(struct given_sum *to, struct given_sum sum)
{
    to->messages += sum.messages;
    to->bytes += sum.bytes;
}

void
given_begin(struct given *given)
{
    given->count = 0;
    given->all = (struct given_sum){ 0 };
}

bool
given_is_full(const struct given *given)
{
    return given->cap >= GIVEN_MAX && given->count == given->cap;
}

static void
forget(struct given *given, uint64_t acknowledged)
{
    size_t keep = 0;

    for (size_t i = 0; i < given->count; i++) {
        if (given->writes[i].end > acknowledged) {
            given->writes[keep++] = given->writes[i];
        }
    }
    given->count = keep;
}

static void
grow(struct given *given)
{
    size_t cap = given->cap == 0 ? FIRST : given->cap * 2;
    struct given_write *more = realloc(given->writes, cap * sizeof(*more));

    if (more != NULL) {
        given->writes = more;
        given->cap = cap;
    }
}

void
given_make_room(struct given *given, uint64_t acknowledged)
{
    forget(given, acknowledged);
    /* Else the next time would come too soon. */
    if (given->count > given->cap / 2) {
        grow(given);
    }
}

void
given_add(struct given *given, uint64_t end, struct given_sum sum)
{
    struct given_write *last;

    add(&given->all, sum);
    if (given->count == given->cap && given->cap < GIVEN_MAX) {
        grow(given);
    }
    if (given->count < given->cap) {
        given->writes[given->count++] = (struct given_write){ end, sum };
    } else if (given->count > 0) {
        last = &given->writes[given->count - 1];
        last->end = end;
        add(&last->sum, sum);
    }
}

struct given_sum
given_lose(struct given *given, uint64_t acknowledged)
{
    struct given_sum lost = { 0 };

    forget(given, acknowledged);
    for (size_t i = 0; i < given->count; i++) {
        add(&lost, given->writes[i].sum);
    }
    given_begin(given);
    return lost;
}

void
given_free(struct given *given)
{
    free(given->writes);
    *given = (struct given){ 0 };
}
