/* SPDX-License-Identifier: Apache-2.0 */
#include "world/isolation.h"

#include <stdio.h>

#include "command.h"
#include "provision.h"

#include "sr/banned.h"

struct proof {
    const struct world *w;
    isolation_cb *cb;
    void *arg;
};

static bool
say(enum admin_err err, const struct admin *admin, const struct isolation *result)
{
    if (err != ADMIN_OK) {
        complain("%s, %s %s: %s (%s)", result->user, result->action, result->subject,
            admin_strerror(err), admin_detail(admin));
    }
    return err == ADMIN_OK;
}

static struct isolation
attempt(const char *tenant, const char *user, const char *action)
{
    struct isolation result = { .action = action };

    (void)snprintf(result.user, sizeof(result.user), "%s/%s", tenant, user);
    return result;
}

static bool
try_publish(const struct proof *p, struct admin *admin, const char *tenant,
    const struct sr_suite_role *role, const char *subject)
{
    struct isolation result = attempt(tenant, role->name, "publish");

    (void)snprintf(result.subject, sizeof(result.subject), "%s", subject);
    if (!say(admin_publish_refused(admin, subject, &result.refused), admin, &result)) {
        return false;
    }
    p->cb(p->arg, &result);
    return true;
}

/* What the collector of `role` must not do: publish as another tenant, and listen to anything. */
static bool
try_collector(
    const struct proof *p, const char *tenant, const char *other, const struct sr_suite_role *role)
{
    struct admin *admin = NULL;
    struct isolation listen = attempt(tenant, role->name, "subscribe");
    bool ok = true;

    if (provision_connect(p->w, tenant, role->name, &admin) != ADMIN_OK) {
        return false;
    }
    for (const char *const *s = role->subjects; *s != NULL && ok && other != NULL; s++) {
        char subject[SR_SUITE_SUBJECT_MAX];
        (void)snprintf(subject, sizeof(subject), "%s.%s", other, *s);
        ok = try_publish(p, admin, tenant, role, subject);
    }
    (void)snprintf(listen.subject, sizeof(listen.subject), ">");
    if (ok) {
        ok = say(admin_subscribe_refused(admin, ">", &listen.refused), admin, &listen);
    }
    if (ok) {
        p->cb(p->arg, &listen);
    }
    admin_close(admin);
    return ok;
}

/*
 * The platform user may publish on every name, and "globex.logs.syslog" is one. It must stay in
 * the account: nobody there hears it, and the subscriber in the other account, whose streams would
 * take the message under the same name, does not either.
 */
static bool
try_subject(const struct proof *p, struct admin *from, struct admin *to, struct isolation *result)
{
    char mark[128];
    bool unheard = false;
    bool seen = true;

    (void)snprintf(mark, sizeof(mark), "isolation probe of %s at %llu", result->user,
        (unsigned long long)p->w->now_s);
    if (!say(admin_watch(to, result->subject), to, result) ||
        !say(admin_publish_unheard(from, result->subject, mark, &unheard), from, result) ||
        !say(admin_saw(to, mark, &seen), to, result)) {
        return false;
    }
    result->refused = unheard && !seen;
    p->cb(p->arg, result);
    return true;
}

static bool
try_platform(const struct proof *p, const char *tenant, const char *other)
{
    struct admin *from = NULL;
    struct admin *to = NULL;
    bool ok = provision_connect(p->w, tenant, "platform", &from) == ADMIN_OK &&
              provision_connect(p->w, other, "platform", &to) == ADMIN_OK;

    for (const struct sr_suite_role *role = sr_suite_roles; role->name != NULL && ok; role++) {
        for (const char *const *s = role->subjects; *s != NULL && ok; s++) {
            struct isolation result = attempt(tenant, "platform", "reach");
            (void)snprintf(result.subject, sizeof(result.subject), "%s.%s", other, *s);
            ok = try_subject(p, from, to, &result);
        }
    }
    admin_close(from);
    admin_close(to);
    return ok;
}

bool
isolation_prove(const struct world *w, isolation_cb *cb, void *arg)
{
    const struct proof p = { w, cb, arg };

    for (size_t i = 0; i < w->tenant_count; i++) {
        const char *tenant = w->tenants[i].name;
        const char *other = w->tenant_count > 1 ? w->tenants[(i + 1) % w->tenant_count].name : NULL;
        for (const struct sr_suite_role *role = sr_suite_roles; role->name != NULL; role++) {
            if (!try_collector(&p, tenant, other, role)) {
                return false;
            }
        }
        if (other != NULL && !try_platform(&p, tenant, other)) {
            return false;
        }
    }
    return true;
}
