/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "enroll/history.h"
#include "files.h"

#include "sr/banned.h"

#define FILE_NAME HISTORY_FOLDER "/received.record"
#define TEXT_MAX 16384U

/* The file is the bundle's SHA-256 and the record's text: it may be older than the bundle. */
bool
kept_write(struct generations *g, const char *root, struct sr_span raw, const struct record *record,
    struct trouble *trouble)
{
    char path[FILES_PATH_MAX];
    uint8_t text[SHA256_DIGEST_LENGTH + TEXT_MAX];

    if (!generation_keep_bundle(g, raw, trouble)) {
        return false;
    }
    (void)SHA256(raw.data, raw.len, text);
    if (!record_format(record, (char *)text + SHA256_DIGEST_LENGTH, TEXT_MAX)) {
        return trouble_say(trouble, EFBIG, "use shorter paths", "the record does not fit");
    }
    size_t len = SHA256_DIGEST_LENGTH + strlen((char *)text + SHA256_DIGEST_LENGTH);
    return (files_path(path, "%s/%s", root, FILE_NAME) && files_write(path, text, len, 0600)) ||
           trouble_errno(trouble, errno, "write", FILE_NAME);
}

static void
read_record(const char *root, const struct place_content *raw, struct record *ret_record)
{
    char path[FILES_PATH_MAX];
    uint8_t hash[SHA256_DIGEST_LENGTH];
    struct trouble ignored;
    char *text = NULL;
    size_t len = 0;

    if (!files_path(path, "%s/%s", root, FILE_NAME) ||
        !files_read(path, sizeof(hash) + TEXT_MAX, &text, &len)) {
        return;
    }
    (void)SHA256(raw->bytes, raw->len, hash);
    if (len > sizeof(hash) && memcmp(text, hash, sizeof(hash)) == 0) {
        struct sr_span rest = { (const uint8_t *)text + sizeof(hash), len - sizeof(hash) };
        (void)record_parse(rest, ret_record, &ignored);
    }
    free(text);
}

bool
kept_read(struct generations *g, const char *root, struct place_content *ret_raw,
    struct record *ret_record, struct trouble *trouble)
{
    if (!generation_bundle(g, 0, ret_raw, trouble)) {
        return trouble->error == ENOENT
                   ? trouble_say(trouble, ENOENT, "name the bundle's file",
                         "no bundle is kept: no enrolment failed after its token was spent")
                   : false;
    }
    read_record(root, ret_raw, ret_record);
    return true;
}

void
kept_forget(const char *root)
{
    char path[FILES_PATH_MAX];

    if (files_path(path, "%s/%s", root, FILE_NAME)) {
        (void)unlink(path);
    }
}

bool
kept_drop(struct generations *g, const char *root, const char *name, bool *ret_dropped,
    struct trouble *trouble)
{
    char kept_name[RECORD_NAME_MAX];
    struct record record = { .collector = BUNDLE_UNTOLD };
    struct place_content raw;

    *ret_dropped = false;
    if (!generation_bundle(g, 0, &raw, trouble)) {
        return trouble->error == ENOENT;
    }
    read_record(root, &raw, &record);
    place_free(&raw);
    if (record.collector == BUNDLE_UNTOLD ||
        strcmp(record_name(record.collector, record.instance, kept_name), name) != 0) {
        return true;
    }
    kept_forget(root);
    *ret_dropped = true;
    return generation_drop_bundle(g, trouble);
}
