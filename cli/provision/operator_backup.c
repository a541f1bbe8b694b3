/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/operator.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "command.h"
#include "files.h"
#include "issuer/backup.h"
#include "issuer/operator.h"
#include "provision/issuer.h"

#include "sr/banned.h"

static bool
take_file(void *arg, int option, const char *value)
{
    (void)option;
    *(const char **)arg = value;
    return true;
}

static const char BACKUP_HELP[] =
    "usage: serviceradar-provision operator backup [OPTION]... FILE\n"
    "\n"
    "Copies the database as it is now into the new file FILE, while others may use it. Secrets\n"
    "in it are sealed: keep FILE and the master key in different places.\n"
    "\n"
    "  --with-master-key   put the master key into FILE, sealed with a passphrase\n"
    "  --passphrase-file F the passphrase: the first line of F, at least 12 bytes\n" ISSUER_HELP;

static const char RESTORE_HELP[] =
    "usage: serviceradar-provision operator restore [OPTION]... FILE\n"
    "\n"
    "Makes an issuer of a backup, in a folder that has none. The master key must be in its place\n"
    "(DIR/master.key or --master-key) and belong to the backup; or it comes out of the backup.\n"
    "Tokens and revocations that were issued after the backup are not known any more: revoke\n"
    "again what was revoked since, then `account push` each account.\n"
    "\n"
    "  --passphrase-file F take the master key from FILE with the passphrase in F\n" ISSUER_HELP;

struct backup_options {
    bool with_master;
    const char *passphrase_file;
};

static bool
take_backup(void *arg, int option, const char *value)
{
    struct backup_options *o = arg;

    if (option == 'w') {
        o->with_master = true;
    } else {
        o->passphrase_file = value;
    }
    return true;
}

/* Reads the first line. The caller wipes `text`. */
static bool
read_passphrase(
    const char *file, char **ret_text, struct sr_span *ret_line, struct trouble *trouble)
{
    size_t len = 0;

    if (!files_read(file, BACKUP_PASSPHRASE_MAX, ret_text, &len)) {
        return trouble_say(trouble, errno, "write a passphrase into it, on one line",
            "cannot read %s: %s", file, strerror(errno));
    }
    const char *end = memchr(*ret_text, '\n', len);
    *ret_line = (struct sr_span){ (const uint8_t *)*ret_text,
        end != NULL ? (size_t)(end - *ret_text) : len };
    return true;
}

static void
forget(char *text, struct sr_span line)
{
    if (text != NULL) {
        OPENSSL_cleanse(text, line.len);
    }
    free(text);
}

static bool
write_backup(
    struct store *store, const char *file, const struct backup_options *o, struct trouble *trouble)
{
    struct operator_facts facts;
    char *text = NULL;
    struct sr_span line = { NULL, 0 };
    bool ok = operator_tell(store, &facts, trouble) &&
              (!o->with_master || read_passphrase(o->passphrase_file, &text, &line, trouble)) &&
              operator_audit(
                  store, "operator backup", o->with_master ? "with the master key" : "", trouble) &&
              backup_write(store, file, line, trouble);

    forget(text, line);
    return ok;
}

static void
tell_backup(const char *file, bool with_master)
{
    if (with_master) {
        (void)printf("%s has everything, the master key too. Whoever has it and the passphrase\n"
                     "has all keys: keep the passphrase in another place.\n",
            file);
    } else {
        (void)printf("%s is written; the master key is not in it.\n"
                     "Keep %s and master.key in different places.\n",
            file, file);
    }
}

int
operator_backup(int argc, char **argv)
{
    static const struct option known[] = { { "with-master-key", no_argument, NULL, 'w' },
        { "passphrase-file", required_argument, NULL, 'p' }, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "operator backup", BACKUP_HELP, known, take_backup,
        1 };
    struct backup_options o = { false, NULL };
    struct issuer_options options;
    struct trouble trouble;
    int code = issuer_parse(&usage, argc, argv, &options, &o);

    if (code >= 0) {
        return code;
    }
    if (o.with_master != (o.passphrase_file != NULL)) {
        complain("--with-master-key and --passphrase-file go together");
        return EXIT_USAGE;
    }
    struct store *store = issuer_open(&options);
    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    const char *file = argv[optind];
    bool ok = write_backup(store, file, &o, &trouble);
    if (ok && !options.json) {
        tell_backup(file, o.with_master);
    }
    return issuer_end(&options, store, ok,
        json_pack(
            "{s:b, s:s, s:b}", "ok", 1, "file", file, "master_key_included", o.with_master ? 1 : 0),
        &trouble);
}

int
operator_restore(int argc, char **argv)
{
    static const struct option known[] = { { "passphrase-file", required_argument, NULL, 'p' },
        ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "operator restore", RESTORE_HELP, known, take_file,
        1 };
    const char *passphrase_file = NULL;
    struct issuer_options options;
    struct trouble trouble;
    char *text = NULL;
    struct sr_span line = { NULL, 0 };
    struct store *store = NULL;
    int code = issuer_parse(&usage, argc, argv, &options, &passphrase_file);

    if (code >= 0) {
        return code;
    }
    bool ok =
        (passphrase_file == NULL || read_passphrase(passphrase_file, &text, &line, &trouble)) &&
        backup_restore(&options.place, argv[optind], line, &store, &trouble) &&
        operator_audit(store, "operator restore", "", &trouble);
    forget(text, line);
    if (ok && !options.json) {
        (void)printf(
            "The issuer is restored in %s.\n"
            "What was issued or revoked after the backup is not known: revoke that again,\n"
            "then push each account (account push).\n",
            store_dir(store));
    }
    return issuer_end(&options, store, ok,
        ok && options.json ? json_pack("{s:b, s:s}", "ok", 1, "dir", store_dir(store)) : NULL,
        &trouble);
}
