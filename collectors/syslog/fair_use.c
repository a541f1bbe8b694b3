/* SPDX-License-Identifier: Apache-2.0 */
#include "fair_use.h"

#include "decode/pri.h"

#include "sr/banned.h"

#define AROUND 256U /* bytes that a record has more than the message, roughly */

static const char *const shed_reasons[] = { "shed_emergency", "shed_alert", "shed_critical",
    "shed_error", "shed_warning", "shed_notice", "shed_info", "shed_debug" };

bool
fair_use_init(struct fair_use *use, const struct syslog_listener *l)
{
    *use = (struct fair_use){
        .rate_limit = l->rate_limit,
        .burst = l->rate_burst > 0 ? l->rate_burst : l->rate_limit,
        .sheds = l->shed,
    };
    return sr_access_init(&use->access, &l->base.allow, &l->base.deny);
}

void
fair_use_done(struct fair_use *use)
{
    sr_access_done(&use->access);
}

bool
fair_use_admits(const struct fair_use *use, struct sr_sources *sources, const struct sr_peer *peer,
    uint64_t now_ns)
{
    return use->rate_limit == 0 || peer->is_local ||
           sr_sources_admit(sources, peer, use->rate_limit, use->burst, now_ns);
}

const char *
fair_use_refusal(const struct fair_use *use, struct sr_sources *sources, struct sr_fair *fair,
    unsigned level, const struct sr_peer *peer, struct sr_span bytes, uint64_t now_ns)
{
    if (!sr_access_allows(&use->access, peer)) {
        return "not_allowed";
    }
    if (!fair_use_admits(use, sources, peer, now_ns)) {
        return "rate_limited";
    }
    if (use->sheds && level >= SR_FAIR_PRESSED) {
        unsigned severity = pri_severity(bytes);
        if (sr_fair_sheds(fair, level, severity, peer, bytes.len + AROUND, now_ns)) {
            return shed_reasons[severity];
        }
    }
    return NULL;
}
