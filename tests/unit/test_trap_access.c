/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "decode/datagram.h"
#include "decode/mib.h"
#include "decode/mib_format.h"
#include "rules.h"
#include "trap_build.h"

#include "sr/banned.h"

#define ITEMS_MAX 4

static const struct mib_table *mibs[2];

/* ---- Rules as they are written ---- */

struct list {
    const char *items[ITEMS_MAX + 1]; /* up to NULL */
};

static struct sr_conf_strings
strings(struct list *list)
{
    size_t count = 0;

    while (list->items[count] != NULL) {
        count++;
    }
    return (struct sr_conf_strings){ count, list->items };
}

static struct trapd_listener listener;
static struct list allowed, denied, users;
static char problem[512];
static const char *problem_key;
static struct rules rules;

static bool
are_rules(struct list allow, struct list deny)
{
    allowed = allow;
    denied = deny;
    listener.allow_traps = strings(&allowed);
    listener.deny_traps = strings(&denied);
    listener.users = strings(&users);
    mibs[1] = mib_standard();
    rules_done(&rules);
    return rules_init(&rules, &listener, mibs, &problem_key, problem, sizeof(problem));
}

#define LIST(...) ((struct list){ { __VA_ARGS__ } })

/* Whether rules take a notification, and which one of them has decided. */
static bool
takes(const char *identifier, const char *decided_by)
{
    static uint8_t memory[TRAP_BUILD_ROOM];
    const struct trap_wanted wanted = { .trap = identifier };
    struct sr_span bytes = { memory, trap_build(&wanted, memory) };
    struct trap_message message;
    const struct trap_rule *rule;

    assert_int_equal(trap_message_read(bytes, &message), TRAP_OK);
    const char *why = trap_access_refusal(&rules.access, &message, &rule);
    assert_true(why == NULL || strcmp(why, "trap_not_allowed") == 0);
    if (decided_by == NULL) {
        assert_null(rule);
    } else {
        assert_non_null(rule);
        assert_string_equal(rule->text, decided_by);
    }
    return why == NULL;
}

/* ---- Traps ---- */

static void
without_rules_all_traps_are_taken(void **state)
{
    (void)state;
    assert_true(are_rules(LIST(NULL), LIST(NULL)));
    assert_true(takes("1.3.6.1.6.3.1.1.5.3", NULL));
}

static void
with_a_list_of_those_that_are_allowed_others_are_refused(void **state)
{
    (void)state;
    assert_true(are_rules(LIST("IF-MIB::linkDown", "1.3.6.1.4.1.9.*"), LIST(NULL)));
    assert_true(takes("1.3.6.1.6.3.1.1.5.3", "IF-MIB::linkDown"));
    assert_false(takes("1.3.6.1.6.3.1.1.5.4", NULL));
    assert_true(takes("1.3.6.1.4.1.9.1", "1.3.6.1.4.1.9.*"));
    assert_true(takes("1.3.6.1.4.1.9.9.41.2.0.1", "1.3.6.1.4.1.9.*"));
    assert_false(takes("1.3.6.1.4.1.9", NULL));
    assert_false(takes("1.3.6.1.4.1.90.1", NULL));
}

static void
with_a_list_of_those_that_are_refused_others_are_allowed(void **state)
{
    (void)state;
    assert_true(are_rules(LIST(NULL), LIST(".1.3.6.1.6.3.1.1.5.3", "SNMPv2-SMI::enterprises.*")));
    assert_false(takes("1.3.6.1.6.3.1.1.5.3", ".1.3.6.1.6.3.1.1.5.3"));
    assert_true(takes("1.3.6.1.6.3.1.1.5.4", NULL));
    assert_false(takes("1.3.6.1.4.1.8072.4.0.1", "SNMPv2-SMI::enterprises.*"));
    assert_true(takes("1.3.6.1.6.3.1.1.5.3.1", NULL)); /* one identifier is no prefix */
}

static void
the_longest_rule_decides(void **state)
{
    (void)state;
    assert_true(are_rules(LIST("1.3.6.1.4.1.9.9.41.*", "1.3.6.1.6.*"),
        LIST("1.3.6.1.4.1.9.*", "1.3.6.1.4.1.9.9.41.2.0.1", "1.3.6.1.6.3.1.1.5.*")));
    assert_true(takes("1.3.6.1.4.1.9.9.41.2.0.2", "1.3.6.1.4.1.9.9.41.*"));
    assert_false(takes("1.3.6.1.4.1.9.9.41.2.0.1", "1.3.6.1.4.1.9.9.41.2.0.1"));
    assert_false(takes("1.3.6.1.4.1.9.9.42.1", "1.3.6.1.4.1.9.*"));
    assert_false(takes("1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.*"));
    assert_true(takes("1.3.6.1.6.3.2", "1.3.6.1.6.*"));
}

/* RFC 1628 defines upsTrapOnBattery as upsTraps.1; of a v1 trap RFC 3584 makes upsTraps.0.1. */
static void
a_rule_is_for_the_same_trap_of_v1_too(void **state)
{
    (void)state;
    assert_true(are_rules(LIST(NULL), LIST("UPS-MIB::upsTrapOnBattery")));
    assert_false(takes("1.3.6.1.2.1.33.2.1", "UPS-MIB::upsTrapOnBattery"));
    assert_false(takes("1.3.6.1.2.1.33.2.0.1", "UPS-MIB::upsTrapOnBattery"));
    assert_true(takes("1.3.6.1.2.1.33.2.0.2", NULL));
    assert_true(takes("1.3.6.1.2.1.33.0.1", NULL));
    assert_true(takes("1.3.6.1.2.1.33.2.5.1", NULL)); /* nothing but a zero is left out */
    assert_true(are_rules(LIST("1.3.6.1.2.1.33.2.0.1"), LIST("UPS-MIB::upsTrapOnBattery")));
    assert_true(takes("1.3.6.1.2.1.33.2.0.1", "1.3.6.1.2.1.33.2.0.1"));
    assert_true(are_rules(LIST("1.3.6.1.2.1.33.2.0.*"), LIST("UPS-MIB::upsTrapOnBattery")));
    assert_false(takes("1.3.6.1.2.1.33.2.0.1", "UPS-MIB::upsTrapOnBattery"));
}

static void
what_says_nothing_of_itself_is_taken_only_without_a_list_of_those_that_are_allowed(void **state)
{
    struct trap_message message = { .version = TRAP_V2C, .pdu = TRAP_PDU_TRAP_V2 };
    const struct trap_rule *rule;

    (void)state;
    assert_true(are_rules(LIST(NULL), LIST("IF-MIB::linkDown")));
    assert_null(trap_access_refusal(&rules.access, &message, &rule));
    assert_true(are_rules(LIST("IF-MIB::linkDown"), LIST(NULL)));
    assert_string_equal(trap_access_refusal(&rules.access, &message, &rule), "trap_not_allowed");
}

static void
rules_that_say_nothing_are_refused_with_what_to_do(void **state)
{
    static const char *const wrong[] = { "", ".", "*", ".*", "1.", "1..3", "a.3", "1.3.6 ",
        "1.4294967296", "1.3.*.4", "linkDown", "IF-MIB:linkDown" };
    static const char *const unknown[] = { "IF-MIB::linkDwn", "IF-MIB::", "::linkDown",
        "::", "IF-MIB::.*", "IF-MI::linkDown", "IF-MIB::linkDown.0" };
    char longest[2 * BER_SUB_IDS_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(are_rules(LIST(wrong[i]), LIST(NULL)));
        assert_string_equal(problem_key, "allow_traps");
        assert_non_null(strstr(problem, "is no identifier; write"));
    }
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        assert_false(are_rules(LIST(NULL), LIST(unknown[i])));
        assert_string_equal(problem_key, "deny_traps");
        assert_non_null(strstr(problem, "is no name that is known; write"));
    }
    for (size_t i = 0; i <= BER_SUB_IDS_MAX; i++) {
        memcpy(longest + 2 * i, "1.", 2);
    }
    longest[2 * BER_SUB_IDS_MAX + 1] = '\0';
    assert_false(are_rules(LIST(longest), LIST(NULL)));
    assert_true(are_rules(LIST(longest + 2), LIST(NULL)));
}

static void
one_identifier_is_not_allowed_and_refused(void **state)
{
    (void)state;
    assert_false(are_rules(LIST("1.3.*", "1.3.6.1.6.3.1.1.5.3"), LIST("IF-MIB::linkDown")));
    assert_string_equal(problem, "`IF-MIB::linkDown` is in `allow_traps` too "
                                 "(`1.3.6.1.6.3.1.1.5.3`); leave one of them out");
    assert_true(are_rules(LIST("1.3.*"), LIST("1.3")));
}

/* ---- Users ---- */

static const char *
refusal_of(const char *user, enum trap_version version)
{
    struct trap_message message = { .version = version, .pdu = TRAP_PDU_TRAP_V2 };
    const struct trap_rule *rule;

    message.user = span_of(user);
    return trap_access_refusal(&rules.access, &message, &rule);
}

static void
only_users_of_the_list_are_taken(void **state)
{
    (void)state;
    users = LIST("joe", "jim");
    assert_true(are_rules(LIST(NULL), LIST(NULL)));
    assert_null(refusal_of("joe", TRAP_V3));
    assert_null(refusal_of("jim", TRAP_V3));
    assert_string_equal(refusal_of("jo", TRAP_V3), "user_not_allowed");
    assert_string_equal(refusal_of("joey", TRAP_V3), "user_not_allowed");
    assert_string_equal(refusal_of("", TRAP_V3), "user_not_allowed");
    assert_null(refusal_of("", TRAP_V2C)); /* has communities instead */
    users = LIST(NULL);
    assert_true(are_rules(LIST(NULL), LIST(NULL)));
    assert_null(refusal_of("anybody", TRAP_V3));
}

/* ---- Datagrams ---- */

static struct {
    uint8_t record[TRAP_RECORD_MAX];
    const char *refused;
    unsigned commits, answers;
} sink;

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return max <= sizeof(sink.record) ? sink.record : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    (void)len;
    sink.commits += records;
}

static void
commit_request(void *arg, size_t len, const struct sr_request *request)
{
    (void)request;
    commit(arg, len, 1);
}

static bool
repeated(void *arg, const struct sr_request *request)
{
    (void)arg;
    (void)request;
    return false;
}

static void
refused(void *arg, const char *reason)
{
    (void)arg;
    sink.refused = reason;
}

static void
answer(void *arg, struct sr_span bytes)
{
    (void)arg;
    (void)bytes;
    sink.answers++;
}

static void
request_id(struct sr_span identity, uint8_t id[SR_REQUEST_ID_LEN])
{
    (void)identity;
    memset(id, 0, SR_REQUEST_ID_LEN);
}

static void
what_is_refused_is_only_counted_and_no_inform_of_it_answered(void **state)
{
    static struct trap_scratch scratch;
    static const struct sr_peer peer;
    static const struct sr_emit emit = {
        .reserve = reserve,
        .commit = commit,
        .refused = refused,
        .repeated = repeated,
        .reserve_request = reserve,
        .commit_request = commit_request,
        .answer = answer,
    };
    const struct trap_config config = { .access = &rules.access, .request_id = request_id };
    uint8_t memory[TRAP_BUILD_ROOM];

    (void)state;
    assert_true(are_rules(LIST(NULL), LIST("IF-MIB::linkDown")));
    for (unsigned i = 0; i < 2; i++) {
        const struct trap_wanted wanted = { .pdu = i == 0 ? TRAP_PDU_TRAP_V2 : TRAP_PDU_INFORM };
        struct sr_span bytes = { memory, trap_build(&wanted, memory) };
        sink.refused = NULL;
        assert_int_equal(
            sr_trap_datagram(&config, NULL, &scratch, 1, &peer, bytes, &emit), SR_REFUSED);
        assert_string_equal(sink.refused, "trap_not_allowed");
    }
    assert_int_equal(sink.commits, 0);
    assert_int_equal(sink.answers, 0);
    const struct trap_wanted up = { .trap = "1.3.6.1.6.3.1.1.5.4" };
    struct sr_span bytes = { memory, trap_build(&up, memory) };
    assert_int_equal(sr_trap_datagram(&config, NULL, &scratch, 1, &peer, bytes, &emit), SR_DECODED);
}

/* ---- Names ---- */

static void
a_name_is_found_where_its_identifier_is(void **state)
{
    static const uint32_t known[][12] = {
        { 1, 3, 6, 1, 6, 3, 1, 1, 5, 3 },
        { 1, 3, 6, 1, 2, 1, 33, 2, 1 },
        { 1, 3, 6, 1, 2, 1, 2, 2, 1, 1 },
        { 1, 3, 6, 1, 4, 1 },
    };
    uint32_t arcs[BER_SUB_IDS_MAX];
    unsigned count;

    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        unsigned len = 0;
        struct mib_node node;
        while (known[i][len] != 0) {
            len++;
        }
        assert_true(mib_find(mib_standard(), known[i], len, &node));
        assert_int_equal(node.depth, len);
        assert_true(mib_find_name(mib_standard(), node.module, node.name, arcs, &count));
        assert_int_equal(count, len);
        assert_memory_equal(arcs, known[i], len * sizeof(arcs[0]));
    }
}

static void
a_damaged_table_is_read_by_name_and_not_past_its_end(void **state)
{
    struct sr_span whole = mib_standard()->bytes;
    uint8_t *copy = malloc(whole.len);
    struct mib_table table;
    uint32_t arcs[BER_SUB_IDS_MAX];
    uint64_t random = 1;
    unsigned count = 0;

    (void)state;
    assert_non_null(copy);
    for (unsigned round = 0; round < 100; round++) {
        memcpy(copy, whole.data, whole.len);
        for (unsigned i = 0; i < 1 + round * 20; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
            copy[MIB_HEAD_SIZE + (random >> 33) % (whole.len - MIB_HEAD_SIZE)] =
                (uint8_t)(random >> 20);
        }
        assert_true(mib_table_open((struct sr_span){ copy, whole.len }, &table));
        bool is_found = mib_find_name(&table, span_of("IF-MIB"), span_of("linkDown"), arcs, &count);
        assert_true(!is_found || count <= BER_SUB_IDS_MAX);
    }
    free(copy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rules_all_traps_are_taken),
        cmocka_unit_test(with_a_list_of_those_that_are_allowed_others_are_refused),
        cmocka_unit_test(with_a_list_of_those_that_are_refused_others_are_allowed),
        cmocka_unit_test(the_longest_rule_decides),
        cmocka_unit_test(a_rule_is_for_the_same_trap_of_v1_too),
        cmocka_unit_test(
            what_says_nothing_of_itself_is_taken_only_without_a_list_of_those_that_are_allowed),
        cmocka_unit_test(rules_that_say_nothing_are_refused_with_what_to_do),
        cmocka_unit_test(one_identifier_is_not_allowed_and_refused),
        cmocka_unit_test(only_users_of_the_list_are_taken),
        cmocka_unit_test(what_is_refused_is_only_counted_and_no_inform_of_it_answered),
        cmocka_unit_test(a_name_is_found_where_its_identifier_is),
        cmocka_unit_test(a_damaged_table_is_read_by_name_and_not_past_its_end),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    rules_done(&rules);
    return failed;
}
