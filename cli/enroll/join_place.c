/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/join_parts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enroll/config_names.h"
#include "enroll/manifest.h"

#include "sr/banned.h"

#define FILE_MODE 0640
#define RECORD_MODE 0600

char *
join_path_of(struct record *record, enum join_part part)
{
    switch (part) {
    case JOIN_CONFIG: return record->config;
    case JOIN_CREDS: return record->creds;
    case JOIN_CERTIFICATE: return record->certificate;
    case JOIN_KEY: return record->key;
    case JOIN_CA_CHAIN: return record->ca_chain;
    case JOIN_PARTS: break;
    }
    return record->config;
}

/* The path by which the configuration reads a part; the configuration itself has none. */
static char *
configured(struct settings *settings, enum join_part part)
{
    switch (part) {
    case JOIN_CREDS: return settings->creds;
    case JOIN_CERTIFICATE: return settings->certificate;
    case JOIN_KEY: return settings->key;
    case JOIN_CA_CHAIN: return settings->ca_chain;
    case JOIN_CONFIG:
    case JOIN_PARTS: break;
    }
    return settings->creds;
}

static struct sr_span
content(const struct join *j, enum join_part part)
{
    switch (part) {
    case JOIN_CONFIG: return (struct sr_span){ j->config, j->config_len };
    case JOIN_CREDS: return j->bundle->creds;
    case JOIN_CERTIFICATE: return j->bundle->certificate;
    case JOIN_KEY: return j->bundle->key;
    case JOIN_CA_CHAIN: return j->bundle->ca_chain;
    case JOIN_PARTS: break;
    }
    return (struct sr_span){ NULL, 0 };
}

/* ---- Where a part goes ---- */

static const char *
config_dir(const struct join_options *o)
{
    return o->config_dir != NULL ? o->config_dir : JOIN_CONFIG_DIR;
}

/* The folder that the options name for a part, or NULL. */
static const char *
wanted_dir(const struct join_options *o, enum join_part part)
{
    return part == JOIN_CONFIG ? o->config_dir : part == JOIN_CREDS ? o->creds_dir : o->cert_dir;
}

bool
join_default_path(const struct join_options *options, const char *name, enum join_part part,
    const char *extension, char out[RECORD_TEXT_MAX])
{
    static const char *const ends[] = { "", ".creds", ".pem", "-key.pem", "-ca.pem" };
    static const char *const folders[] = { "", "/creds", "/certs", "/certs", "/certs" };
    const char *dir = wanted_dir(options, part);
    int len = snprintf(out, RECORD_TEXT_MAX, "%s%s/%s%s", dir != NULL ? dir : config_dir(options),
        dir != NULL ? "" : folders[part], name, part == JOIN_CONFIG ? extension : ends[part]);

    return len > 0 && len < RECORD_TEXT_MAX;
}

static bool
is_below(const char *path, const char *dir)
{
    size_t len = dir != NULL ? strlen(dir) : 0;

    return len > 0 && strncmp(path, dir, len) == 0 && path[len] == '/';
}

/*
 * Whether a path is one of ours: a bundle has no business elsewhere on a host. Nor has it any among
 * the keys by which the host trusts tokens.
 */
static bool
is_ours(const struct join_options *o, const char *path)
{
    return *path == '/' && manifest_path_is_fine(path + 1) &&
           !is_below(path, JOIN_CONFIG_DIR "/trust.d") &&
           (is_below(path, JOIN_CONFIG_DIR) || is_below(path, o->config_dir) ||
               is_below(path, o->cert_dir) || is_below(path, o->creds_dir));
}

/* The records of the other collectors of the host, and ours of an enrolment before. */
struct neighbours {
    size_t count;
    struct record others[RECORDS_MAX];
    bool has_own;
    struct record own;
};

static void
read_neighbours(const struct join *j, struct neighbours *out)
{
    char names[RECORDS_MAX][RECORD_NAME_MAX];
    struct trouble trouble;
    struct record read;

    out->count = 0;
    out->has_own = false;
    size_t count = record_list(j->root, names);
    for (size_t i = 0; i < count; i++) {
        if (!record_read(j->root, names[i], &read, &trouble)) {
            if (trouble.error != ENOENT) {
                join_say(j, 'w', "%s", trouble.cause);
            }
        } else if (strcmp(names[i], j->name) == 0) {
            out->own = read;
            out->has_own = true;
        } else {
            out->others[out->count++] = read;
        }
    }
}

static bool
is_taken(struct neighbours *n, const char *path)
{
    for (size_t i = 0; i < n->count; i++) {
        for (int part = 0; part < JOIN_PARTS; part++) {
            if (strcmp(join_path_of(&n->others[i], (enum join_part)part), path) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* The path that the bundle means for a part. */
static bool
meant_path(struct join *j, enum join_part part, char out[RECORD_TEXT_MAX])
{
    const char *name =
        part == JOIN_CONFIG ? j->bundle->config_name : configured(&j->settings, part);
    const char *dir = part == JOIN_CONFIG ? config_dir(j->options) : wanted_dir(j->options, part);
    int len = dir != NULL ? snprintf(out, RECORD_TEXT_MAX, "%s/%s", dir, place_base(name))
                          : snprintf(out, RECORD_TEXT_MAX, "%s", name);

    return len > 0 && len < RECORD_TEXT_MAX && is_ours(j->options, out);
}

/*
 * Whether a configuration has a name that says nothing about the collector, or would be where the
 * units look for one, under a name that they do not read.
 */
static bool
is_passed_over(const struct join *j, const char *path)
{
    return strncmp(j->bundle->config_name, "config.", 7) == 0 ||
           (strcmp(config_dir(j->options), CONFIG_NAMES_DIR) == 0 &&
               !config_names_has(j->name, path));
}

bool
join_check_choice(const struct join *j, const char *name, const char *path, const char *before,
    struct trouble *trouble)
{
    char shadow[FILES_PATH_MAX];

    if (!config_names_has(name, path)) {
        join_say(j, 'w', "serviceradar-%s.service reads configurations in %s only, not %s", name,
            CONFIG_NAMES_DIR, path);
        return true;
    }
    if (!config_names_shadow(j->root, name, path, before, shadow)) {
        return true;
    }
    return trouble_say(trouble, EEXIST, "move that file away, and run it again",
        "%s is there, which the service reads before the %s of the enrolment", shadow, path);
}

static bool
choose_path(struct join *j, enum join_part part, struct neighbours *n, struct trouble *trouble)
{
    char *out = join_path_of(j->record, part);
    const char *dot = strrchr(j->bundle->config_name, '.');

    *out = '\0';
    if (content(j, part).len == 0 ||
        (part != JOIN_CONFIG && *configured(&j->settings, part) == '\0')) {
        return true;
    }
    if (*join_instance(j) == '\0' && meant_path(j, part, out) && !is_taken(n, out) &&
        (part != JOIN_CONFIG || !is_passed_over(j, out))) {
        return true;
    }
    if (!join_default_path(j->options, j->name, part, dot != NULL ? dot : ".json", out) ||
        !is_ours(j->options, out) || is_taken(n, out)) {
        return trouble_say(trouble, 0, "name other folders, or unenroll the other collector",
            "there is no place for %s: another collector has it, or the path is odd", out);
    }
    return true;
}

/* What the bundle brings and the configuration reads must fit together. */
static bool
check_parts(struct join *j, struct trouble *trouble)
{
    static const char *const names[] = { "", "credentials", "certificate", "key", "CA file" };

    if (*j->record->creds == '\0' && strcmp(j->settings.output, "nats") == 0) {
        return trouble_say(trouble, 0,
            "have the bundle issued again with nats.creds_file in its configuration",
            "the configuration does not read the credentials");
    }
    for (int part = JOIN_CERTIFICATE; part < JOIN_PARTS; part++) {
        const char *path = configured(&j->settings, (enum join_part)part);
        size_t len = content(j, (enum join_part)part).len;
        if (*path == '\0' && len > 0) {
            join_say(j, 'w', "the configuration does not read the %s of the bundle; it is left out",
                names[part]);
        }
        if (*path != '\0' && len == 0 && access(path, R_OK) != 0) {
            return trouble_say(trouble, 0, "have the bundle issued again with it",
                "the configuration reads %s, which the bundle does not bring", path);
        }
    }
    return true;
}

/* ---- What the configuration says ---- */

/* Whether a character may go on a path, so that a text beside it is another path. */
static bool
goes_on(uint8_t c)
{
    return isalnum(c) || strchr("._-/+@", c) != NULL;
}

/* Replaces the path `from` by `to` wherever the configuration has it whole. */
static bool
replace_path(struct join *j, const char *from, const char *to)
{
    uint8_t *out = NULL;
    size_t size = 0, len = strlen(from);
    FILE *stream = open_memstream((char **)&out, &size);

    if (stream == NULL) {
        return false;
    }
    for (size_t i = 0; i < j->config_len;) {
        bool here = i + len <= j->config_len && memcmp(j->config + i, from, len) == 0 &&
                    (i == 0 || !goes_on(j->config[i - 1])) &&
                    (i + len == j->config_len || !goes_on(j->config[i + len]));
        if (here) {
            (void)fputs(to, stream);
        } else {
            (void)fputc(j->config[i], stream);
        }
        i += here ? len : 1;
    }
    if (fclose(stream) != 0) {
        free(out);
        return false;
    }
    free(j->config);
    j->config = out;
    j->config_len = size;
    return true;
}

static bool
copy_config(struct join *j)
{
    j->config = malloc(j->bundle->config.len + 1);
    if (j->config == NULL) {
        return false;
    }
    memcpy(j->config, j->bundle->config.data, j->bundle->config.len);
    j->config_len = j->bundle->config.len;
    return true;
}

static bool
is_placed(struct join *j, enum join_part part)
{
    const char *path = join_path_of(j->record, part);

    return *path == '\0' || strcmp(configured(&j->settings, part), path) == 0;
}

/* Makes the configuration read each part from where it goes, and asks the daemon whether it does.
 */
static bool
rewrite(struct join *j, struct trouble *trouble)
{
    bool changed = false;

    for (int part = JOIN_CREDS; part < JOIN_PARTS; part++) {
        const char *from = configured(&j->settings, (enum join_part)part);
        const char *to = join_path_of(j->record, (enum join_part)part);
        if (is_placed(j, (enum join_part)part)) {
            continue;
        }
        join_say(j, 'i', "%s goes to %s", from, to);
        changed = true;
        if (!replace_path(j, from, to)) {
            return trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
        }
    }
    if (!changed) {
        return true;
    }
    if (!settings_of_text(j->daemon, (struct sr_span){ j->config, j->config_len },
            j->bundle->config_name, j->record->instance, &j->settings, trouble)) {
        return false;
    }
    for (int part = JOIN_CREDS; part < JOIN_PARTS; part++) {
        if (!is_placed(j, (enum join_part)part)) {
            return trouble_say(trouble, 0,
                "have the bundle issued again with paths that stand in it as they are, each once",
                "the configuration cannot be made to read %s",
                join_path_of(j->record, (enum join_part)part));
        }
    }
    return true;
}

/* ---- The set ---- */

static void
add_file(struct join *j, const char *path, struct sr_span bytes, mode_t mode)
{
    j->files[j->file_count++] = (struct generation_file){
        .path = path, .bytes = bytes, .mode = mode, .uid = j->owner.uid, .gid = j->owner.gid
    };
}

/* Parts of the enrolment before that have another place now, or none. */
static void
add_gone(struct join *j, struct neighbours *n)
{
    for (int part = 0; part < JOIN_PARTS && n->has_own; part++) {
        const char *was = join_path_of(&n->own, (enum join_part)part);
        bool still = *was == '\0' || is_taken(n, was);
        for (int now = 0; now < JOIN_PARTS && !still; now++) {
            still = strcmp(was, join_path_of(j->record, (enum join_part)now)) == 0;
        }
        for (int other = 0; other < part && !still; other++) {
            still = strcmp(was, j->gone[other]) == 0;
        }
        if (!still) {
            (void)snprintf(j->gone[part], RECORD_TEXT_MAX, "%s", was);
            j->files[j->file_count++] =
                (struct generation_file){ .path = j->gone[part] + 1, .absent = true };
        }
    }
}

/* Whether two records are of one enrolment: all but the moment and the token. */
static bool
is_same(const struct record *a, const struct record *b)
{
    struct record left = *a, right = *b;
    char texts[2][JOIN_RECORD_MAX];

    left.enrolled_s = right.enrolled_s = left.renewed_s = right.renewed_s = 0;
    left.token_hash[0] = right.token_hash[0] = '\0';
    return record_format(&left, texts[0], sizeof(texts[0])) &&
           record_format(&right, texts[1], sizeof(texts[1])) && strcmp(texts[0], texts[1]) == 0;
}

static bool
fill_set(struct join *j, struct neighbours *n, struct trouble *trouble)
{
    for (int part = 0; part < JOIN_PARTS; part++) {
        const char *path = join_path_of(j->record, (enum join_part)part);
        if (*path != '\0') {
            add_file(j, path + 1, content(j, (enum join_part)part), FILE_MODE);
        }
    }
    add_gone(j, n);
    if (j->record->enrolled_s == 0) {
        j->record->enrolled_s = n->has_own ? n->own.enrolled_s : j->options->now_s;
    }
    j->proven_before = n->has_own && is_same(&n->own, j->record);
    if (!record_format(j->record, j->record_text, sizeof(j->record_text))) {
        return trouble_say(trouble, 0, "use shorter paths", "the record does not fit");
    }
    add_file(j, j->record_path,
        (struct sr_span){ (const uint8_t *)j->record_text, strlen(j->record_text) }, RECORD_MODE);
    j->files[j->file_count - 1].uid = geteuid();
    j->files[j->file_count - 1].gid = getegid();
    return true;
}

struct generation_set
join_set(const struct join *j)
{
    return (struct generation_set){ .files = j->files,
        .count = j->file_count,
        .folder_uid = j->owner.uid,
        .folder_gid = j->owner.gid,
        .bundle = j->raw };
}

bool
join_find_owner(struct join *j, struct trouble *trouble)
{
    switch (owner_find(j->root, &j->owner)) {
    case OWNER_SERVICE_GROUP: return true;
    case OWNER_NOT_ROOT: join_say(j, 'w', "not run as root: the files belong to you"); return true;
    case OWNER_NO_SERVICE: break;
    }
    if (*j->root == '\0') {
        return trouble_say(trouble, ENOENT,
            "install the collector's package, or make user and group with systemd-sysusers",
            "there is no user and group " OWNER_SERVICE ", which the services run as");
    }
    join_say(j, 'w', "there is no user and group " OWNER_SERVICE " in %s: the files belong to root",
        j->root);
    return true;
}

bool
join_place(struct join *j, int *ret_exit, struct trouble *trouble)
{
    struct neighbours *n = malloc(sizeof(*n));

    *ret_exit = JOIN_EXIT_FILES;
    if (n == NULL || !copy_config(j)) {
        free(n);
        return trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
    }
    read_neighbours(j, n);
    (void)snprintf(j->record->unit, sizeof(j->record->unit), "serviceradar-%s.service", j->name);
    bool ok = join_find_owner(j, trouble);
    for (int part = 0; part < JOIN_PARTS && ok; part++) {
        ok = choose_path(j, (enum join_part)part, n, trouble);
    }
    ok = ok &&
         join_check_choice(j, j->name, j->record->config, n->has_own ? n->own.config : "", trouble);
    if (ok) {
        *ret_exit = JOIN_EXIT_BUNDLE;
        ok = check_parts(j, trouble) && rewrite(j, trouble) &&
             join_check_room(j, j->name, &j->settings, true, trouble) &&
             settings_check(j->daemon, j->bundle, content(j, JOIN_CONFIG), &j->settings, trouble);
    }
    if (ok) {
        *ret_exit = JOIN_EXIT_FILES;
        ok = fill_set(j, n, trouble);
    }
    free(n);
    return ok;
}
