/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <jansson.h>

#include "issuer/claims.h"

static json_t *
body(json_t *claims)
{
    return json_object_get(claims, "nats");
}

static bool
allows(json_t *user, const char *verb, const char *subject)
{
    json_t *list = json_object_get(json_object_get(body(user), verb), "allow");
    json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry)
    {
        if (strcmp(json_string_value(entry), subject) == 0) {
            return true;
        }
    }
    return false;
}

static void
every_subject_and_its_dead_letters_map_exactly(void **state)
{
    json_t *claims = claims_tenant("acme", "A1", "A2", 1 << 30);
    json_t *mappings = json_object_get(body(claims), "mappings");
    const char *from;
    json_t *to;
    size_t count = 0;

    (void)state;
    json_object_foreach(mappings, from, to)
    {
        const char *dest = json_string_value(json_object_get(json_array_get(to, 0), "subject"));
        assert_memory_equal(dest, "acme.", 5);
        assert_string_equal(dest + 5, from);
        assert_null(strpbrk(dest, "*>"));
        count++;
    }
    assert_int_equal(count, 10);
    assert_non_null(json_object_get(mappings, "flows.raw.netflow.deadletter"));
    json_decref(claims);
}

static void
a_collector_may_publish_mapped_subjects_and_hear_its_inbox(void **state)
{
    json_t *user = claims_user("acme-syslog", "U", "A");
    json_t *sub;

    (void)state;
    assert_int_equal(claims_allow_role(user, "acme-syslog", "acme", &sr_suite_roles[0]), 0);
    assert_true(allows(user, "pub", "acme.logs.syslog"));
    assert_true(allows(user, "pub", "acme.logs.syslog.deadletter"));
    assert_false(allows(user, "pub", "logs.syslog"));
    assert_false(allows(user, "pub", "acme.logs.snmp"));
    sub = json_object_get(json_object_get(body(user), "sub"), "allow");
    assert_int_equal(json_array_size(sub), 1);
    assert_true(allows(user, "sub", "_INBOX.acme-syslog.>"));
    json_decref(user);
}

static void
the_streams_take_every_subject_and_fit_the_account(void **state)
{
    unsigned kept = 0;

    (void)state;
    for (const struct sr_suite_role *role = sr_suite_roles; role->name != NULL; role++) {
        for (const char *const *s = role->subjects; *s != NULL; s++) {
            unsigned found = 0;
            for (const struct sr_suite_stream *st = sr_suite_streams; st->name != NULL; st++) {
                for (const char *const *t = st->subjects; *t != NULL; t++) {
                    found += strcmp(*s, *t) == 0;
                }
            }
            assert_int_equal(found, 1);
            kept++;
        }
    }
    assert_int_equal(kept, 5);
    json_t *claims = claims_tenant("acme", "A1", "A2", sr_suite_tenant_bytes());
    json_t *limits = json_object_get(body(claims), "limits");
    assert_true(json_integer_value(json_object_get(limits, "disk_storage")) == 2LL << 30);
    json_decref(claims);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_subject_and_its_dead_letters_map_exactly),
        cmocka_unit_test(a_collector_may_publish_mapped_subjects_and_hear_its_inbox),
        cmocka_unit_test(the_streams_take_every_subject_and_fit_the_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
