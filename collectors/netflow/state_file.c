/* SPDX-License-Identifier: Apache-2.0 */
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sr/crc32c.h"
#include "sr/log.h"

#include "sr/banned.h"

#define MAGIC "SRFLOW1\n"
#define MAGIC_SIZE (sizeof(MAGIC) - 1)
#define ENTRY_HEAD 8U   /* length of the body, CRC-32C of the body */
#define ORIGIN_SIZE 27U /* of a datagram: time, family, address, port */
#define FILE_MAX (INT64_C(1) << 30)
#define APPENDED_MIN (256U * 1024)       /* less is not worth writing the file anew */
#define APPENDED_MAX (16U * 1024 * 1024) /* what a storm of changes may append until then */
#define TORN_MAX (128U * 1024) /* a crash spoils no more of the end than the last appends */
#define BUFFER_SIZE (64U * 1024)
#define OPEN_TRIES 8

enum { KIND_EXPORTER = 1, KIND_DATAGRAM = 2 };

struct state_file {
    char *path, *new_path;

    pthread_mutex_t mutex; /* guards up to `old_gap` against appends */
    int fd;                /* written to at its end; -1: only being written anew helps */
    uint64_t base, size;   /* bytes: as written anew, and now */
    bool due;              /* to be written anew */
    bool gap;              /* it lacks something: nothing is appended, for the order counts */
    bool old_gap;          /* it lacks something that what is being written anew has */
    _Atomic bool unsynced;

    /* Of whoever writes it anew. */
    int new_fd;
    int error;
    uint64_t begun_at, new_size;
    uint8_t *buffer;
    size_t buffered;
};

/* ---- Entries ---- */

static uint8_t *
put_be(uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;) {
        *out++ = (uint8_t)(value >> 8 * i);
    }
    return out;
}

/* Everything of an entry but its payload, which has `len` bytes. `out` has room for HEAD_MAX. */
#define HEAD_MAX (ENTRY_HEAD + 2 + STATE_FILE_NAME_MAX + ORIGIN_SIZE)
struct origin {
    const struct sr_peer *peer;
    uint64_t now_ns;
};

static size_t
write_head(uint8_t *out, uint8_t kind, const char *listener, const struct origin *origin,
    struct sr_span payload)
{
    uint8_t *p = out + ENTRY_HEAD;
    size_t name = strnlen(listener, STATE_FILE_NAME_MAX);

    *p++ = kind;
    *p++ = (uint8_t)name;
    memcpy(p, listener, name);
    p += name;
    if (origin != NULL) {
        p = put_be(p, origin->now_ns, 8);
        *p++ = origin->peer->is_v6 ? 1 : 0;
        memcpy(p, origin->peer->address, 16);
        p = put_be(p + 16, origin->peer->port, 2);
    }
    size_t own = (size_t)(p - out) - ENTRY_HEAD;
    uint32_t crc = sr_crc32c(sr_crc32c(0, out + ENTRY_HEAD, own), payload.data, payload.len);
    (void)put_be(put_be(out, own + payload.len, 4), crc, 4);
    return ENTRY_HEAD + own;
}

/* Hands one body over; false when it is none. */
static bool
read_body(struct sr_span body, const struct state_file_reader *reader)
{
    struct sr_reader r = sr_reader_init(body);
    uint8_t kind = sr_reader_u8(&r);
    struct sr_span listener = sr_reader_take(&r, sr_reader_u8(&r));
    struct sr_peer peer = { 0 };

    if (kind == KIND_EXPORTER && !r.failed) {
        reader->exporter(reader->arg, listener, sr_reader_take(&r, sr_reader_left(&r)));
        return true;
    }
    uint64_t now_ns = sr_reader_be64(&r);
    peer.is_v6 = sr_reader_u8(&r) != 0;
    struct sr_span address = sr_reader_take(&r, sizeof(peer.address));
    peer.port = sr_reader_be16(&r);
    if (kind != KIND_DATAGRAM || r.failed) {
        return false;
    }
    memcpy(peer.address, address.data, sizeof(peer.address));
    reader->datagram(reader->arg, listener, &peer, now_ns, sr_reader_take(&r, sr_reader_left(&r)));
    return true;
}

/*
 * The body of the first entry of `file`, what is behind it, and whether its checksum fits; false
 * when the entry does not end in it.
 */
static bool
next_entry(struct sr_span file, struct sr_span *ret_body, struct sr_span *ret_rest, bool *ret_fine)
{
    struct sr_reader r = sr_reader_init(file);
    uint32_t len = sr_reader_be32(&r);
    uint32_t crc = sr_reader_be32(&r);
    struct sr_span body = sr_reader_take(&r, len);

    if (r.failed || len == 0) {
        return false;
    }
    *ret_body = body;
    *ret_rest = (struct sr_span){ r.pos, sr_reader_left(&r) };
    *ret_fine = sr_crc32c(0, body.data, body.len) == crc;
    return true;
}

/* Reads entries off `*file` up to the first that is not whole. */
static void
read_entries(struct sr_span *file, const struct state_file_reader *reader)
{
    struct sr_span body, rest;
    bool fine;

    while (next_entry(*file, &body, &rest, &fine) && fine && read_body(body, reader)) {
        *file = rest;
    }
}

/* True when a crash cannot have left an end like that. */
static bool
is_damage(struct sr_span end)
{
    struct sr_span body, rest;
    bool fine;

    return end.len > TORN_MAX ||
           (next_entry(end, &body, &rest, &fine) && next_entry(rest, &body, &rest, &fine) && fine);
}

/* ---- Opening ---- */

const char *
state_file_advice(int error)
{
    switch (error) {
    case EACCES:
    case EPERM: return "give its directory to the service's user (chown)";
    case ENOENT: return "make the directory that it is in, or set state_file to another path";
    case ENOTDIR:
    case EISDIR:
    case ELOOP: return "set state_file to the path of a plain file";
    case ENOSPC:
    case EDQUOT: return "free space on its disk";
    case EROFS: return "make its file system writable, or set state_file to another path";
    default: return "look at the disk and at the kernel's log";
    }
}

static void
make_directory(const char *path)
{
    char *dir = strdup(path);
    char *slash = dir != NULL ? strrchr(dir, '/') : NULL;

    if (slash != NULL && slash != dir) {
        *slash = '\0';
        (void)mkdir(dir, 0700); /* opening the file says what is wrong */
    }
    free(dir);
}

/* The file at `path`, locked; or -1 with errno, EWOULDBLOCK when another process has it. */
static int
open_locked(const char *path)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        struct stat ours, theirs;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (fd < 0) {
            return -1;
        }
        bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
        if (locked && fstat(fd, &ours) == 0 && stat(path, &theirs) == 0 &&
            ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev) {
            if (S_ISREG(ours.st_mode)) {
                return fd;
            }
            errno = EISDIR;
        }
        int error = errno;
        (void)close(fd);
        if (!locked || error == EISDIR) {
            errno = error;
            return -1;
        }
        /* Its last owner has put another one in its place between our two steps. */
    }
    errno = EWOULDBLOCK;
    return -1;
}

/* All bytes of the file, owned; NULL with errno. */
static uint8_t *
read_all(int fd, size_t *ret_len)
{
    struct stat st;
    size_t got = 0;

    if (fstat(fd, &st) != 0) {
        return NULL;
    }
    if (st.st_size > FILE_MAX) {
        errno = EFBIG;
        return NULL;
    }
    uint8_t *bytes = malloc((size_t)st.st_size + 1);
    while (bytes != NULL && got < (size_t)st.st_size) {
        ssize_t n = pread(fd, bytes + got, (size_t)st.st_size - got, (off_t)got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            int error = errno;
            free(bytes);
            errno = error;
            return NULL;
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    *ret_len = got;
    return bytes;
}

/*
 * Keeps a damaged file for whoever wants to look at it. Its content stays in use under the old name
 * until it is written anew.
 */
static void
set_aside(const struct state_file *f, const char *why)
{
    char *aside = NULL;

    if (asprintf(&aside, "%s.corrupt", f->path) < 0) {
        return;
    }
    (void)unlink(aside);
    bool kept = link(f->path, aside) == 0;
    sr_log(SR_LOG_WARNING,
        "the file of templates is damaged: exporters whose templates it lacks are waited for "
        "file=\"%s\" reason=\"%s\" kept_as=\"%s\"",
        f->path, why, kept ? aside : "");
    free(aside);
}

static void
read_file(struct state_file *f, const struct state_file_reader *reader)
{
    size_t len = 0;
    uint8_t *bytes = read_all(f->fd, &len);
    struct sr_span rest = { bytes, len };

    f->due = true; /* unless all of it is fine */
    if (bytes == NULL) {
        set_aside(f, strerror(errno));
    } else if (memcmp(bytes, MAGIC, len < MAGIC_SIZE ? len : MAGIC_SIZE) != 0) {
        set_aside(f, "it is not a file of templates of this version");
    } else if (len > MAGIC_SIZE) {
        rest = (struct sr_span){ bytes + MAGIC_SIZE, len - MAGIC_SIZE };
        read_entries(&rest, reader);
        if (is_damage(rest)) {
            set_aside(f, "an entry contradicts its checksum");
        }
        f->due = rest.len > 0;
    }
    f->gap = f->due;
    f->size = len;
    f->base = len < MAGIC_SIZE ? len : MAGIC_SIZE; /* what of it was appended does not show */
    free(bytes);
}

struct state_file *
state_file_open(
    const char *path, const struct state_file_reader *reader, char *error, size_t error_size)
{
    struct state_file *f = calloc(1, sizeof(*f));

    if (f == NULL || (f->path = strdup(path)) == NULL ||
        asprintf(&f->new_path, "%s.new", path) < 0) {
        (void)snprintf(error, error_size, "out of memory");
        if (f != NULL) {
            free(f->path);
            free(f);
        }
        return NULL;
    }
    f->new_fd = -1;
    (void)pthread_mutex_init(&f->mutex, NULL);
    make_directory(path);
    f->fd = open_locked(path);
    if (f->fd < 0 && errno == EWOULDBLOCK) {
        (void)snprintf(error, error_size,
            "%s is used by another process; stop that, or give each instance a state_file of its "
            "own",
            path);
    } else if (f->fd < 0) {
        (void)snprintf(
            error, error_size, "%s: %s; %s", path, strerror(errno), state_file_advice(errno));
    } else {
        read_file(f, reader);
        return f;
    }
    state_file_close(f);
    return NULL;
}

void
state_file_close(struct state_file *f)
{
    if (f == NULL) {
        return;
    }
    if (f->fd >= 0) {
        (void)close(f->fd); /* and with it goes the lock */
    }
    if (f->new_fd >= 0) {
        (void)close(f->new_fd);
    }
    (void)pthread_mutex_destroy(&f->mutex);
    free(f->buffer);
    free(f->new_path);
    free(f->path);
    free(f);
}

/* ---- Appending ---- */

void
state_file_append(struct state_file *f, const char *listener, const struct sr_peer *peer,
    uint64_t now_ns, struct sr_span bytes)
{
    uint8_t head[HEAD_MAX];
    struct origin origin = { .peer = peer, .now_ns = now_ns };
    size_t head_len = write_head(head, KIND_DATAGRAM, listener, &origin, bytes);
    struct iovec parts[2] = {
        { .iov_base = head, .iov_len = head_len },
        { .iov_base = (void *)bytes.data, .iov_len = bytes.len },
    };

    (void)pthread_mutex_lock(&f->mutex);
    f->gap = f->gap || f->size - f->base > APPENDED_MAX;
    if (!f->gap) {
        ssize_t n = pwritev(f->fd, parts, 2, (off_t)f->size);
        /* A part of an entry is overwritten by the next one, or no entry to a reader. */
        f->gap = n != (ssize_t)(head_len + bytes.len);
        f->size += f->gap ? 0 : (uint64_t)n;
        atomic_store(&f->unsynced, true);
    }
    f->due = f->due || f->gap;
    (void)pthread_mutex_unlock(&f->mutex);
}

bool
state_file_is_due(struct state_file *f)
{
    (void)pthread_mutex_lock(&f->mutex);
    uint64_t appended = f->size - f->base;
    bool due = f->due || (appended > APPENDED_MIN && appended > f->base);
    (void)pthread_mutex_unlock(&f->mutex);
    return due;
}

bool
state_file_is_behind(struct state_file *f)
{
    (void)pthread_mutex_lock(&f->mutex);
    bool behind = f->gap || f->old_gap;
    (void)pthread_mutex_unlock(&f->mutex);
    return behind;
}

int
state_file_sync(struct state_file *f)
{
    if (!atomic_exchange(&f->unsynced, false) || fdatasync(f->fd) == 0) {
        return 0;
    }
    return errno;
}

/* ---- Writing it anew ---- */

/* Writes to the new file, and remembers the first error. */
static void
write_new(struct state_file *f, const uint8_t *data, size_t len)
{
    while (len > 0 && f->error == 0) {
        ssize_t n = pwrite(f->new_fd, data, len, (off_t)f->new_size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            f->error = n < 0 ? errno : EIO;
            return;
        }
        data += n;
        len -= (size_t)n;
        f->new_size += (uint64_t)n;
    }
}

static void
flush(struct state_file *f)
{
    write_new(f, f->buffer, f->buffered);
    f->buffered = 0;
}

static void
put_bytes(struct state_file *f, const uint8_t *data, size_t len)
{
    if (f->error != 0) {
        return;
    }
    if (len > BUFFER_SIZE - f->buffered) {
        flush(f);
    }
    if (len > BUFFER_SIZE) {
        write_new(f, data, len);
        return;
    }
    if (len > 0) {
        memcpy(f->buffer + f->buffered, data, len);
        f->buffered += len;
    }
}

void
state_file_begin(struct state_file *f)
{
    f->error = 0;
    f->new_size = 0;
    f->buffered = 0;
    f->buffer = f->buffer != NULL ? f->buffer : malloc(BUFFER_SIZE);
    /* Locked before it has its name, so that nobody takes it in between. */
    f->new_fd = open(f->new_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f->buffer == NULL || f->new_fd < 0 || flock(f->new_fd, LOCK_EX | LOCK_NB) != 0) {
        f->error = f->buffer == NULL ? ENOMEM : errno;
    }
    (void)pthread_mutex_lock(&f->mutex);
    f->begun_at = f->size;
    if (f->error == 0) { /* what cannot be appended from here on makes it due again */
        f->due = false;
        f->old_gap = f->gap;
        f->gap = false;
    }
    (void)pthread_mutex_unlock(&f->mutex);
    put_bytes(f, (const uint8_t *)MAGIC, MAGIC_SIZE);
}

void
state_file_put(struct state_file *f, const char *listener, struct sr_span saved)
{
    uint8_t head[HEAD_MAX];

    put_bytes(f, head, write_head(head, KIND_EXPORTER, listener, NULL, saved));
    put_bytes(f, saved.data, saved.len);
}

/* What was appended since begin, behind the rest. Under the mutex. */
static void
copy_appended(struct state_file *f)
{
    for (uint64_t at = f->begun_at; at < f->size && f->error == 0;) {
        uint64_t left = f->size - at;
        ssize_t n =
            pread(f->fd, f->buffer, left < BUFFER_SIZE ? (size_t)left : BUFFER_SIZE, (off_t)at);
        if (n <= 0) {
            f->error = n < 0 ? errno : EIO;
            return;
        }
        write_new(f, f->buffer, (size_t)n);
        at += (uint64_t)n;
    }
}

static void
sync_directory(const struct state_file *f)
{
    char *dir = strdup(f->path);
    char *slash = dir != NULL ? strrchr(dir, '/') : NULL;

    if (slash != NULL) {
        *(slash == dir ? slash + 1 : slash) = '\0';
        int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0) {
            (void)fsync(fd); /* the old name is as good */
            (void)close(fd);
        }
    }
    free(dir);
}

int
state_file_end(struct state_file *f)
{
    flush(f);
    if (f->error == 0 && fdatasync(f->new_fd) != 0) {
        f->error = errno;
    }
    uint64_t base = f->new_size;
    (void)pthread_mutex_lock(&f->mutex);
    copy_appended(f);
    if (f->error == 0 && rename(f->new_path, f->path) != 0) {
        f->error = errno;
    }
    int old = f->new_fd;
    if (f->error == 0) {
        old = f->fd;
        f->fd = f->new_fd;
        f->base = base;
        f->size = f->new_size;
    } else {
        f->due = true;
        f->gap = f->gap || f->old_gap;
    }
    f->old_gap = false;
    f->new_fd = -1;
    (void)pthread_mutex_unlock(&f->mutex);
    if (old >= 0) {
        (void)close(old);
    }
    if (f->error == 0) {
        atomic_store(&f->unsynced, true); /* what was copied */
        sync_directory(f);
    } else {
        (void)unlink(f->new_path);
    }
    return f->error;
}
