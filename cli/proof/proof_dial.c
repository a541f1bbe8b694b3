/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/proof_wire.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "sr/banned.h"

#define DEFAULT_PORT "4222"

/* Copies `len` bytes; false when they do not fit. */
static bool
copy_part(char *out, size_t size, const char *text, size_t len)
{
    if (len >= size) {
        return false;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static bool
read_user(const char *text, size_t len, struct wire_url *u)
{
    const char *colon = memchr(text, ':', len);
    size_t name = colon != NULL ? (size_t)(colon - text) : len;

    return copy_part(u->user, sizeof(u->user), text, name) &&
           (colon == NULL ||
               copy_part(u->password, sizeof(u->password), colon + 1, len - name - 1));
}

static bool
read_port(const char *text, struct wire_url *u)
{
    size_t len = strspn(text, "0123456789");

    return len > 0 && text[len] == '\0' && copy_part(u->port, sizeof(u->port), text, len) &&
           strtol(text, NULL, 10) >= 1 && strtol(text, NULL, 10) <= 65535;
}

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT. */
static bool
read_address(const char *text, struct wire_url *u)
{
    bool bracket = *text == '[';
    const char *host = bracket ? text + 1 : text;
    size_t len = strcspn(host, bracket ? "]" : ":");
    const char *rest = host + len;

    if (bracket && *rest++ != ']') {
        return false;
    }
    return len > 0 && copy_part(u->host, sizeof(u->host), host, len) &&
           (*rest == '\0' || (*rest == ':' && read_port(rest + 1, u)));
}

bool
wire_read_url(const char *text, struct wire_url *ret_url)
{
    struct wire_url u = { .port = DEFAULT_PORT };
    char address[WIRE_HOST_MAX + 16];
    const char *rest = strstr(text, "://");

    if (rest != NULL) {
        u.tls = strncasecmp(text, "tls://", 6) == 0;
        if (!u.tls && strncasecmp(text, "nats://", 7) != 0) {
            return false;
        }
    }
    rest = rest != NULL ? rest + 3 : text;
    const char *at = strrchr(rest, '@');
    if (at != NULL && !read_user(rest, (size_t)(at - rest), &u)) {
        return false;
    }
    rest = at != NULL ? at + 1 : rest;
    size_t len = strcspn(rest, "/");
    if (!copy_part(address, sizeof(address), rest, len) ||
        (rest[len] != '\0' && rest[len + 1] != '\0') || !read_address(address, &u)) {
        return false;
    }
    char shown[sizeof(u.shown)];
    int used = snprintf(shown, sizeof(shown), "%s://%s", u.tls ? "tls" : "nats", address);
    if (used < 0 || (size_t)used >= sizeof(shown)) {
        return false;
    }
    wire_clean(u.shown, sizeof(u.shown), shown);
    *ret_url = u;
    return true;
}

static enum proof_result
resolve(const struct wire_url *url, struct addrinfo **ret_list, struct proof_report *report)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    int err = getaddrinfo(url->host, url->port, &hints, ret_list);

    if (err == 0) {
        return PROOF_OK;
    }
    if (err == EAI_MEMORY) {
        return PROOF_MEMORY;
    }
    if (err == EAI_AGAIN) {
        (void)trouble_say(&report->trouble, 0,
            "look at the name servers in /etc/resolv.conf and at the way to them",
            "no name server answers for \"%s\"", url->host);
        return PROOF_DNS;
    }
    (void)trouble_say(&report->trouble, 0,
        "look for a mistake in the URL, or add the name to the name server or to /etc/hosts",
        "the name \"%s\" is not known (%s)", url->host, gai_strerror(err));
    return PROOF_DNS;
}

/* Connects to one address; 0, or an errno. */
static int
connect_to(struct wire *w, const struct addrinfo *address)
{
    int err = 0;
    socklen_t len = sizeof(err);

    w->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (w->fd < 0) {
        return errno;
    }
    wire_begin(w);
    if (connect(w->fd, address->ai_addr, address->ai_addrlen) == 0) {
        return 0;
    }
    err = errno;
    if (err == EINPROGRESS) {
        err = wire_wait(w, POLLOUT) == WIRE_TIMEOUT ? ETIMEDOUT : 0;
    }
    if (err == 0 && getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0) {
        err = errno;
    }
    if (err != 0) {
        (void)close(w->fd);
        w->fd = -1;
    }
    return err;
}

static enum proof_result
say_tcp(const struct wire_url *url, int err, struct proof_report *report)
{
    const char *remedy = "look at the route to it, and at the firewalls on the way";

    if (err == ECONNREFUSED) {
        remedy = "start the NATS server there, or correct host and port of the URL";
    } else if (err == ETIMEDOUT) {
        remedy = "open the port in the firewalls on the way, or correct host and port of the URL";
    }
    (void)trouble_say(&report->trouble, err, remedy, "cannot connect to %s port %s: %s", url->host,
        url->port, err == ETIMEDOUT ? "no answer in time" : strerror(err));
    return PROOF_TCP;
}

static enum proof_result
connect_any(struct wire *w, const struct wire_url *url, struct proof_report *report)
{
    struct addrinfo *list = NULL;
    int err = EHOSTUNREACH;
    enum proof_result result = resolve(url, &list, report);

    if (result != PROOF_OK) {
        return result;
    }
    for (const struct addrinfo *a = list; a != NULL && err != 0; a = a->ai_next) {
        err = connect_to(w, a);
    }
    freeaddrinfo(list);
    return err == 0 ? PROOF_OK : say_tcp(url, err, report);
}

static void
copy_member(const json_t *info, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(info, name));

    wire_clean(out, size, text != NULL ? text : "");
}

/* Takes in "INFO {...}". False when it is none. */
static bool
read_info(struct wire *w, const char *line, struct proof_report *report)
{
    json_t *info = strncasecmp(line, "INFO ", 5) == 0 ? json_loads(line + 5, 0, NULL) : NULL;

    if (!json_is_object(info)) {
        json_decref(info);
        return false;
    }
    copy_member(info, "version", report->server_version, sizeof(report->server_version));
    copy_member(info, "nonce", w->nonce, sizeof(w->nonce));
    w->tls_required = json_is_true(json_object_get(info, "tls_required"));
    w->tls_available = json_is_true(json_object_get(info, "tls_available"));
    w->tls_verify = json_is_true(json_object_get(info, "tls_verify"));
    report->payload_max = json_integer_value(json_object_get(info, "max_payload"));
    json_decref(info);
    return true;
}

enum proof_result
wire_dial(struct wire *w, const struct wire_url *url, struct proof_report *report)
{
    char *line = NULL;
    enum proof_result result = connect_any(w, url, report);

    if (result != PROOF_OK) {
        return result;
    }
    wire_begin(w);
    switch (wire_line(w, &line)) {
    case WIRE_OK:
        if (read_info(w, line, report)) {
            return PROOF_OK;
        }
        break;
    case WIRE_TIMEOUT:
        (void)trouble_say(&report->trouble, 0,
            "correct the port (a NATS server speaks first, unless it has tls.handshake_first, "
            "which must be off), or restart the server",
            "%s port %s accepts connections and says nothing", url->host, url->port);
        return PROOF_SILENT;
    case WIRE_CLOSED:
        (void)trouble_say(&report->trouble, 0,
            "look at the server's log: it may be starting, shutting down or full",
            "%s port %s closes the connection at once", url->host, url->port);
        return PROOF_NOT_NATS;
    case WIRE_LONG: break;
    }
    (void)trouble_say(&report->trouble, 0, "correct host and port of the URL",
        "what answers on %s port %s is not a NATS server", url->host, url->port);
    return PROOF_NOT_NATS;
}
