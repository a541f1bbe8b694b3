/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "ber_text.h"
#include "decode/json.h"
#include "decode/upstream.h"

#include "sr/banned.h"

/* Reads from a copy of exact size, so that nothing behind it is. */
static void
is_written(const char *bytes, const char *expected)
{
    struct sr_span whole = ber_text(bytes);
    uint8_t *exact = malloc(whole.len > 0 ? whole.len : 1);
    char text[4096];
    struct sr_buf b = sr_buf_over(text, sizeof(text) - 1);

    assert_non_null(exact);
    memcpy(exact, whole.data, whole.len);
    trap_upstream_oid(&b, (struct sr_span){ exact, whole.len });
    free(exact);
    assert_false(b.overflow);
    text[b.len] = '\0';
    assert_string_equal(text, expected);
}

static void
legal_identifiers_are_what_they_are(void **state)
{
    (void)state;
    is_written("2b 06 01 06 03 01 01 05 03", "1.3.6.1.6.3.1.1.5.3");
    is_written("2b 06 01 04 01 bf 08", "1.3.6.1.4.1.8072");
    is_written("2b", "1.3");
    is_written("4f", "1.39");
    is_written("00 00", "0.0.0");
}

static void
what_is_wrong_is_as_wrong_as_it_was(void **state)
{
    (void)state;
    is_written("88 37 03", "3.16.55.3"); /* 2.999.3 */
    is_written("78", "3.0");             /* 2.40 */
    is_written("00", "0");               /* 0.0 */
    is_written("2b 90 80 80 80 00", "1.3.4294967296");
    is_written("2b 80 06", "1.3.6");
    is_written("2b ff ff ff ff ff ff ff ff 7f", "1.3.9223372036854775807");
    is_written("2b 06 80 80 80 80 80 80 80 80 80 00", "2b 06 80 80 80 80 80 80 80 80 80 00");
    is_written("2b 06 81", "1.3.6.1"); /* cut short */
    is_written("", "");
}

static void
only_identifiers_are_written_otherwise(void **state)
{
    struct trap_config config = { .upstream = true };
    const struct sr_peer peer = { .address = { 192, 0, 2, 10 }, .port = 162 };
    struct trap_message message;
    char text[4096];

    (void)state;
    struct sr_span bytes =
        ber_text("30(02(01) 04(70) a7(02(07) 02(00) 02(00) 30(30(06(2b 88 37) 06(88 37 03)))))");
    assert_int_equal(trap_message_read(bytes, &message), TRAP_OK);
    for (unsigned i = 0; i < 2; i++) {
        struct sr_buf b = sr_buf_over(text, sizeof(text) - 1);
        config.upstream = i == 1;
        trap_json_write(&b, &config, &message, &peer, 1);
        text[b.len] = '\0';
        assert_string_equal(text, i == 0
                                      ? "{\"source\":\"192.0.2.10:162\",\"version\":\"V2C\","
                                        "\"community\":\"p\",\"varbinds\":[{\"oid\":\"1.3.1079\","
                                        "\"value\":\"OBJECT IDENTIFIER: 2.999.3\"}]}"
                                      : "{\"source\":\"192.0.2.10:162\",\"version\":\"V2C\","
                                        "\"community\":\"p\",\"varbinds\":[{\"oid\":\"1.3.1079\","
                                        "\"value\":\"OBJECT IDENTIFIER: 3.16.55.3\"}]}");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legal_identifiers_are_what_they_are),
        cmocka_unit_test(what_is_wrong_is_as_wrong_as_it_was),
        cmocka_unit_test(only_identifiers_are_written_otherwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
