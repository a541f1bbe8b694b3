/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of SNMP as our decoder reads them and as libnetsnmp reads them at the same time: those
 * of tests/golden/snmp, mutants of them, and the corpus and its mutants. Where the two differ it is
 * in one of the ways of trap_mend.h, and a message in which that is put right is read alike by
 * both.
 */
#include "../unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <zlib.h>

#include "decode/datagram.h"
#include "sr/buf.h"
#include "trap_cases.h"
#include "trap_mend.h"
#include "trap_mutant.h"
#include "trap_netsnmp.h"
#include "trap_reading.h"
#include "usm/usm.h"

#include "sr/banned.h"

#define PATH_ROOM 1024
#define MUTANTS_OF_EACH 100
#define NOW_NS UINT64_C(1795348800000000000)

/* Who sent messages of v3, as snmptrapd is told. */
#define USERS SR_SOURCE_DIR "/tests/golden/snmp/users.conf"

static struct desk {
    struct usm_users *users;
    char *ours, *theirs; /* what the two read */
    uint8_t *plain;      /* what was encrypted */
    struct trap_scratch scratch;
} desk;

static struct counts {
    unsigned messages, alike, refused, with_class, classes[TRAP_CLASSES], low_level;
    uint64_t longest_ns; /* of one datagram */
} counts;

/* ---- Two readers ---- */

/* In memory that has no byte more, to be freed. */
static struct sr_span
exact_copy(struct sr_span bytes)
{
    uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);

    assert_non_null(copy);
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    return (struct sr_span){ copy, bytes.len };
}

/* NULL and what it says into desk.ours, or why our decoder refuses the message. */
static const char *
read_ours(struct sr_span message_bytes)
{
    const struct usm_receiver_options options = {
        .time = USM_TIME_STRICT, .keys = 2, .engines = 2
    };
    struct sr_buf b = sr_buf_over(desk.ours, TRAP_READING_ROOM);
    const struct sr_span bytes = exact_copy(message_bytes);
    struct usm_receiver *receiver = NULL;
    struct trap_message message;
    const char *reason = NULL;

    enum trap_err err = trap_message_read(bytes, &message);
    if (err == TRAP_SECURITY) {
        receiver = usm_receiver_new(desk.users, &options); /* which has heard of no engine yet */
        assert_non_null(receiver);
        const struct trap_opener opener = usm_receiver_opener(receiver);
        reason = opener.open(opener.arg, NOW_NS, bytes, desk.plain, &message);
    } else if (err != TRAP_OK) {
        reason = trap_reason(err);
    }
    if (reason == NULL) {
        trap_reading_write(&b, &message);
    }
    sr_buf_put(&b, '\0');
    assert_false(b.overflow);
    usm_receiver_free(receiver);
    free((void *)bytes.data);
    /* cppcheck-suppress returnDanglingLifetime; a static word, by the contract of the opener */
    return reason;
}

static int
read_theirs(struct sr_span bytes)
{
    struct sr_buf b = sr_buf_over(desk.theirs, TRAP_READING_ROOM);
    int error = trap_netsnmp_read(bytes, &b);

    sr_buf_put(&b, '\0');
    assert_false(b.overflow);
    return error;
}

/* Says where two readings part, and of which message. */
static void
fail_reading(const char *name, struct sr_span bytes, const char *ours_reason, int error)
{
    const char *ours = ours_reason != NULL ? ours_reason : desk.ours;
    const char *theirs = error != 0 ? trap_netsnmp_error(error) : desk.theirs;

    while (*ours != '\0' && strcspn(ours, "\n") == strcspn(theirs, "\n") &&
           memcmp(ours, theirs, strcspn(ours, "\n")) == 0 && strchr(ours, '\n') != NULL) {
        ours = strchr(ours, '\n') + 1;
        theirs = strchr(theirs, '\n') + 1;
    }
    print_message("%s: ", name);
    for (size_t i = 0; i < bytes.len; i++) {
        print_message("%02x", bytes.data[i]);
    }
    fail_msg("\nours:   %.*s\ntheirs: %.*s", (int)strcspn(ours, "\n"), ours,
        (int)strcspn(theirs, "\n"), theirs);
}

/* ---- One message ---- */

static unsigned
lines_of(const char *text, const char *start)
{
    unsigned count = 0;

    for (; *text != '\0'; text = strchr(text, '\n') + 1) {
        count += strncmp(text, start, strlen(start)) == 0;
    }
    return count;
}

/* Of less than its user must have: libnetsnmp reads it. */
static bool
is_low_level(const char *reason)
{
    return reason != NULL && strcmp(reason, "v3_level") == 0;
}

static void
expect_alike_when_mended(const char *name, struct sr_span bytes, bool is_ours)
{
    static uint8_t copy[UINT16_MAX + 64];
    size_t len = bytes.len;

    memcpy(copy, bytes.data, len);
    unsigned unreadable = is_ours ? lines_of(desk.ours, "bytes ") : 0;
    struct trap_mended done = trap_mend(copy, &len, is_ours);
    const struct sr_span mended = { copy, len };
    const char *reason = read_ours(mended);
    int error = read_theirs(mended);
    if (is_ours && unreadable != done.unreadable) {
        fail_msg("%s: %u values are unreadable to us, not %u", name, unreadable, done.unreadable);
    }
    bool is_alike = reason == NULL && error == 0 && strcmp(desk.ours, desk.theirs) == 0;
    if (done.classes == 0 || !(is_alike || (error == 0 && is_low_level(reason)))) {
        print_message("classes %x, mended ", done.classes);
        fail_reading(name, mended, reason, error);
    }
    counts.with_class++;
    for (int i = 0; i < TRAP_CLASSES; i++) {
        counts.classes[i] += (done.classes >> i & 1U) != 0;
    }
}

static void
compare(const char *name, struct sr_span bytes)
{
    const char *reason = read_ours(bytes);
    int error = read_theirs(bytes);

    counts.messages++;
    if (reason != NULL && error != 0) {
        counts.refused++;
    } else if (reason == NULL && error == 0 && strcmp(desk.ours, desk.theirs) == 0) {
        counts.alike++;
    } else if (error == 0 && is_low_level(reason)) {
        counts.low_level++;
    } else {
        expect_alike_when_mended(name, bytes, reason == NULL);
    }
}
/* ---- How long our decoder takes ---- */

static uint8_t *
reserve(void *arg, size_t max)
{
    static uint8_t memory[TRAP_RECORD_MAX];

    (void)arg;
    return max <= sizeof(memory) ? memory : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    (void)len;
    (void)records;
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *from, uint64_t when, struct sr_span raw)
{
    (void)arg;
    (void)reason;
    (void)from;
    (void)when;
    (void)raw;
}

static void
consumed(void *arg, const char *reason)
{
    (void)arg;
    (void)reason;
}

static uint64_t
cpu_ns(void)
{
    struct timespec t;

    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The whole way of a datagram, with names. */
static void
measure(struct usm_receiver *receiver, struct sr_span bytes)
{
    static const struct sr_peer peer = { .address = { 192, 0, 2, 10 }, .port = 50123 };
    static const struct sr_emit emit = {
        .reserve = reserve, .commit = commit, .deadletter = deadletter, .consumed = consumed
    };
    const struct trap_config config = { .enrich = true, .mibs = { NULL, mib_standard() } };
    const struct trap_opener opener = usm_receiver_opener(receiver);

    uint64_t start = cpu_ns();
    enum sr_verdict verdict =
        sr_trap_datagram(&config, &opener, &desk.scratch, NOW_NS, &peer, bytes, &emit);
    uint64_t took = cpu_ns() - start;
    assert_int_not_equal(verdict, SR_FULL);
    counts.longest_ns = took > counts.longest_ns ? took : counts.longest_ns;
}

static struct usm_receiver *
new_receiver(void)
{
    const struct usm_receiver_options options = { .time = USM_TIME_OFF };
    struct usm_receiver *receiver = usm_receiver_new(desk.users, &options);

    assert_non_null(receiver);
    return receiver;
}

/* ---- Messages ---- */

static void
compare_case(const char *name, struct sr_span bytes, const json_t *row, void *arg)
{
    (void)row;
    (void)arg;
    compare(name, bytes);
}

struct mutating {
    uint64_t dice;
    struct usm_receiver *receiver;
};

static void
compare_mutants(const char *name, struct sr_span bytes, const json_t *row, void *arg)
{
    static uint8_t copy[UINT16_MAX + 8];
    struct mutating *m = arg;
    char mutant[PATH_ROOM];

    (void)row;
    for (int i = 0; i < MUTANTS_OF_EACH; i++) {
        memcpy(copy, bytes.data, bytes.len);
        size_t len = trap_mutate(&m->dice, copy, bytes.len);
        (void)snprintf(mutant, sizeof(mutant), "mutant %d of %s", i, name);
        compare(mutant, (struct sr_span){ copy, len });
        measure(m->receiver, (struct sr_span){ copy, len });
    }
}

static void
print_counts(const char *what)
{
    print_message("%s: %u messages, %u read alike, %u refused by both, %u of a level that their "
                  "user must not have, %u otherwise on purpose\n",
        what, counts.messages, counts.alike, counts.refused, counts.low_level, counts.with_class);
    for (int i = 0; i < TRAP_CLASSES; i++) {
        if (counts.classes[i] > 0) {
            print_message("  %5u  %s: %s\n", counts.classes[i], trap_class_texts[i].name,
                trap_class_texts[i].reason);
        }
    }
    if (counts.longest_ns > 0) {
        print_message("  a datagram took %.3f ms at most\n", (double)counts.longest_ns / 1e6);
    }
    counts = (struct counts){ .messages = 0 };
}

static void
messages_are_read_as_libnetsnmp_reads_them(void **state)
{
    (void)state;
    assert_int_equal(trap_cases_of_tree(compare_case, NULL), 131);
    assert_true(counts.alike >= 80); /* else it is a comparison of nothing */
    print_counts("cases.jsonl");
}

static void
mutants_are_read_as_libnetsnmp_reads_them(void **state)
{
    struct mutating m = { .dice = 55, .receiver = new_receiver() };

    (void)state;
    (void)trap_cases_of_tree(compare_mutants, &m);
    usm_receiver_free(m.receiver);
    assert_true(counts.alike >= 1000);
    print_counts("mutants");
}

/* ---- The corpus, which is not part of this tree ---- */

static void
the_corpus_is_read_as_libnetsnmp_reads_it(void **state)
{
    (void)state;
    assert_int_equal(trap_cases_of_corpus(compare_case, NULL), 149);
    print_counts("corpus");
}

/* Reads the next file of a tar archive; false at its end. */
static bool
read_member(gzFile tar, char *name, uint8_t *bytes, size_t *ret_len)
{
    char header[512]; /* POSIX.1-1988 ustar: the name at 0, the size in octal digits at 124 */

    if (gzread(tar, header, sizeof(header)) < (int)sizeof(header) || header[0] == '\0') {
        return false;
    }
    size_t len = strtoul(header + 124, NULL, 8);
    size_t padded = (len + sizeof(header) - 1) / sizeof(header) * sizeof(header);
    assert_in_range(padded, 0, UINT16_MAX + 1);
    assert_int_equal(gzread(tar, bytes, (unsigned)padded), padded);
    memcpy(name, header, 100);
    name[100] = '\0';
    *ret_len = len;
    return true;
}

static void
the_mutants_of_the_corpus_are_read_as_libnetsnmp_reads_them(void **state)
{
    const char *folder = trap_cases_corpus();
    struct usm_receiver *receiver = new_receiver();
    static uint8_t bytes[UINT16_MAX + 1];
    char path[PATH_ROOM], name[101];
    size_t len;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/snmp/mutants.tar.gz", folder);
    gzFile tar = gzopen(path, "rb");
    assert_non_null(tar);
    while (read_member(tar, name, bytes, &len)) {
        compare(name, (struct sr_span){ bytes, len });
        measure(receiver, (struct sr_span){ bytes, len });
    }
    (void)gzclose(tar);
    usm_receiver_free(receiver);
    assert_int_equal(counts.messages, 1500);
    print_counts("mutants of the corpus");
}

/* ---- Users ---- */

static int
index_of(const char *name, const char *const *names)
{
    int i = 0;

    while (names[i] != NULL && strcmp(names[i], name) != 0) {
        i++;
    }
    assert_non_null(names[i]);
    return i;
}

/* A line of USERS behind its first word. */
static void
add_user(const char *line)
{
    char engine[80], name[40], auth[16], auth_password[64], priv[16], priv_password[64];
    uint8_t id[40];

    trap_netsnmp_add_user(line);
    int words = sscanf(line, "-e 0x%79s %39s %15s %63s %15s %63s", engine, name, auth,
        auth_password, priv, priv_password);
    assert_true(words == 2 || words == 4 || words == 6);
    const struct sr_span engine_id = { id, trap_cases_hex(engine, id) };
    struct usm_user_options options = { .name = name, .engines = &engine_id, .engine_count = 1 };
    if (words >= 4) {
        options.auth = (enum usm_auth)index_of(auth, usm_auth_names);
        options.auth_password = auth_password;
    }
    if (words == 6) {
        bool is_short = strcmp(priv, "AES") == 0;
        options.priv = (enum usm_priv)index_of(is_short ? "AES-128" : priv, usm_priv_names);
        options.priv_password = priv_password;
    }
    assert_int_equal(usm_users_add(desk.users, &options), USM_OK);
}

static int
begin(void **state)
{
    static const char first[] = "createUser ";
    char line[256];
    FILE *in = fopen(USERS, "r");

    (void)state;
    assert_non_null(in);
    desk.users = usm_users_new();
    desk.ours = malloc(TRAP_READING_ROOM);
    desk.theirs = malloc(TRAP_READING_ROOM);
    desk.plain = malloc(UINT16_MAX);
    assert_true(
        desk.users != NULL && desk.ours != NULL && desk.theirs != NULL && desk.plain != NULL);
    trap_netsnmp_begin();
    while (fgets(line, sizeof(line), in) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        assert_int_equal(strncmp(line, first, strlen(first)), 0);
        add_user(line + strlen(first));
    }
    (void)fclose(in);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    trap_netsnmp_end();
    usm_users_free(desk.users);
    free(desk.ours);
    free(desk.theirs);
    free(desk.plain);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_read_as_libnetsnmp_reads_them),
        cmocka_unit_test(mutants_are_read_as_libnetsnmp_reads_them),
        cmocka_unit_test(the_corpus_is_read_as_libnetsnmp_reads_it),
        cmocka_unit_test(the_mutants_of_the_corpus_are_read_as_libnetsnmp_reads_them),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
