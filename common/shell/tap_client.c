/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/tap_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sr/banned.h"

#define SKIPPED_MAX 48U /* {"skipped":18446744073709551615} and its newline */

bool
tap_client_open(struct tap_client *c, int fd)
{
    uint8_t *ring = malloc(TAP_CLIENT_RING);

    if (ring == NULL) {
        return false;
    }
    *c = (struct tap_client){ .fd = fd, .ring = ring };
    return true;
}

void
tap_client_close(struct tap_client *c)
{
    (void)close(c->fd);
    free(c->ring);
    *c = (struct tap_client){ .fd = -1 };
}

static void
append(struct tap_client *c, struct sr_span piece)
{
    size_t at = (c->head + c->len) % TAP_CLIENT_RING;
    size_t first = TAP_CLIENT_RING - at < piece.len ? TAP_CLIENT_RING - at : piece.len;

    if (piece.len > 0) {
        memcpy(c->ring + at, piece.data, first);
        memcpy(c->ring, piece.data + first, piece.len - first);
    }
    c->len += piece.len;
}

static void
tell_skipped(struct tap_client *c)
{
    char text[SKIPPED_MAX];
    int len = snprintf(text, sizeof(text), "{\"skipped\":%llu}\n", (unsigned long long)c->skipped);

    append(c, (struct sr_span){ (const uint8_t *)text, (size_t)len });
    c->skipped = 0;
}

void
tap_client_put(struct tap_client *c, const struct sr_span *pieces, size_t count)
{
    size_t need = c->skipped > 0 ? SKIPPED_MAX : 0;

    for (size_t i = 0; i < count; i++) {
        need += pieces[i].len;
    }
    if (need > TAP_CLIENT_RING - c->len) {
        c->skipped++;
        return;
    }
    if (c->skipped > 0) {
        tell_skipped(c);
    }
    for (size_t i = 0; i < count; i++) {
        append(c, pieces[i]);
    }
}

bool
tap_client_send(struct tap_client *c)
{
    if (c->len == 0 && c->skipped > 0) {
        tell_skipped(c);
    }
    while (c->len > 0) {
        size_t first = TAP_CLIENT_RING - c->head < c->len ? TAP_CLIENT_RING - c->head : c->len;
        ssize_t n = send(c->fd, c->ring + c->head, first, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK;
        }
        c->head = (c->head + (size_t)n) % TAP_CLIENT_RING;
        c->len -= (size_t)n;
    }
    return true;
}

bool
tap_client_waits(const struct tap_client *c)
{
    return c->len > 0 || c->skipped > 0;
}
