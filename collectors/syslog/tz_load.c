/* SPDX-License-Identifier: Apache-2.0 */
#include "tz_load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decode/tzif.h"
#include "decode/words.h"

#include "sr/banned.h"

#define DEPTH_MAX 4              /* America/Argentina/Buenos_Aires has two */
#define FILE_MAX 65536           /* the largest zone has some 4 KiB */
#define NAMES_MAX 8192           /* there are about 600 */
#define CHANGES_TOTAL (1u << 20) /* there are about 60,000 */

/* A zone while the table is made: enough to find equal ones. */
struct zone_key {
    struct tz_zone zone;
    uint64_t hash;
};

/* Growing arrays; they become the table's. */
struct builder {
    char path[PATH_MAX]; /* of what is being read, for errors */
    size_t root_len;     /* of the directory's path and its slash */
    struct tz_name *names;
    size_t name_count, name_room;
    char *text;
    size_t text_len, text_room;
    struct zone_key *zones;
    size_t zone_count, zone_room;
    int64_t *local;
    int32_t *offset;
    size_t change_count, local_room, offset_room;
    struct tzif zif;
    uint8_t file[FILE_MAX];
};

const char *
tz_load_strerror(enum tz_load_err err)
{
    switch (err) {
    case TZ_LOAD_OK: return "no error";
    case TZ_LOAD_EDIR: return "the time zone directory cannot be read";
    case TZ_LOAD_EFILE: return "the time zone file cannot be read";
    case TZ_LOAD_EFORMAT: return "the time zone file is malformed";
    case TZ_LOAD_ENONE: return "there are no time zones in the directory";
    case TZ_LOAD_ELIMIT: return "there are too many time zones";
    case TZ_LOAD_EMEM: return "out of memory";
    }
    return "unknown error";
}

/* Makes `array` hold `count` items of `size` bytes; false and unchanged when memory is out. */
static bool
grow(void **array, size_t *room, size_t count, size_t size)
{
    if (count <= *room) {
        return true;
    }
    size_t wanted = *room < 64 ? 64 : *room * 2;
    wanted = wanted < count ? count : wanted;
    void *bigger = realloc(*array, wanted * size);
    if (bigger == NULL) {
        return false;
    }
    *array = bigger;
    *room = wanted;
    return true;
}

/* Adds the changes of b->zif behind those of other zones. */
static enum tz_load_err
add_changes(struct builder *b)
{
    size_t count = b->change_count + b->zif.count;
    int32_t before = b->zif.before;
    int64_t last = INT64_MIN;

    if (count > CHANGES_TOTAL) {
        return TZ_LOAD_ELIMIT;
    }
    /* One more than needed: a zone without changes has an address, too. */
    if (!grow((void **)&b->local, &b->local_room, count + 1, sizeof(*b->local)) ||
        !grow((void **)&b->offset, &b->offset_room, count + 1, sizeof(*b->offset))) {
        return TZ_LOAD_EMEM;
    }
    for (size_t i = 0; i < b->zif.count; i++) {
        const struct tzif_change *c = &b->zif.change[i];
        int64_t local = c->at + (before > c->offset ? before : c->offset);
        /* Two changes within hours may cross on the clock: the search needs them in order. */
        last = local < last ? last : local;
        b->local[b->change_count + i] = last;
        b->offset[b->change_count + i] = c->offset;
        before = c->offset;
    }
    return TZ_LOAD_OK;
}

static uint64_t
hash_bytes(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    }
    return hash;
}

/* Makes a zone of b->zif, or finds the one that is the same. */
static enum tz_load_err
add_zone(struct builder *b, uint16_t *ret_zone)
{
    enum tz_load_err err = add_changes(b);
    if (err != TZ_LOAD_OK) {
        return err;
    }
    struct zone_key key = {
        .zone = { (uint32_t)b->change_count, (uint32_t)b->zif.count, b->zif.before },
        .hash = UINT64_C(0xcbf29ce484222325),
    };
    size_t local_len = b->zif.count * sizeof(*b->local);
    size_t offset_len = b->zif.count * sizeof(*b->offset);
    key.hash = hash_bytes(key.hash, b->local + b->change_count, local_len);
    key.hash = hash_bytes(key.hash, b->offset + b->change_count, offset_len);
    for (size_t i = 0; i < b->zone_count; i++) {
        const struct tz_zone *other = &b->zones[i].zone;
        if (b->zones[i].hash == key.hash && other->count == key.zone.count &&
            other->before == key.zone.before &&
            memcmp(b->local + other->first, b->local + key.zone.first, local_len) == 0 &&
            memcmp(b->offset + other->first, b->offset + key.zone.first, offset_len) == 0) {
            *ret_zone = (uint16_t)i;
            return TZ_LOAD_OK;
        }
    }
    if (!grow((void **)&b->zones, &b->zone_room, b->zone_count + 1, sizeof(*b->zones))) {
        return TZ_LOAD_EMEM;
    }
    *ret_zone = (uint16_t)b->zone_count;
    b->zones[b->zone_count++] = key;
    b->change_count += b->zif.count;
    return TZ_LOAD_OK;
}

static enum tz_load_err
add_name(struct builder *b, const char *name, uint16_t zone)
{
    size_t len = strlen(name);

    if (b->name_count == NAMES_MAX) {
        return TZ_LOAD_ELIMIT;
    }
    if (!grow((void **)&b->names, &b->name_room, b->name_count + 1, sizeof(*b->names)) ||
        !grow((void **)&b->text, &b->text_room, b->text_len + len + 1, 1)) {
        return TZ_LOAD_EMEM;
    }
    b->names[b->name_count++] = (struct tz_name){ (uint32_t)b->text_len, (uint16_t)len, zone };
    memcpy(b->text + b->text_len, name, len + 1);
    b->text_len += len + 1;
    return TZ_LOAD_OK;
}

/* Reads the file b->path into b->file. */
static enum tz_load_err
read_file(struct builder *b, struct sr_span *ret_bytes)
{
    size_t len = 0;
    ssize_t n = 0;
    int fd = open(b->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return TZ_LOAD_EFILE;
    }
    while (len < sizeof(b->file) && (n = read(fd, b->file + len, sizeof(b->file) - len)) > 0) {
        len += (size_t)n;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    *ret_bytes = (struct sr_span){ b->file, len };
    return n < 0 ? TZ_LOAD_EFILE : TZ_LOAD_OK;
}

static enum tz_load_err
load_file(struct builder *b)
{
    struct sr_span bytes;
    uint16_t zone = 0;
    enum tz_load_err err = read_file(b, &bytes);

    if (err != TZ_LOAD_OK) {
        return err;
    }
    enum tzif_err bad = tzif_parse(bytes, TZ_LAST_YEAR, &b->zif);
    if (bad == TZIF_EMAGIC) { /* zone.tab, leapseconds and the like */
        return TZ_LOAD_OK;
    }
    if (bad != TZIF_OK) {
        return TZ_LOAD_EFORMAT;
    }
    err = add_zone(b, &zone);
    return err == TZ_LOAD_OK ? add_name(b, b->path + b->root_len, zone) : err;
}

static bool
is_left_out(const char *name)
{
    static const char *const names[] = { "posix", "right", "localtime", "posixrules", "Factory" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return name[0] == '.';
}

/* Loads everything below b->path, whose length is `len`. */
static enum tz_load_err
load_dir(struct builder *b, size_t len, unsigned depth)
{
    enum tz_load_err err = TZ_LOAD_OK;
    struct dirent *entry;
    struct stat st;
    DIR *dir = opendir(b->path);

    if (dir == NULL) {
        return TZ_LOAD_EDIR;
    }
    while (err == TZ_LOAD_OK && (entry = readdir(dir)) != NULL) {
        int n = snprintf(b->path + len, sizeof(b->path) - len, "/%s", entry->d_name);
        if (is_left_out(entry->d_name) || n < 0 || (size_t)n >= sizeof(b->path) - len ||
            stat(b->path, &st) != 0) {
            continue;
        }
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
            err = load_dir(b, len + (size_t)n, depth + 1);
        } else if (S_ISREG(st.st_mode)) {
            err = load_file(b);
        }
    }
    closedir(dir);
    if (err == TZ_LOAD_OK) {
        b->path[len] = '\0';
    }
    return err;
}

static int
compare_names(const void *a, const void *b, void *text)
{
    return strcmp((const char *)text + ((const struct tz_name *)a)->text,
        (const char *)text + ((const struct tz_name *)b)->text);
}

/* Fills a hash table that is at most half full. */
static uint16_t *
make_slots(const struct builder *b, size_t *ret_mask)
{
    size_t count = 2;

    while (count < 2 * b->name_count) {
        count *= 2;
    }
    uint16_t *slots = malloc(count * sizeof(*slots));
    if (slots == NULL) {
        return NULL;
    }
    memset(slots, 0xff, count * sizeof(*slots)); /* TZ_EMPTY_SLOT */
    for (size_t i = 0; i < b->name_count; i++) {
        struct sr_span name = { (const uint8_t *)b->text + b->names[i].text, b->names[i].len };
        size_t at = tz_hash(name) & (count - 1);
        while (slots[at] != TZ_EMPTY_SLOT) {
            at = (at + 1) & (count - 1);
        }
        slots[at] = (uint16_t)i;
    }
    *ret_mask = count - 1;
    return slots;
}

/* Gives back what an array has too much; it stays as it is when that fails. */
static void *
fit(void *array, size_t len)
{
    void *smaller = realloc(array, len > 0 ? len : 1);

    /* cppcheck-suppress memleak ; a failed realloc() leaves `array` as it was, which is returned */
    return smaller != NULL ? smaller : array;
}

/* Makes the table from the builder's arrays and takes them. */
static enum tz_load_err
finish(struct builder *b, struct tz_db *ret_db)
{
    struct tz_db db = { .zone_count = b->zone_count };

    qsort_r(b->names, b->name_count, sizeof(*b->names), compare_names, b->text);
    struct tz_zone *zones = malloc(b->zone_count * sizeof(*zones));
    uint16_t *slots = make_slots(b, &db.table.slot_mask);
    if (zones == NULL || slots == NULL) {
        free(zones);
        free(slots);
        return TZ_LOAD_EMEM;
    }
    for (size_t i = 0; i < b->zone_count; i++) {
        zones[i] = b->zones[i].zone;
    }
    for (size_t i = 0; i < b->name_count; i++) {
        size_t len = b->names[i].len;
        db.table.longest = len > db.table.longest ? len : db.table.longest;
    }
    db.table.names = fit(b->names, b->name_count * sizeof(*b->names));
    db.table.name_count = b->name_count;
    db.table.text = fit(b->text, b->text_len);
    db.table.zones = zones;
    db.table.local = fit(b->local, b->change_count * sizeof(*b->local));
    db.table.offset = fit(b->offset, b->change_count * sizeof(*b->offset));
    db.table.slots = slots;
    db.bytes = b->name_count * sizeof(*b->names) + b->text_len + b->zone_count * sizeof(*zones) +
               b->change_count * (sizeof(*b->local) + sizeof(*b->offset)) +
               (db.table.slot_mask + 1) * sizeof(*slots);
    b->names = NULL;
    b->text = NULL;
    b->local = NULL;
    b->offset = NULL;
    *ret_db = db;
    return TZ_LOAD_OK;
}

enum tz_load_err
tz_load(const char *dir, struct tz_db *ret_db, char *where, size_t size)
{
    struct builder *b = calloc(1, sizeof(*b));

    (void)snprintf(where, size, "%s", dir);
    if (b == NULL) {
        return TZ_LOAD_EMEM;
    }
    enum tz_load_err err = TZ_LOAD_EDIR;
    int len = snprintf(b->path, sizeof(b->path), "%s", dir);
    if (len >= 0 && (size_t)len < sizeof(b->path)) {
        b->root_len = (size_t)len + 1;
        err = load_dir(b, (size_t)len, 0);
    }
    if (err == TZ_LOAD_OK) {
        err = b->name_count == 0 ? TZ_LOAD_ENONE : finish(b, ret_db);
    }
    int saved = errno;
    (void)snprintf(where, size, "%s", b->path);
    free(b->names);
    free(b->text);
    free(b->zones);
    free(b->local);
    free(b->offset);
    free(b);
    errno = saved;
    return err;
}

bool
tz_is_known(const char *dir, const char *name)
{
    static const char magic[] = { 'T', 'Z', 'i', 'f' };
    char path[PATH_MAX];
    char head[sizeof(magic)];
    int len = snprintf(path, sizeof(path), "%s/%s", dir, name);

    if (name[0] == '/' || strstr(name, "..") != NULL || len < 0 || (size_t)len >= sizeof(path)) {
        return false;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool known = fd >= 0 && read(fd, head, sizeof(head)) == (ssize_t)sizeof(head) &&
                 memcmp(head, magic, sizeof(magic)) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return known;
}

void
tz_db_free(struct tz_db *db)
{
    /* The table is read-only for everyone else. */
    free((void *)(uintptr_t)db->table.names);
    free((void *)(uintptr_t)db->table.text);
    free((void *)(uintptr_t)db->table.zones);
    free((void *)(uintptr_t)db->table.local);
    free((void *)(uintptr_t)db->table.offset);
    free((void *)(uintptr_t)db->table.slots);
    *db = (struct tz_db){ .bytes = 0 };
}

/* Copies `text` without white space around it; false when nothing is left or it does not fit. */
static bool
copy_name(const char *text, char *name, size_t size)
{
    struct sr_span trimmed = words_trim((struct sr_span){ (const uint8_t *)text, strlen(text) });

    if (trimmed.len == 0 || trimmed.len >= size) {
        return false;
    }
    memcpy(name, trimmed.data, trimmed.len);
    name[trimmed.len] = '\0';
    return true;
}

/* The first line of `etc`/timezone. */
static bool
name_from_file(const char *etc, char *name, size_t size)
{
    char path[PATH_MAX];
    char line[256];

    (void)snprintf(path, sizeof(path), "%s/timezone", etc);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return false;
    }
    bool found = fgets(line, sizeof(line), f) != NULL && copy_name(line, name, size);
    fclose(f);
    return found;
}

/* The target of the link `etc`/localtime, from behind "zoneinfo/". */
static bool
name_from_link(const char *etc, char *name, size_t size)
{
    static const char marker[] = "zoneinfo/";
    char path[PATH_MAX];
    char target[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/localtime", etc);
    ssize_t len = readlink(path, target, sizeof(target) - 1);
    if (len < 0) {
        return false;
    }
    target[len] = '\0';
    const char *at = strstr(target, marker);
    return at != NULL && copy_name(at + sizeof(marker) - 1, name, size);
}

bool
tz_local_name(const char *etc, char *name, size_t size)
{
    const char *variable = getenv("TZ");

    return (variable != NULL && copy_name(variable, name, size)) ||
           name_from_file(etc, name, size) || name_from_link(etc, name, size);
}
