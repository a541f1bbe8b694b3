/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "files.h"

#include "sr/banned.h"

#define FILE_MAX 65536U
#define ASK_MS 2000

static void word(struct status_collector *s, bool bad, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
word(struct status_collector *s, bool bad, const char *format, ...)
{
    va_list args;

    if (s->word_count < STATUS_WORDS_MAX) {
        va_start(args, format);
        (void)vsnprintf(s->words[s->word_count].text, sizeof(s->words[0].text), format, args);
        va_end(args);
        s->words[s->word_count++].bad = bad;
    }
}

static void
judge_lifetime(
    struct status_collector *s, const char *what, const struct lifetime *l, uint64_t now_s)
{
    char text[128];

    (void)lifetime_tell(l, now_s, text);
    switch (lifetime_at(l, now_s)) {
    case LIFETIME_GOOD: return;
    case LIFETIME_RENEW: word(s, false, "renew the %s: %s", what, text); return;
    case LIFETIME_SOON: word(s, false, "the %s ends soon: %s", what, text); return;
    case LIFETIME_NOT_YET: word(s, true, "the %s is not good yet: %s", what, text); return;
    case LIFETIME_EXPIRED: word(s, true, "the %s: %s", what, text); return;
    }
}

/* Reads a file of the collector and takes its lifetime. It may hold a secret. */
static bool
read_lifetime(const struct status_options *o, struct status_collector *s, const char *path,
    bool is_creds, struct lifetime *ret_lifetime)
{
    char full[FILES_PATH_MAX];
    char *text = NULL;
    size_t len = 0;

    if (!files_path(full, "%s%s", o->root, path) || !files_read(full, FILE_MAX, &text, &len)) {
        /* What only root may read says nothing about the collector. */
        word(s, errno != EACCES, "cannot read %s: %s", path, strerror(errno));
        return false;
    }
    struct sr_span span = { (const uint8_t *)text, len };
    bool ok = is_creds ? lifetime_of_creds(span, ret_lifetime)
                       : lifetime_of_certificate(span, 0, ret_lifetime);
    OPENSSL_cleanse(text, len);
    free(text);
    if (!ok) {
        word(s, true, "%s is damaged", path);
    }
    return ok;
}

static void
look_at_files(const struct status_options *o, struct status_collector *s)
{
    const struct record *r = &s->record;

    s->has_creds = read_lifetime(o, s, r->creds, true, &s->creds);
    if (s->has_creds) {
        judge_lifetime(s, "credentials", &s->creds, o->now_s);
    }
    if (*r->certificate != '\0') {
        s->has_certificate = read_lifetime(o, s, r->certificate, false, &s->certificate);
    }
    if (s->has_certificate) {
        judge_lifetime(s, "certificate", &s->certificate, o->now_s);
    }
}

static void
look_at_settings(const struct status_options *o, struct status_collector *s)
{
    char daemon[FILES_PATH_MAX], path[FILES_PATH_MAX];
    struct trouble trouble;

    s->has_settings =
        files_path(path, "%s%s", o->root, s->record.config) &&
        settings_daemon(o->root, o->daemon_dir, s->record.collector, daemon, &trouble) &&
        settings_of_file(daemon, path, &s->settings, &trouble);
    if (!s->has_settings) {
        word(s, true, "%s", trouble.cause);
    }
}

static void
look_at_unit(const struct status_options *o, struct status_collector *s)
{
    s->unit = unit_look(o->root, s->record.unit);
    if (s->unit.state == UNIT_INACTIVE || s->unit.state == UNIT_FAILED ||
        s->unit.state == UNIT_STARTING) {
        word(s, true, "%s is %s", s->record.unit, unit_word(s->unit.state));
    } else if (s->unit.state == UNIT_NO_FILE) {
        word(s, true, "there is no unit %s", s->record.unit);
    } else if (s->unit.state == UNIT_ACTIVE && !s->unit.enabled) {
        word(s, false, "%s runs, but will not after the next boot", s->record.unit);
    }
}

static void
look_at_daemon(struct status_collector *s)
{
    struct daemon_state *d = &s->daemon;
    char program[64];

    *d = (struct daemon_state){ .answers = false };
    if (!s->has_settings || *s->settings.metrics == '\0') {
        return;
    }
    daemon_ask(s->settings.metrics, ASK_MS, d);
    (void)snprintf(
        program, sizeof(program), "serviceradar-%s", bundle_collector_name(s->record.collector));
    if (d->answers && strcmp(d->program, program) != 0) {
        word(s, true, "something else than %s answers on %s", program, s->settings.metrics);
        d->answers = false;
    } else if (d->answers) {
        if (!d->healthy) {
            word(s, true, "the daemon says that a thread of it hangs");
        }
        if (!d->ready) {
            word(s, true, "the daemon takes no records: %.200s", d->words);
        } else if (!d->output_up) {
            word(s, true, "the daemon is not connected; records wait in its queue");
        }
    } else if (s->unit.state == UNIT_ACTIVE) {
        word(s, true, "the daemon does not answer on %s", s->settings.metrics);
    }
}

bool
status_look(const struct status_options *options, const char *name,
    struct status_collector *ret_status, struct trouble *trouble)
{
    memset(ret_status, 0, sizeof(*ret_status));
    if (!record_read(options->root, name, &ret_status->record, trouble)) {
        return false;
    }
    look_at_files(options, ret_status);
    look_at_settings(options, ret_status);
    look_at_unit(options, ret_status);
    look_at_daemon(ret_status);
    return true;
}

bool
status_is_well(const struct status_collector *status)
{
    for (size_t i = 0; i < status->word_count; i++) {
        if (status->words[i].bad) {
            return false;
        }
    }
    return true;
}
