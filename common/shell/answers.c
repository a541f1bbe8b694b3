/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/answers.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sr/clock.h"

#include "sr/banned.h"

#define SOCKETS_MAX 64U /* workers of a listener */
#define NONE UINT32_MAX

enum state { FREE = 0, WAITING, ANSWERED };

struct slot {
    uint8_t id[SR_REQUEST_ID_LEN];
    enum state state;
    uint32_t next;   /* of the same bucket */
    uint8_t *answer; /* owned; of one that waits */
    size_t len;
    struct sr_udp_way way;
    int socket;
    uint64_t until_ns; /* monotonic: then it is forgotten */
};

/*
 * Slots are taken in a circle, so the one behind the last is the oldest; `oldest` goes after those
 * whose answers take room.
 */
struct answers {
    pthread_mutex_t mutex; /* guards all below */
    uint64_t secret;       /* so that nobody can choose ids that share a bucket */
    int sockets[SOCKETS_MAX];
    int socket_count;
    size_t bytes;    /* of answers that wait */
    uint32_t newest; /* where the next one goes */
    uint32_t oldest;
    struct sr_request_stats *stats;
    uint32_t buckets[ANSWERS_MAX];
    struct slot slots[ANSWERS_MAX];
};

struct answers *
answers_new(struct sr_request_stats *stats)
{
    struct answers *a = calloc(1, sizeof(*a));

    if (a == NULL) {
        return NULL;
    }
    (void)pthread_mutex_init(&a->mutex, NULL);
    a->stats = stats;
    a->secret = sr_clock_random_u64() | 1;
    memset(a->buckets, 0xff, sizeof(a->buckets)); /* NONE */
    return a;
}

void
answers_free(struct answers *a)
{
    if (a == NULL) {
        return;
    }
    for (uint32_t i = 0; i < ANSWERS_MAX; i++) {
        free(a->slots[i].answer);
    }
    for (int i = 0; i < a->socket_count; i++) {
        (void)close(a->sockets[i]);
    }
    (void)pthread_mutex_destroy(&a->mutex);
    free(a);
}

int
answers_add_socket(struct answers *a, int fd)
{
    int own = a->socket_count < (int)SOCKETS_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;

    if (own < 0) {
        return -1;
    }
    a->sockets[a->socket_count] = own;
    return a->socket_count++;
}

/* ---- The table, under the mutex ---- */

static uint32_t *
bucket_of(struct answers *a, const uint8_t *id)
{
    uint64_t hash;

    memcpy(&hash, id, sizeof(hash));
    hash = (hash ^ a->secret) * a->secret;
    return &a->buckets[(hash >> 32) % ANSWERS_MAX];
}

static struct slot *
find(struct answers *a, const uint8_t *id)
{
    for (uint32_t i = *bucket_of(a, id); i != NONE; i = a->slots[i].next) {
        if (memcmp(a->slots[i].id, id, SR_REQUEST_ID_LEN) == 0) {
            return &a->slots[i];
        }
    }
    return NULL;
}

/* Gives up the answer: nothing waits in the slot any more. */
static void
drop_answer(struct answers *a, struct slot *s)
{
    a->bytes -= s->len;
    if (s->state == WAITING) {
        sr_count(&a->stats->waiting, UINT64_MAX); /* one less */
    }
    free(s->answer);
    s->answer = NULL;
    s->len = 0;
}

static void
release(struct answers *a, struct slot *s)
{
    uint32_t *link = bucket_of(a, s->id);

    while (&a->slots[*link] != s) {
        link = &a->slots[*link].next;
    }
    *link = s->next;
    drop_answer(a, s);
    s->state = FREE;
}

static void
forget_for_room(struct answers *a, struct slot *s)
{
    if (s->state != FREE) {
        sr_count(&a->stats->forgotten, s->state == WAITING ? 1 : 0);
        release(a, s);
    }
}

/* Makes room for an answer: those that wait the longest go. */
static void
make_room(struct answers *a, size_t len)
{
    while (a->bytes + len > ANSWERS_BYTES && a->bytes > 0) {
        struct slot *s = &a->slots[a->oldest];
        if (s->state == WAITING) {
            forget_for_room(a, s);
        }
        a->oldest = (a->oldest + 1) % ANSWERS_MAX;
    }
}

static bool
set_answer(struct answers *a, struct slot *s, struct sr_span answer)
{
    uint8_t *copy = malloc(answer.len + 1);

    if (copy == NULL) {
        return false;
    }
    memcpy(copy, answer.data, answer.len);
    a->bytes += answer.len - s->len;
    free(s->answer);
    s->answer = copy;
    s->len = answer.len;
    return true;
}

static struct slot *
take_slot(struct answers *a, const uint8_t *id)
{
    uint32_t at = a->newest;
    struct slot *s = &a->slots[at];
    uint32_t *bucket = bucket_of(a, id);

    forget_for_room(a, s);
    a->newest = (at + 1) % ANSWERS_MAX;
    if (a->oldest == at) {
        a->oldest = a->newest;
    }
    memcpy(s->id, id, SR_REQUEST_ID_LEN);
    s->next = *bucket;
    *bucket = at;
    return s;
}

/* ---- Sending, outside of the mutex ---- */

static void
send_back(struct answers *a, int fd, const struct sr_udp_way *way, struct sr_span answer)
{
    if (sr_udp_send_back(fd, way, answer)) {
        return;
    }
    (void)pthread_mutex_lock(&a->mutex);
    sr_count(&a->stats->unsendable, 1);
    (void)pthread_mutex_unlock(&a->mutex);
}

void
answers_send_now(struct answers *a, const struct sr_udp_way *way, int socket, struct sr_span answer)
{
    send_back(a, a->sockets[socket], way, answer);
}

/* ---- Requests ---- */

/* The request comes again while it waits: the newest answer goes the newest way. */
static bool
renew(struct answers *a, const struct sr_request *request, const struct sr_udp_way *way, int socket)
{
    make_room(a, request->answer.len);
    struct slot *s = find(a, request->id); /* it may have made room itself */
    if (s == NULL || !set_answer(a, s, request->answer)) {
        return false;
    }
    s->way = *way;
    s->socket = socket;
    return true;
}

bool
answers_repeated(struct answers *a, const struct sr_request *request, const struct sr_udp_way *way,
    int socket, uint64_t now_ns)
{
    bool is_answered = false, is_repeated = false;

    (void)pthread_mutex_lock(&a->mutex);
    struct slot *s = find(a, request->id);
    if (s != NULL && now_ns >= s->until_ns) {
        forget_for_room(a, s);
    } else if (s != NULL) {
        is_answered = s->state == ANSWERED;
        is_repeated = is_answered || renew(a, request, way, socket);
        sr_count(&a->stats->repeated, is_repeated ? 1 : 0);
    }
    (void)pthread_mutex_unlock(&a->mutex);
    if (is_answered) {
        send_back(a, a->sockets[socket], way, request->answer);
    }
    return is_repeated;
}

void
answers_add(struct answers *a, const struct sr_request *request, const struct sr_udp_way *way,
    int socket, uint64_t now_ns)
{
    (void)pthread_mutex_lock(&a->mutex);
    struct slot *s = find(a, request->id);
    if (s != NULL) {
        forget_for_room(a, s);
    }
    make_room(a, request->answer.len);
    s = take_slot(a, request->id);
    s->state = WAITING;
    s->way = *way;
    s->socket = socket;
    s->until_ns = now_ns + ANSWERS_PATIENCE_NS;
    sr_count(&a->stats->waiting, 1);
    if (!set_answer(a, s, request->answer)) {
        forget_for_room(a, s);
    }
    (void)pthread_mutex_unlock(&a->mutex);
}

void
answers_send(struct answers *a, const uint8_t id[SR_REQUEST_ID_LEN], bool known)
{
    struct slot waited = { .state = FREE };

    (void)pthread_mutex_lock(&a->mutex);
    struct slot *s = find(a, id);
    sr_count(&a->stats->known, known ? 1 : 0);
    if (s != NULL && s->state == WAITING) {
        waited = *s;
        s->answer = NULL; /* it is ours now */
        drop_answer(a, s);
        s->state = ANSWERED;
        s->until_ns = sr_clock_monotonic_ns() + ANSWERS_PATIENCE_NS;
        sr_count(&a->stats->answered, 1);
    }
    (void)pthread_mutex_unlock(&a->mutex);
    if (waited.state == WAITING) {
        send_back(a, a->sockets[waited.socket], &waited.way,
            (struct sr_span){ waited.answer, waited.len });
        free(waited.answer);
    }
}

void
answers_forget(struct answers *a, const uint8_t id[SR_REQUEST_ID_LEN])
{
    (void)pthread_mutex_lock(&a->mutex);
    struct slot *s = find(a, id);
    if (s != NULL) {
        forget_for_room(a, s);
    }
    (void)pthread_mutex_unlock(&a->mutex);
}
