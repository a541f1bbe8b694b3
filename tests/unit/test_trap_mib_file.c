/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "folder.h"
#include "mib_file.h"

#include "sr/banned.h"

static char dir[64];

static const char *
file(const char *name, struct sr_span bytes)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, out), bytes.len);
    assert_int_equal(fclose(out), 0);
    return path;
}

static void
refuses(const char *path, const char *problem)
{
    struct mib_file f;
    char error[256];

    assert_false(mib_file_open(path, &f, error, sizeof(error)));
    if (strstr(error, problem) == NULL) {
        fail_msg("`%s` is not `%s`", error, problem);
    }
}

static void
a_table_finds_what_it_found_in_memory(void **state)
{
    /* ifIndex.7 of IF-MIB (RFC 2863) */
    static const uint32_t arcs[] = { 1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 7 };
    struct mib_file f;
    struct mib_node node;
    char error[256];

    (void)state;
    assert_true(mib_file_open(file("good", mib_standard()->bytes), &f, error, sizeof(error)));
    assert_true(mib_find(&f.table, arcs, sizeof(arcs) / sizeof(arcs[0]), &node));
    assert_int_equal(node.name.len, strlen("ifIndex"));
    assert_memory_equal(node.name.data, "ifIndex", node.name.len);
    mib_file_close(&f);
    assert_null(f.map);
    mib_file_close(&f);
}

static void
what_is_no_table_is_told_with_what_to_do(void **state)
{
    struct sr_span good = mib_standard()->bytes;

    (void)state;
    refuses("/no/such/table", "mib_file: cannot map /no/such/table: No such file or directory");
    refuses(dir, "mib_file: cannot map /");
    refuses(file("empty", (struct sr_span){ good.data, 0 }), "mib_file: cannot map /");
    refuses(file("text", span_of("IF-MIB DEFINITIONS ::= BEGIN\n")),
        "text is no table of names of this version; write it with `serviceradar-cli mib compile`");
    refuses(file("cut", (struct sr_span){ good.data, good.len - 1 }), "cut is no table of names");
}

static int
setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/sr-trap-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    return folder_remove(dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_finds_what_it_found_in_memory),
        cmocka_unit_test(what_is_no_table_is_told_with_what_to_do),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
