/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <archive.h>
#include <archive_entry.h>

#include "enroll/bundle.h"
#include "tar_build.h"

#define TOP "collector-package-0a1b2c3d/"

/* Also what is expected of the parts, in the order of struct bundle. */
static const char *const contents[] = { "the creds\n", "the certificate\n", "the key\n",
    "the chain\n", "{\"listen_addr\": \"0.0.0.0:162\"}" };

static const char *const built[] = { TOP "creds/nats.creds", TOP "certs/collector.pem",
    TOP "certs/collector-key.pem", TOP "certs/ca-chain.pem", TOP "config/trapd.json" };

static const char *const flat[] = { "nats.creds", "certs/collector.pem", "certs/collector-key.pem",
    "certs/ca.pem", "config.json" };

static struct tar_build tar;

/* Memory that must hold nothing when it is freed, and whether it came so far. */
static const uint8_t *watched;
static size_t watched_len;
static bool freed_clean;

void __real_free(void *memory);
void __wrap_free(void *memory);

void
__wrap_free(void *memory)
{
    if (memory != NULL && memory == watched) {
        freed_clean = true;
        for (size_t i = 0; i < watched_len; i++) {
            freed_clean = freed_clean && watched[i] == 0;
        }
    }
    __real_free(memory);
}

/* Starts the archive anew with the files of a layout, without the one of index `but`. */
static void
put_layout(const char *const names[5], size_t but)
{
    tar.len = 0;
    for (size_t i = 0; i < 5; i++) {
        if (i != but) {
            tar_build_file(&tar, names[i], contents[i]);
        }
    }
}

#define ALL SIZE_MAX

static enum bundle_err
read_plain(struct sr_span plain, const char *config, struct bundle *out, char *detail)
{
    size_t len = 0;
    uint8_t *packed = tar_build_gzip(plain, &len);
    enum bundle_err err = bundle_read((struct sr_span){ packed, len }, config, out, detail);

    free(packed);
    return err;
}

/* Ends the archive and reads it. */
static enum bundle_err
read_built(const char *config, struct bundle *out, char *detail)
{
    tar_build_end(&tar);
    return read_plain((struct sr_span){ tar.bytes, tar.len }, config, out, detail);
}

/* The error of the archive, with nothing to free. */
static enum bundle_err
refusal(char *detail)
{
    struct bundle bundle = { .memory = NULL };
    enum bundle_err err = read_built(NULL, &bundle, detail);

    bundle_done(&bundle);
    return err;
}

static void
assert_span(struct sr_span span, const char *text)
{
    assert_int_equal(span.len, strlen(text));
    assert_memory_equal(span.data, text, span.len);
}

static void
assert_parts(const struct bundle *bundle)
{
    assert_span(bundle->creds, contents[0]);
    assert_span(bundle->certificate, contents[1]);
    assert_span(bundle->key, contents[2]);
    assert_span(bundle->ca_chain, contents[3]);
    assert_span(bundle->config, contents[4]);
}

static void
the_built_layout_gives_every_part(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    tar.len = 0;
    tar_build_entry(&tar, '5', TOP, (struct sr_span){ NULL, 0 });
    tar_build_entry(&tar, '5', TOP "certs", (struct sr_span){ NULL, 0 });
    for (size_t i = 0; i < 5; i++) {
        tar_build_file(&tar, built[i], contents[i]);
    }
    tar_build_file(&tar, TOP "update.sh", "#!/bin/sh\nrm -rf /\n");
    tar_build_file(&tar, TOP "README.md", "");
    assert_int_equal(read_built(NULL, &bundle, detail), BUNDLE_OK);
    assert_parts(&bundle);
    assert_string_equal(bundle.config_name, "trapd.json");
    assert_int_equal(bundle.collector, BUNDLE_TRAPD);
    assert_false(bundle.creds_repaired);
    assert_string_equal(detail, "");
    bundle_done(&bundle);
    assert_null(bundle.memory);
    assert_int_equal(bundle.key.len, 0);
}

static void
the_parts_are_wiped_before_they_are_freed(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    put_layout(built, ALL);
    assert_int_equal(read_built(NULL, &bundle, detail), BUNDLE_OK);
    watched = bundle.memory;
    watched_len = bundle.size;
    freed_clean = false;
    bundle_done(&bundle);
    watched = NULL;
    assert_true(freed_clean);
}

static void
the_first_designs_layout_gives_every_part_with_a_folder_or_without(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];
    static const char *const foldered[] = { "./x/nats.creds", "./x/certs/collector.pem",
        "x//certs/collector-key.pem", "x/./certs/ca.pem", "x/config.json" };
    static const char *const *const layouts[] = { flat, foldered };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        put_layout(layouts[i], ALL);
        tar_build_file(&tar, i == 0 ? "install.sh" : "x/install.sh", "#!/bin/sh\n");
        assert_int_equal(read_built(NULL, &bundle, detail), BUNDLE_OK);
        assert_parts(&bundle);
        assert_string_equal(bundle.config_name, "config.json");
        assert_int_equal(bundle.collector, BUNDLE_UNTOLD);
        bundle_done(&bundle);
    }
}

static void
a_flat_configuration_may_name_its_collector(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    put_layout(flat, 4);
    tar_build_file(&tar, "config.json", "{\"collector_type\": \"netflow\"}");
    assert_int_equal(read_built(NULL, &bundle, detail), BUNDLE_OK);
    assert_int_equal(bundle.collector, BUNDLE_NETFLOW);
    bundle_done(&bundle);
}

static void
the_name_of_the_configuration_tells_the_collector(void **state)
{
    static const struct {
        const char *name;
        enum bundle_err err;
        enum bundle_collector collector;
    } cases[] = {
        { "config/flowgger.toml", BUNDLE_OK, BUNDLE_SYSLOG },
        { "config/trapd.json", BUNDLE_OK, BUNDLE_TRAPD },
        { "config/netflow.json", BUNDLE_OK, BUNDLE_NETFLOW },
        { "config/otel.toml", BUNDLE_ECOLLECTOR, BUNDLE_UNTOLD },
        { "config/sflow.json", BUNDLE_ECOLLECTOR, BUNDLE_UNTOLD },
        { "config/config.toml", BUNDLE_ECOLLECTOR, BUNDLE_UNTOLD },
        { "falcosidekick.yaml", BUNDLE_ECOLLECTOR, BUNDLE_UNTOLD },
        { "config/deeper/trapd.json", BUNDLE_EMISSING, BUNDLE_UNTOLD },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bundle bundle = { .memory = NULL };
        char detail[BUNDLE_DETAIL_MAX];
        put_layout(flat, 4);
        tar_build_file(&tar, cases[i].name, "x");
        assert_int_equal(read_built(NULL, &bundle, detail), cases[i].err);
        assert_int_equal(bundle.collector, cases[i].collector);
        if (cases[i].err == BUNDLE_ECOLLECTOR) {
            assert_non_null(strstr(cases[i].name, detail));
            assert_string_not_equal(detail, "");
        }
        bundle_done(&bundle);
    }
}

static void
the_bundle_of_another_collector_is_named_before_what_it_lacks(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    tar.len = 0;
    tar_build_file(&tar, TOP "creds/nats.creds", "x");
    tar_build_file(&tar, TOP "falcosidekick.yaml", "x");
    tar_build_file(&tar, TOP "deploy.sh", "x");
    assert_int_equal(refusal(detail), BUNDLE_ECOLLECTOR);
    assert_string_equal(detail, "falcosidekick.yaml");
}

static void
one_of_several_configurations_is_taken_by_name_only(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    put_layout(built, ALL);
    tar_build_file(&tar, TOP "config/netflow.json", "other");
    assert_int_equal(refusal(detail), BUNDLE_ECONFIG);
    assert_int_equal(read_built("netflow.json", &bundle, detail), BUNDLE_OK);
    assert_span(bundle.config, "other");
    assert_int_equal(bundle.collector, BUNDLE_NETFLOW);
    bundle_done(&bundle);
    assert_int_equal(read_built("flowgger.toml", &bundle, detail), BUNDLE_EMISSING);
    assert_string_equal(detail, "flowgger.toml");
}

static void
a_missing_and_an_empty_file_are_named(void **state)
{
    static const char *const *const layouts[] = { built, flat };
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < 5; i++) {
            put_layout(layouts[l], i);
            assert_int_equal(refusal(detail), BUNDLE_EMISSING);
            assert_string_not_equal(detail, "");
            put_layout(layouts[l], i);
            tar_build_file(&tar, layouts[l][i], "");
            assert_int_equal(refusal(detail), BUNDLE_EMISSING);
        }
    }
    put_layout(built, 2);
    assert_int_equal(refusal(detail), BUNDLE_EMISSING);
    assert_string_equal(detail, "certs/collector-key.pem");
}

static void
only_regular_files_and_folders_pass(void **state)
{
    static const struct {
        char type;
        const char *detail;
    } cases[] = {
        { '1', "odd: hard link" },
        { '2', "odd: symbolic link" },
        { '3', "odd: character device" },
        { '4', "odd: block device" },
        { '6', "odd: FIFO" },
        { '7', "odd: contiguous file" },
        { 'S', "odd: sparse file" },
        { 'Z', "odd: unknown type" },
        { 'K', "odd: unknown type" },
        { 'V', "odd: unknown type" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char detail[BUNDLE_DETAIL_MAX];
        put_layout(built, ALL);
        tar_build_entry(&tar, cases[i].type, "odd", (struct sr_span){ NULL, 0 });
        assert_int_equal(refusal(detail), BUNDLE_ETYPE);
        assert_string_equal(detail, cases[i].detail);
    }
}

static void
a_folder_has_no_content(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    put_layout(built, ALL);
    tar_build_entry(&tar, '5', "x", span_of("y"));
    assert_int_equal(refusal(detail), BUNDLE_ETYPE);
}

static void
an_extended_header_does_not_make_something_else_of_a_file(void **state)
{
    static const char *const records[] = {
        "10 size=1\n",
        "25 linkpath=/etc/passwd1\n",
        "22 GNU.sparse.major=1\n",
        "24 SCHILY.realsize=9999\n",
    };
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        put_layout(built, 0);
        tar_build_entry(&tar, 'x', "pax", span_of(records[i]));
        tar_build_file(&tar, built[0], contents[0]);
        assert_int_equal(refusal(detail), BUNDLE_ETYPE);
    }
}

static void
an_extended_header_may_rename_but_not_lead_out(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    put_layout(flat, 0);
    tar_build_entry(&tar, 'x', "pax", span_of("19 path=nats.creds\n"));
    tar_build_file(&tar, "short", contents[0]);
    assert_int_equal(read_built(NULL, &bundle, detail), BUNDLE_OK);
    assert_parts(&bundle);
    bundle_done(&bundle);
    put_layout(flat, ALL);
    tar_build_entry(&tar, 'x', "pax", span_of("18 path=../escape\n"));
    tar_build_file(&tar, "short", "x");
    assert_int_equal(refusal(detail), BUNDLE_ENAME);
    assert_string_equal(detail, "../escape");
    put_layout(flat, ALL);
    tar_build_entry(&tar, 'L', "././@LongLink", span_of("/etc/cron.d/x"));
    tar_build_file(&tar, "short", "x");
    assert_int_equal(refusal(detail), BUNDLE_ENAME);
}

static void
names_that_lead_out_or_hide_something_are_refused(void **state)
{
    static const char *const names[][2] = {
        { "/etc/passwd", "/etc/passwd" },
        { "../x", "../x" },
        { "a/../x", "a/../x" },
        { "a/..", "a/.." },
        { "..", ".." },
        { "a\\b", "a\\b" },
        { "a\nb", "a?b" },
        { "a\x1b[31mb", "a?[31mb" },
        { "a\x7f", "a?" },
        { "caf\xc3\xa9", "caf??" },
        { ".", "." },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char detail[BUNDLE_DETAIL_MAX];
        put_layout(built, ALL);
        tar_build_file(&tar, names[i][0], "x");
        assert_int_equal(refusal(detail), BUNDLE_ENAME);
        assert_string_equal(detail, names[i][1]);
    }
}

/* The error of a bundle with a file more, whose path has `len` bytes. */
static enum bundle_err
path_of_length(size_t len)
{
    char name[BUNDLE_PATH_MAX + 3];
    char detail[BUNDLE_DETAIL_MAX];

    memset(name, 'p', len);
    name[len] = '\0';
    put_layout(flat, ALL);
    tar_build_entry(&tar, 'L', "././@LongLink", (struct sr_span){ (const uint8_t *)name, len + 1 });
    tar_build_file(&tar, "short", "x");
    return refusal(detail);
}

static void
a_path_has_255_bytes_at_most(void **state)
{
    (void)state;
    assert_int_equal(path_of_length(BUNDLE_PATH_MAX), BUNDLE_OK);
    assert_int_equal(path_of_length(BUNDLE_PATH_MAX + 1), BUNDLE_ENAME);
}

static void
a_name_comes_once_however_it_is_written(void **state)
{
    static const char *const again[] = { TOP "config/trapd.json", "./" TOP "config/trapd.json",
        TOP "/config//./trapd.json" };
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
        put_layout(built, ALL);
        tar_build_file(&tar, again[i], "x");
        assert_int_equal(refusal(detail), BUNDLE_EDUPLICATE);
        assert_string_equal(detail, again[i]);
    }
    put_layout(built, ALL);
    tar_build_entry(&tar, '5', TOP "config/trapd.json/", (struct sr_span){ NULL, 0 });
    assert_int_equal(refusal(detail), BUNDLE_EDUPLICATE);
}

static void
two_files_for_one_purpose_are_refused(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    put_layout(built, ALL);
    tar_build_file(&tar, TOP "nats.creds", "x");
    assert_int_equal(refusal(detail), BUNDLE_EDUPLICATE);
    put_layout(built, ALL);
    tar_build_file(&tar, TOP "certs/ca.pem", "x");
    assert_int_equal(refusal(detail), BUNDLE_EDUPLICATE);
    assert_string_equal(detail, TOP "certs/ca.pem");
}

static void
the_65th_entry_is_one_too_many(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    for (size_t more = 59; more <= 60; more++) {
        put_layout(built, ALL);
        for (size_t i = 0; i < more; i++) {
            char name[64];
            (void)snprintf(name, sizeof(name), "%sextra%zu", TOP, i);
            tar_build_file(&tar, name, "");
        }
        assert_int_equal(refusal(detail), more == 59 ? BUNDLE_OK : BUNDLE_EENTRIES);
    }
}

/* `len` zeros, compressed. Returns the packed length. */
static size_t
pack_zeros(size_t len, uint8_t *out, size_t cap)
{
    static const uint8_t zeros[65536];
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    size_t used = 0;

    archive_write_add_filter_gzip(a);
    archive_write_set_format_raw(a);
    archive_write_open_memory(a, out, cap, &used);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_pathname(entry, "data");
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    for (size_t i = 0; i < len; i += sizeof(zeros)) {
        size_t part = len - i < sizeof(zeros) ? len - i : sizeof(zeros);
        assert_int_equal(archive_write_data(a, zeros, part), part);
    }
    archive_entry_free(entry);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return used;
}

static void
a_bomb_stops_at_4_mib(void **state)
{
    static uint8_t packed[65536];
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    size_t len = pack_zeros(BUNDLE_UNPACKED_MAX + 1, packed, sizeof(packed));
    assert_int_equal(
        bundle_read((struct sr_span){ packed, len }, NULL, &bundle, detail), BUNDLE_EBOMB);
    /* At the limit it is an archive without entries. */
    len = pack_zeros(BUNDLE_UNPACKED_MAX, packed, sizeof(packed));
    assert_int_equal(
        bundle_read((struct sr_span){ packed, len }, NULL, &bundle, detail), BUNDLE_EMISSING);
}

static void
a_gzip_within_a_gzip_is_not_unpacked(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];
    size_t len = 0;

    (void)state;
    put_layout(built, ALL);
    tar_build_end(&tar);
    uint8_t *once = tar_build_gzip((struct sr_span){ tar.bytes, tar.len }, &len);
    assert_int_equal(
        read_plain((struct sr_span){ once, len }, NULL, &bundle, detail), BUNDLE_EDAMAGED);
    free(once);
}

static void
more_than_1_mib_is_not_looked_at(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];
    uint8_t *big = calloc(1, BUNDLE_PACKED_MAX + 1);

    (void)state;
    assert_non_null(big);
    assert_int_equal(
        bundle_read((struct sr_span){ big, BUNDLE_PACKED_MAX + 1 }, NULL, &bundle, detail),
        BUNDLE_ETOOBIG);
    assert_int_equal(bundle_read((struct sr_span){ big, BUNDLE_PACKED_MAX }, NULL, &bundle, detail),
        BUNDLE_EFORMAT);
    free(big);
}

static void
no_prefix_of_a_bundle_passes(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];
    size_t len = 0;

    (void)state;
    put_layout(built, ALL);
    tar_build_end(&tar);
    uint8_t *packed = tar_build_gzip((struct sr_span){ tar.bytes, tar.len }, &len);
    for (size_t cut = 0; cut < len; cut++) {
        /* A copy of exactly that size, so that a read past the end shows. */
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, packed, cut);
        enum bundle_err err = bundle_read((struct sr_span){ exact, cut }, NULL, &bundle, detail);
        free(exact);
        assert_int_equal(err, cut < 2 ? BUNDLE_EFORMAT : BUNDLE_EDAMAGED);
    }
    free(packed);
}

static void
no_prefix_of_a_tar_passes(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    put_layout(flat, ALL);
    tar_build_end(&tar);
    for (size_t cut = 0; cut < tar.len; cut++) {
        assert_int_equal(
            read_plain((struct sr_span){ tar.bytes, cut }, NULL, &bundle, detail), BUNDLE_EDAMAGED);
    }
}

static void
a_changed_byte_never_changes_a_part(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];
    size_t len = 0;
    size_t refused = 0;

    (void)state;
    put_layout(built, ALL);
    tar_build_end(&tar);
    uint8_t *packed = tar_build_gzip((struct sr_span){ tar.bytes, tar.len }, &len);
    for (size_t i = 0; i < len; i++) {
        struct bundle bundle = { .memory = NULL };
        packed[i] ^= 0x20;
        enum bundle_err err = bundle_read((struct sr_span){ packed, len }, NULL, &bundle, detail);
        packed[i] ^= 0x20;
        if (err == BUNDLE_OK) {
            assert_parts(&bundle);
        } else {
            refused++;
        }
        bundle_done(&bundle);
    }
    /* What gzip does not use: time, extra flags, system, and the bits between a stored block's
     * header and its length (RFC 1952, section 2.3; RFC 1951, section 3.2.4). */
    assert_int_equal(refused, len - 7);
    free(packed);
}

/* The error of a good bundle with `more` behind the gzip member. */
static enum bundle_err
read_followed(const void *more, size_t more_len)
{
    struct bundle bundle = { .memory = NULL };
    char detail[BUNDLE_DETAIL_MAX];
    size_t len = 0;
    uint8_t *packed = tar_build_gzip((struct sr_span){ tar.bytes, tar.len }, &len);
    uint8_t *both = malloc(len + more_len);

    assert_non_null(both);
    memcpy(both, packed, len);
    memcpy(both + len, more, more_len);
    enum bundle_err err =
        bundle_read((struct sr_span){ both, len + more_len }, NULL, &bundle, detail);
    bundle_done(&bundle);
    free(packed);
    free(both);
    return err;
}

static void
nothing_may_follow_the_gzip_member(void **state)
{
    size_t len = 0;

    (void)state;
    put_layout(built, ALL);
    tar_build_end(&tar);
    uint8_t *second = tar_build_gzip(span_of("more"), &len);
    assert_int_equal(read_followed("", 0), BUNDLE_OK);
    assert_int_equal(read_followed("x", 1), BUNDLE_EDAMAGED);
    assert_int_equal(read_followed("\0\0\0\0\0\0\0\0\0\0\0", 11), BUNDLE_EDAMAGED);
    assert_int_equal(read_followed(second, len), BUNDLE_EDAMAGED);
    free(second);
}

static void
only_zeros_may_follow_the_archives_end(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    put_layout(built, ALL);
    for (int i = 0; i < 9; i++) {
        tar_build_end(&tar);
    }
    assert_int_equal(refusal(detail), BUNDLE_OK);
    tar.bytes[tar.len - 1] = 1;
    assert_int_equal(refusal(detail), BUNDLE_ETRAILING);
    put_layout(built, ALL);
    tar_build_end(&tar);
    tar_build_file(&tar, "behind", "x");
    assert_int_equal(refusal(detail), BUNDLE_ETRAILING);
}

static void
headers_that_lie_about_themselves_are_damage(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    put_layout(built, ALL);
    tar_build_header(&tar, '0', "long", 1U << 20);
    assert_int_equal(refusal(detail), BUNDLE_EDAMAGED);
    put_layout(built, ALL);
    tar_build_header(&tar, '0', "longest", 077777777777ULL);
    assert_int_equal(refusal(detail), BUNDLE_EDAMAGED);
    put_layout(built, ALL);
    tar.bytes[0] ^= 1; /* the checksum is of what it was */
    assert_int_equal(refusal(detail), BUNDLE_EDAMAGED);
}

static void
cr_lf_in_the_credentials_becomes_lf(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    put_layout(built, 0);
    tar_build_file(&tar, built[0], "one\r\ntwo\r\r\n\nthree\r");
    assert_int_equal(read_built(NULL, &bundle, detail), BUNDLE_OK);
    assert_span(bundle.creds, "one\ntwo\r\n\nthree\r");
    assert_true(bundle.creds_repaired);
    bundle_done(&bundle);
}

/* Makes a bundle with libarchive's writer of tars `set_format`. */
static size_t
write_with(int (*set_format)(struct archive *), uint8_t *out, size_t cap)
{
    struct archive *a = archive_write_new();
    size_t used = 0;

    archive_write_add_filter_gzip(a);
    assert_int_equal(set_format(a), ARCHIVE_OK);
    archive_write_open_memory(a, out, cap, &used);
    for (size_t i = 0; i < 5; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, built[i]);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0600);
        archive_entry_set_size(entry, (la_int64_t)strlen(contents[i]));
        /* Parts of seconds need an extended header where there are any. */
        archive_entry_set_mtime(entry, 1700000000, 123456789);
        assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
        assert_int_equal(
            archive_write_data(a, contents[i], strlen(contents[i])), strlen(contents[i]));
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return used;
}

static void
the_archives_of_common_writers_are_read(void **state)
{
    static int (*const formats[])(struct archive *) = { archive_write_set_format_ustar,
        archive_write_set_format_pax, archive_write_set_format_gnutar,
        archive_write_set_format_v7tar };
    static uint8_t packed[65536];

    (void)state;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct bundle bundle;
        char detail[BUNDLE_DETAIL_MAX];
        size_t len = write_with(formats[i], packed, sizeof(packed));
        assert_int_equal(
            bundle_read((struct sr_span){ packed, len }, NULL, &bundle, detail), BUNDLE_OK);
        assert_parts(&bundle);
        bundle_done(&bundle);
    }
}

static void
every_error_says_what_to_do(void **state)
{
    (void)state;
    for (int err = BUNDLE_ETOOBIG; err <= BUNDLE_ENOMEM; err++) {
        const char *text = bundle_strerror((enum bundle_err)err);
        assert_string_not_equal(text, "Unknown bundle error.");
        assert_non_null(strchr(text, ':'));
    }
}

static void
collectors_have_the_names_of_their_roles(void **state)
{
    (void)state;
    assert_string_equal(bundle_collector_name(BUNDLE_UNTOLD), "");
    assert_string_equal(bundle_collector_name(BUNDLE_SYSLOG), "syslog");
    assert_string_equal(bundle_collector_name(BUNDLE_TRAPD), "trapd");
    assert_string_equal(bundle_collector_name(BUNDLE_NETFLOW), "netflow");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_layout_gives_every_part),
        cmocka_unit_test(the_parts_are_wiped_before_they_are_freed),
        cmocka_unit_test(the_first_designs_layout_gives_every_part_with_a_folder_or_without),
        cmocka_unit_test(a_flat_configuration_may_name_its_collector),
        cmocka_unit_test(the_name_of_the_configuration_tells_the_collector),
        cmocka_unit_test(the_bundle_of_another_collector_is_named_before_what_it_lacks),
        cmocka_unit_test(one_of_several_configurations_is_taken_by_name_only),
        cmocka_unit_test(a_missing_and_an_empty_file_are_named),
        cmocka_unit_test(only_regular_files_and_folders_pass),
        cmocka_unit_test(a_folder_has_no_content),
        cmocka_unit_test(an_extended_header_does_not_make_something_else_of_a_file),
        cmocka_unit_test(an_extended_header_may_rename_but_not_lead_out),
        cmocka_unit_test(names_that_lead_out_or_hide_something_are_refused),
        cmocka_unit_test(a_path_has_255_bytes_at_most),
        cmocka_unit_test(a_name_comes_once_however_it_is_written),
        cmocka_unit_test(two_files_for_one_purpose_are_refused),
        cmocka_unit_test(the_65th_entry_is_one_too_many),
        cmocka_unit_test(a_bomb_stops_at_4_mib),
        cmocka_unit_test(a_gzip_within_a_gzip_is_not_unpacked),
        cmocka_unit_test(more_than_1_mib_is_not_looked_at),
        cmocka_unit_test(no_prefix_of_a_bundle_passes),
        cmocka_unit_test(no_prefix_of_a_tar_passes),
        cmocka_unit_test(a_changed_byte_never_changes_a_part),
        cmocka_unit_test(nothing_may_follow_the_gzip_member),
        cmocka_unit_test(only_zeros_may_follow_the_archives_end),
        cmocka_unit_test(headers_that_lie_about_themselves_are_damage),
        cmocka_unit_test(cr_lf_in_the_credentials_becomes_lf),
        cmocka_unit_test(the_archives_of_common_writers_are_read),
        cmocka_unit_test(every_error_says_what_to_do),
        cmocka_unit_test(collectors_have_the_names_of_their_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
