/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include <archive.h>
#include <archive_entry.h>

#include "bundle_desk.h"
#include "enroll/bundle.h"
#include "tar_build.h"

static void
the_65th_entry_is_one_too_many(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    for (size_t more = 59; more <= 60; more++) {
        bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
        for (size_t i = 0; i < more; i++) {
            char name[64];
            (void)snprintf(name, sizeof(name), "%sextra%zu", BUNDLE_DESK_TOP, i);
            tar_build_file(&bundle_desk_tar, name, "");
        }
        assert_int_equal(bundle_desk_refusal(detail), more == 59 ? BUNDLE_OK : BUNDLE_EENTRIES);
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
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    tar_build_end(&bundle_desk_tar);
    uint8_t *once =
        tar_build_gzip((struct sr_span){ bundle_desk_tar.bytes, bundle_desk_tar.len }, &len);
    assert_int_equal(bundle_desk_read_plain((struct sr_span){ once, len }, NULL, &bundle, detail),
        BUNDLE_EDAMAGED);
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
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    tar_build_end(&bundle_desk_tar);
    uint8_t *packed =
        tar_build_gzip((struct sr_span){ bundle_desk_tar.bytes, bundle_desk_tar.len }, &len);
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
    bundle_desk_put(bundle_desk_flat, BUNDLE_DESK_ALL);
    tar_build_end(&bundle_desk_tar);
    for (size_t cut = 0; cut < bundle_desk_tar.len; cut++) {
        assert_int_equal(bundle_desk_read_plain(
                             (struct sr_span){ bundle_desk_tar.bytes, cut }, NULL, &bundle, detail),
            BUNDLE_EDAMAGED);
    }
}

static void
a_changed_byte_never_changes_a_part(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];
    size_t len = 0;
    size_t refused = 0;

    (void)state;
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    tar_build_end(&bundle_desk_tar);
    uint8_t *packed =
        tar_build_gzip((struct sr_span){ bundle_desk_tar.bytes, bundle_desk_tar.len }, &len);
    for (size_t i = 0; i < len; i++) {
        struct bundle bundle = { .memory = NULL };
        packed[i] ^= 0x20;
        enum bundle_err err = bundle_read((struct sr_span){ packed, len }, NULL, &bundle, detail);
        packed[i] ^= 0x20;
        if (err == BUNDLE_OK) {
            bundle_desk_parts(&bundle);
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
    uint8_t *packed =
        tar_build_gzip((struct sr_span){ bundle_desk_tar.bytes, bundle_desk_tar.len }, &len);
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
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    tar_build_end(&bundle_desk_tar);
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
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    for (int i = 0; i < 9; i++) {
        tar_build_end(&bundle_desk_tar);
    }
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_OK);
    bundle_desk_tar.bytes[bundle_desk_tar.len - 1] = 1;
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_ETRAILING);
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    tar_build_end(&bundle_desk_tar);
    tar_build_file(&bundle_desk_tar, "behind", "x");
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_ETRAILING);
}

static void
headers_that_lie_about_themselves_are_damage(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    tar_build_header(&bundle_desk_tar, '0', "long", 1U << 20);
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_EDAMAGED);
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    tar_build_header(&bundle_desk_tar, '0', "longest", 077777777777ULL);
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_EDAMAGED);
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    bundle_desk_tar.bytes[0] ^= 1; /* the checksum is of what it was */
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_EDAMAGED);
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
        archive_entry_set_pathname(entry, bundle_desk_built[i]);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0600);
        archive_entry_set_size(entry, (la_int64_t)strlen(bundle_desk_contents[i]));
        /* Parts of seconds need an extended header where there are any. */
        archive_entry_set_mtime(entry, 1700000000, 123456789);
        assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
        assert_int_equal(
            archive_write_data(a, bundle_desk_contents[i], strlen(bundle_desk_contents[i])),
            strlen(bundle_desk_contents[i]));
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
        bundle_desk_parts(&bundle);
        bundle_done(&bundle);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
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
        cmocka_unit_test(the_archives_of_common_writers_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
