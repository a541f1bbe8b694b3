/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <arpa/inet.h>

#include "sr/access.h"

#include "sr/banned.h"

#define TEXTS_MAX 4

/* Texts in one string, with blanks between them. */
struct list {
    char text[128];
    const char *items[TEXTS_MAX];
    struct sr_conf_strings strings;
};

static const struct sr_conf_strings *
split(struct list *l, const char *texts)
{
    char *rest = NULL;

    (void)snprintf(l->text, sizeof(l->text), "%s", texts);
    l->strings = (struct sr_conf_strings){ 0, l->items };
    for (char *t = strtok_r(l->text, " ", &rest); t != NULL; t = strtok_r(NULL, " ", &rest)) {
        l->items[l->strings.count++] = t;
    }
    return &l->strings;
}

static struct sr_peer
peer(const char *text)
{
    struct sr_peer p = { .is_v6 = strchr(text, ':') != NULL, .port = 514 };

    assert_int_equal(inet_pton(p.is_v6 ? AF_INET6 : AF_INET, text, p.address), 1);
    return p;
}

static void
the_smallest_network_of_an_address_decides(void **state)
{
    static const struct {
        const char *allow, *deny, *address;
        bool may;
    } cases[] = {
        { "", "", "192.0.2.1", true },
        { "", "", "2001:db8::1", true },
        { "10.0.0.0/8", "", "10.1.2.3", true },
        { "10.0.0.0/8", "", "11.1.2.3", false },
        { "10.0.0.0/8", "", "2001:db8::1", false },
        { "", "10.0.0.0/8", "10.1.2.3", false },
        { "", "10.0.0.0/8", "11.1.2.3", true },
        { "", "10.0.0.0/8", "2001:db8::1", true },
        { "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", false },
        { "10.0.0.0/8", "10.1.0.0/16", "10.2.2.3", true },
        { "10.1.0.0/16", "10.0.0.0/8", "10.1.2.3", true },
        { "10.1.0.0/16", "10.0.0.0/8", "10.2.2.3", false },
        { "10.1.0.0/16", "10.0.0.0/8", "11.2.2.3", false },
        { "10.0.0.0/8 10.1.2.3", "10.1.0.0/16", "10.1.2.3", true },
        { "10.0.0.0/8 10.1.2.3", "10.1.0.0/16", "10.1.2.4", false },
        { "0.0.0.0/0", "::/0", "10.1.2.3", true },
        { "0.0.0.0/0", "::/0", "2001:db8::1", false },
        { "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1::1", false },
        { "2001:db8::/32", "2001:db8:1::/48", "2001:db8:2::1", true },
        { "::ffff:10.0.0.0/104", "", "10.1.2.3", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct list allow, deny;
        struct sr_access a;
        struct sr_peer p = peer(cases[i].address);
        assert_true(sr_access_init(&a, split(&allow, cases[i].allow), split(&deny, cases[i].deny)));
        if (sr_access_allows(&a, &p) != cases[i].may) {
            fail_msg("allow `%s` deny `%s`: %s", cases[i].allow, cases[i].deny, cases[i].address);
        }
        sr_access_done(&a);
    }
}

static void
programs_of_this_host_have_no_address_to_look_at(void **state)
{
    const struct sr_peer local = { .is_local = true };
    struct list allow, deny;
    struct sr_access a;

    (void)state;
    assert_true(sr_access_init(&a, split(&allow, "10.0.0.0/8"), split(&deny, "0.0.0.0/0")));
    assert_true(sr_access_allows(&a, &local));
    sr_access_done(&a);
}

static void
a_network_in_both_lists_is_an_error(void **state)
{
    static const struct {
        const char *allow, *deny, *wrong;
    } cases[] = {
        { "10.0.0.0/8", "10.0.0.0/9", NULL },
        { "10.0.0.0/8", "10.0.0.0/8",
            "`10.0.0.0/8` is in `allow` too (`10.0.0.0/8`); leave one of them out" },
        { "192.0.2.1/32", "10.0.0.1 192.0.2.1",
            "`192.0.2.1` is in `allow` too (`192.0.2.1/32`); leave one of them out" },
        { "::/0", "0.0.0.0/0", NULL }, { "nonsense", "10.0.0.0/8", NULL }, /* told of `allow` */
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct list allow, deny;
        const char *why = sr_access_check(
            split(&deny, cases[i].deny), split(&allow, cases[i].allow), text, sizeof(text));
        if (cases[i].wrong == NULL) {
            assert_null(why);
        } else {
            assert_string_equal(why, cases[i].wrong);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_network_of_an_address_decides),
        cmocka_unit_test(programs_of_this_host_have_no_address_to_look_at),
        cmocka_unit_test(a_network_in_both_lists_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
