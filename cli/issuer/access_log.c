/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "issuer/api_call.h"
#include "sr/log.h"

#include "sr/banned.h"

#define PATH_TEXT_MAX 128
#define LINE_TEXT_MAX 512
#define HOST_DIGITS 8 /* of the hash: enough to tell hosts apart */
#define METHOD_MAX 12

struct access_log {
    pthread_mutex_t lock;
    char *path;
    int fd;
};

static int
open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0640);
}

static bool
cannot_open(struct trouble *trouble, int error, const char *path)
{
    return trouble_say(trouble, error,
        "give --access-log a file in a folder that this user may write to",
        "cannot open the access log %s: %s", path, strerror(error));
}

bool
access_log_open(const char *path, struct access_log **ret_log, struct trouble *trouble)
{
    struct access_log *log = calloc(1, sizeof(*log));
    char *copy = strdup(path);

    if (log == NULL || copy == NULL) {
        free(log);
        free(copy);
        return trouble_say(
            trouble, ENOMEM, "free memory and run it again", "there is no memory left");
    }
    int fd = open_file(path);
    if (fd < 0) {
        int error = errno;
        free(log);
        free(copy);
        return cannot_open(trouble, error, path);
    }
    (void)pthread_mutex_init(&log->lock, NULL);
    log->path = copy;
    log->fd = fd;
    *ret_log = log;
    return true;
}

bool
access_log_reopen(struct access_log *log, struct trouble *trouble)
{
    int fd = open_file(log->path);

    if (fd < 0) {
        return cannot_open(trouble, errno, log->path);
    }
    (void)pthread_mutex_lock(&log->lock);
    int old = log->fd;
    log->fd = fd;
    (void)pthread_mutex_unlock(&log->lock);
    (void)close(old);
    return true;
}

/* The first characters of a word when it has only letters and digits, else "-". */
static void
word(const char *text, size_t max, char *out)
{
    static const char known[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t len = text != NULL ? strlen(text) : 0;

    if (len == 0 || strspn(text, known) < len) {
        text = "-";
    }
    (void)snprintf(out, max + 1, "%s", text);
}

void
access_log_write(struct access_log *log, const struct access_line *line)
{
    static struct sr_log_limit limit;
    char path[PATH_TEXT_MAX], when[32], peer[SR_PEER_TEXT_MAX];
    char host[HOST_DIGITS + 1], method[METHOD_MAX + 1], text[LINE_TEXT_MAX];
    time_t now = time(NULL);
    struct tm utc;
    uint64_t suppressed;

    if (log == NULL || gmtime_r(&now, &utc) == NULL) {
        return;
    }
    (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
    (void)sr_peer_text(line->peer, peer);
    api_path_text(line->target, path, sizeof(path));
    word(line->host, HOST_DIGITS, host);
    word(line->method, METHOD_MAX, method);
    int len = snprintf(text, sizeof(text), "%s %s %s %s %u %s %llu\n", when, peer, method,
        path[0] != '\0' ? path : "-", line->status, host, (unsigned long long)line->took_ms);
    (void)pthread_mutex_lock(&log->lock);
    bool ok = write(log->fd, text, (size_t)len) == len;
    (void)pthread_mutex_unlock(&log->lock);
    if (!ok && sr_log_allowed(&limit, &suppressed)) {
        sr_log(SR_LOG_WARNING, "cannot write the access log file=\"%s\" suppressed=%llu", log->path,
            (unsigned long long)suppressed);
    }
}

void
access_log_close(struct access_log *log)
{
    if (log == NULL) {
        return;
    }
    (void)close(log->fd);
    (void)pthread_mutex_destroy(&log->lock);
    free(log->path);
    free(log);
}
