/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>

#include "idset.h"

static void
every_different_text_counts_once(void **state)
{
    struct idset set = { .hashes = NULL };
    char id[64];

    (void)state;
    assert_int_equal(idset_distinct(&set), 0);
    for (unsigned i = 0; i < 100000; i++) {
        (void)snprintf(id, sizeof(id), "0123456789abcdef-%u-%u", i / 1000, i % 1000);
        idset_add(&set, id);
    }
    assert_int_equal(idset_distinct(&set), 100000);
    idset_add(&set, "0123456789abcdef-7-7");
    idset_add(&set, "");
    idset_add(&set, "");
    assert_int_equal(idset_distinct(&set), 100001);
    assert_int_equal(set.count, 100003);
    assert_false(set.failed);
    idset_done(&set);
    assert_int_equal(set.count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_different_text_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
