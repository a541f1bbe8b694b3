/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/pushes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "issuer/account.h"
#include "sr/clock.h"
#include "sr/log.h"

#include "sr/banned.h"

#define RETRY_MAX_S 300

struct entry {
    char account[ACCOUNT_NAME_MAX + 1];
    unsigned retry_s; /* after the failure before; 0: there was none */
    uint64_t due_ns;  /* monotonic */
};

struct pushes {
    int fd;
    pthread_mutex_t lock; /* what is below */
    struct entry *entries;
    size_t count, room;
};

struct pushes *
pushes_new(void)
{
    struct pushes *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        return NULL;
    }
    p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->fd < 0) {
        free(p);
        return NULL;
    }
    (void)pthread_mutex_init(&p->lock, NULL);
    return p;
}

void
pushes_free(struct pushes *pushes)
{
    if (pushes == NULL) {
        return;
    }
    (void)close(pushes->fd);
    (void)pthread_mutex_destroy(&pushes->lock);
    free(pushes->entries);
    free(pushes);
}

static struct entry *
find(struct pushes *p, const char *account)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->entries[i].account, account) == 0) {
            return &p->entries[i];
        }
    }
    return NULL;
}

/* An empty entry at the end; NULL without memory. */
static struct entry *
append(struct pushes *p)
{
    if (p->count == p->room) {
        size_t room = p->room > 0 ? 2 * p->room : 8;
        struct entry *more = realloc(p->entries, room * sizeof(*more));
        if (more == NULL) {
            return NULL;
        }
        p->entries = more;
        p->room = room;
    }
    return &p->entries[p->count++];
}

static void
put(struct pushes *p, const struct entry *entry)
{
    struct entry *e = find(p, entry->account);

    if (e != NULL) { /* the earlier is the one that was just revoked */
        e->due_ns = entry->due_ns < e->due_ns ? entry->due_ns : e->due_ns;
        return;
    }
    e = append(p);
    if (e != NULL) {
        *e = *entry;
    } else {
        sr_log(SR_LOG_ERROR, "out of memory: push the account yourself account=%s", entry->account);
    }
}

void
pushes_add(struct pushes *pushes, const char *account)
{
    struct entry entry = { .retry_s = 0, .due_ns = 0 };
    uint64_t one = 1;

    (void)snprintf(entry.account, sizeof(entry.account), "%s", account);
    (void)pthread_mutex_lock(&pushes->lock);
    put(pushes, &entry);
    (void)pthread_mutex_unlock(&pushes->lock);
    (void)!write(pushes->fd, &one, sizeof(one));
}

/* One that waits after a failure goes on waiting. */
static void
add_unpushed(void *arg, const struct account *account)
{
    struct pushes *p = arg;

    (void)pthread_mutex_lock(&p->lock);
    bool known = find(p, account->name) != NULL;
    (void)pthread_mutex_unlock(&p->lock);
    if (!known && account->pushed_s < account->signed_s) {
        pushes_add(p, account->name);
    }
}

bool
pushes_find(struct pushes *pushes, struct store *store, struct trouble *trouble)
{
    return account_list(store, add_unpushed, pushes, trouble);
}

int
pushes_fd(const struct pushes *pushes)
{
    return pushes->fd;
}

/* Takes one that is due out of the list. False when there is none. */
static bool
take_due(struct pushes *p, uint64_t now_ns, struct entry *ret_entry)
{
    bool found = false;

    (void)pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->count && !found; i++) {
        if (p->entries[i].due_ns <= now_ns) {
            *ret_entry = p->entries[i];
            p->entries[i] = p->entries[--p->count];
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&p->lock);
    return found;
}

static void
push(struct pushes *p, struct store *store, struct entry *e)
{
    struct trouble trouble;

    if (account_push(store, e->account, &trouble)) {
        sr_log(SR_LOG_INFO, "pushed account=%s", e->account);
        return;
    }
    e->retry_s = e->retry_s == 0 ? 1 : 2 * e->retry_s;
    e->retry_s = e->retry_s > RETRY_MAX_S ? RETRY_MAX_S : e->retry_s;
    e->due_ns = sr_clock_monotonic_ns() + e->retry_s * SR_NS_PER_SECOND;
    sr_log(SR_LOG_WARNING,
        "cannot push: what was revoked still works account=%s cause=\"%s\" remedy=\"%s\" "
        "retry_s=%u",
        e->account, trouble.cause, trouble.remedy, e->retry_s);
    (void)pthread_mutex_lock(&p->lock);
    put(p, e);
    (void)pthread_mutex_unlock(&p->lock);
}

static int
wait_ms(struct pushes *p, uint64_t now_ns)
{
    int wait = -1;

    (void)pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->count; i++) {
        uint64_t due_ns = p->entries[i].due_ns;
        int ms = due_ns > now_ns ? (int)((due_ns - now_ns) / SR_NS_PER_MS) + 1 : 0;
        wait = wait < 0 || ms < wait ? ms : wait;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return wait;
}

int
pushes_run(struct pushes *pushes, struct store *store)
{
    uint64_t start_ns = sr_clock_monotonic_ns(); /* what fails again meanwhile is due later */
    struct entry entry;
    uint64_t count;

    (void)!read(pushes->fd, &count, sizeof(count));
    while (take_due(pushes, start_ns, &entry)) {
        push(pushes, store, &entry);
    }
    return wait_ms(pushes, sr_clock_monotonic_ns());
}
