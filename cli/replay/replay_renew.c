/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/replay_renew.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "replay/rewrite.h"
#include "sr/clock.h"
#include "verify/verify.h"

#include "sr/banned.h"

#define RUN_MASK 0xffffffU /* of a mark */

struct replay_renew {
    const struct replay_options *options;
    struct verify_options verify_options;
    struct rewrite *rewrite;
    struct verify *verify; /* NULL: nothing is verified */
    uint64_t rewritten, unmarked;
    uint64_t as_it_was[REWRITE_ERRORS]; /* by why */
    struct ledger_sums sums;
    struct trouble trouble;
    bool fine, was_read;
    uint8_t room[SEND_BATCH_MAX][REWRITE_ROOM];
};

static void
tell_trouble(const struct trouble *trouble)
{
    complain("%s; %s", trouble->cause, trouble->remedy);
}

static bool
begin_verify(struct replay_renew *r)
{
    struct trouble trouble;

    r->verify_options = r->options->verify.options;
    r->verify_options.read = rewrite_read;
    r->verify_options.arg = r->rewrite;
    if (!verify_open(&r->verify_options, &r->verify, &trouble)) {
        tell_trouble(&trouble);
        return false;
    }
    return true;
}

struct replay_renew *
replay_renew_open(const struct replay_options *options)
{
    const bool verifies = options->verify.options.url != NULL;
    const struct rewrite_options rewrite = {
        .kind = options->kind,
        .marked = verifies,
        .run = (uint32_t)sr_clock_random_u64() & RUN_MASK,
        .utc_offset_s = sr_clock_utc_offset_s(),
        .is_one_host = !options->spoof_loopback,
    };
    /* calloc(): pages of the room that no message fills are never touched. */
    struct replay_renew *r = calloc(1, sizeof(*r));

    if (r != NULL) {
        r->options = options;
        r->rewrite = rewrite_new(&rewrite);
    }
    if (r == NULL || r->rewrite == NULL) {
        complain("out of memory");
        free(r);
        return NULL;
    }
    if (verifies && !begin_verify(r)) {
        replay_renew_close(r);
        return NULL;
    }
    return r;
}

void
replay_renew_close(struct replay_renew *r)
{
    if (r != NULL) {
        verify_close(r->verify); /* whose thread uses the other */
        rewrite_free(r->rewrite);
        free(r);
    }
}

void
replay_renew_hook(struct replay_renew *r, struct send_options *options)
{
    if (r->verify != NULL) {
        options->sent = verify_sent;
        options->arg = r->verify;
    }
}

void
replay_renew_item(struct replay_renew *r, size_t place, uint64_t wait_ns, struct send_item *item)
{
    struct rewritten result;
    enum rewrite_err err = rewrite_message(r->rewrite, item->source, sr_clock_wall_ns() + wait_ns,
        item->bytes, r->room[place], &result);

    r->rewritten += err == REWRITE_OK;
    r->as_it_was[err] += err != REWRITE_OK;
    r->unmarked += result.records == 0;
    item->bytes = result.bytes;
    item->sequence = result.sequence;
    item->records = result.records;
}

bool
replay_renew_finish(struct replay_renew *r, const volatile sig_atomic_t *stop)
{
    if (r == NULL || r->verify == NULL) {
        return true;
    }
    r->was_read = verify_finish(r->verify, stop, &r->sums, &r->trouble);
    if (!r->was_read) {
        tell_trouble(&r->trouble);
    } else if (r->sums.expected == 0) {
        complain("nothing could be verified: no message could be marked; --rewrite names what they "
                 "are");
    }
    r->fine = r->was_read && verify_is_fine(&r->verify_options, &r->sums);
    return r->fine;
}

static void
print_json(const struct replay_renew *r)
{
    uint64_t as_it_was = 0;

    for (int err = REWRITE_OK + 1; err < REWRITE_ERRORS; err++) {
        as_it_was += r->as_it_was[err];
    }
    printf(",\"rewritten\":%" PRIu64 ",\"as_it_was\":%" PRIu64, r->rewritten, as_it_was);
    if (r->verify != NULL) {
        printf(",\"unmarked\":%" PRIu64 ",\"verify\":{", r->unmarked);
        verify_print(&r->sums, true);
        printf(",\"fine\":%s}", r->fine ? "true" : "false");
    }
}

static void
print_text(const struct replay_renew *r)
{
    for (int err = REWRITE_OK + 1; err < REWRITE_ERRORS; err++) {
        if (r->as_it_was[err] > 0) {
            printf("sent as they were (%s): %" PRIu64 "\n", rewrite_reason((enum rewrite_err)err),
                r->as_it_was[err]);
        }
    }
    if (r->verify != NULL) {
        if (r->unmarked > 0) {
            printf("without a mark, so not verified: %" PRIu64 "\n", r->unmarked);
        }
        verify_print(&r->sums, false);
    }
}

void
replay_renew_print(const struct replay_renew *r, bool json)
{
    if (r != NULL && json) {
        print_json(r);
    } else if (r != NULL) {
        print_text(r);
    }
}
