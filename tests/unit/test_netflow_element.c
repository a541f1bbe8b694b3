/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <ctype.h>
#include <stdio.h>

#include "decode/element.h"
#include "decode/element_table.h"
#include "decode/template.h"

static void
assert_element(uint32_t enterprise, uint16_t id, const char *name, enum nf_element_type type)
{
    const struct nf_element *e = nf_element_find(enterprise, id);

    assert_non_null(e);
    assert_string_equal(e->name, name);
    assert_int_equal(e->type, type);
}

static void
an_element_is_found_by_its_enterprise_and_id(void **state)
{
    (void)state;
    assert_element(0, 1, "octetDeltaCount", NF_ELEMENT_UNSIGNED);
    assert_element(0, 8, "sourceIPv4Address", NF_ELEMENT_IPV4);
    assert_element(0, 56, "sourceMacAddress", NF_ELEMENT_MAC);
    assert_element(0, 82, "interfaceName", NF_ELEMENT_STRING);
    assert_element(0, 154, "flowStartMicroseconds", NF_ELEMENT_MICROSECONDS);
    assert_element(0, 276, "dataRecordsReliability", NF_ELEMENT_BOOLEAN);
    assert_element(0, 293, "subTemplateMultiList", NF_ELEMENT_LIST);
    assert_element(0, 311, "samplingProbability", NF_ELEMENT_FLOAT);
    assert_element(0, 434, "mibObjectValueInteger", NF_ELEMENT_SIGNED);
    assert_element(0, 495, "srhActiveSegmentIPv6", NF_ELEMENT_IPV6);
    assert_element(9, 12242, "ciscoConnectionId", NF_ELEMENT_UNSIGNED);
    assert_element(2636, 137, "juniperCommonPropertiesId", NF_ELEMENT_OCTETS);
    assert_element(5951, 129, "netscalerTransactionId", NF_ELEMENT_UNSIGNED);
    assert_element(41916, 4321, "viptelaVpnId", NF_ELEMENT_UNSIGNED);
}

static void
ids_of_v9_above_32767_are_found_without_an_enterprise(void **state)
{
    (void)state;
    assert_element(0, 33002, "firewallExtendedEvent", NF_ELEMENT_UNSIGNED);
    assert_element(0, 40000, "aaaUserName", NF_ELEMENT_STRING);
    assert_element(0, 40001, "xlateSourceIPv4Address", NF_ELEMENT_IPV4);
    assert_element(0, 56701, "paloAltoAppId", NF_ELEMENT_STRING);
}

static void
nprobes_ids_of_v9_are_its_elements_of_ipfix(void **state)
{
    (void)state;
    assert_element(0, 57472 + 118, "ntopL7Proto", NF_ELEMENT_UNSIGNED);
    assert_ptr_equal(nf_element_find(0, 57472 + 118), nf_element_find(35632, 118));
    assert_null(nf_element_find(0, 57472));
}

static void
what_is_not_known_is_no_element(void **state)
{
    (void)state;
    assert_null(nf_element_find(0, 0));
    assert_null(nf_element_find(0, 105)); /* reserved for v9 */
    assert_null(nf_element_find(0, 530));
    assert_null(nf_element_find(0, 65535));
    assert_null(nf_element_find(9, 1));
    assert_null(nf_element_find(41916, 4322));
    assert_null(nf_element_find(4242, 1));
}

/* Reserved for v9 or withdrawn; all else up to the last id is there. */
static void
all_of_iana_s_ids_have_an_element_but_reserved_ones(void **state)
{
    static const struct {
        unsigned first, last;
    } reserved[] = { { 65, 69 }, { 97, 97 }, { 105, 127 }, { 416, 416 }, { 419, 419 } };
    size_t gap = 0;

    (void)state;
    for (unsigned id = 1; id < 530; id++) {
        while (gap < sizeof(reserved) / sizeof(reserved[0]) && id > reserved[gap].last) {
            gap++;
        }
        bool known = gap == sizeof(reserved) / sizeof(reserved[0]) || id < reserved[gap].first;
        assert_int_equal(nf_element_find(0, (uint16_t)id) != NULL, known);
    }
}

static void
the_other_direction_has_the_elements_of_iana(void **state)
{
    (void)state;
    assert_ptr_equal(nf_element_find(NF_REVERSE_PEN, 1), nf_element_find(0, 1));
    assert_null(nf_element_find(NF_REVERSE_PEN, 530));
}

/* All lists, that of IANA as enterprise 0. */
static struct nf_element_table
list_at(size_t i)
{
    return i < nf_elements_vendor_count
               ? nf_elements_vendors[i]
               : (struct nf_element_table){ 0, nf_elements_iana, nf_elements_iana_count };
}

static void
every_element_of_every_list_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i <= nf_elements_vendor_count; i++) {
        struct nf_element_table t = list_at(i);
        for (size_t j = 0; j < t.count; j++) {
            assert_ptr_equal(nf_element_find(t.enterprise, t.elements[j].id), &t.elements[j]);
            assert_true(j == 0 || t.elements[j].id > t.elements[j - 1].id);
        }
    }
}

static const struct nf_element *
element_at(size_t n)
{
    for (size_t i = 0; i <= nf_elements_vendor_count; i++) {
        struct nf_element_table t = list_at(i);
        const struct nf_element *elements = t.elements;
        if (n < t.count) {
            return elements + n;
        }
        n -= t.count;
    }
    return NULL;
}

static void
no_name_occurs_twice(void **state)
{
    (void)state;
    for (size_t i = 0; element_at(i) != NULL; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(element_at(i)->name, element_at(j)->name) == 0) {
                fail_msg("%s twice", element_at(i)->name);
            }
        }
    }
}

/* "applicationName" is an element as well, of which the writer knows. */
static void
no_name_is_one_that_the_writer_makes_up(void **state)
{
    static const char *const own[] = { "inputInterfaceName", "inputInterfaceDescription",
        "outputInterfaceName", "outputInterfaceDescription", "ingressVRFName", "egressVRFName",
        "engineType", "engineId" };

    (void)state;
    for (size_t i = 0; element_at(i) != NULL; i++) {
        const char *name = element_at(i)->name;
        assert_int_not_equal(strncmp(name, NF_ELEMENT_REVERSE, strlen(NF_ELEMENT_REVERSE)), 0);
        for (size_t j = 0; j < 6; j++) {
            assert_string_not_equal(name, own[j]);
        }
    }
    /* These two are IANA's names, and v5 has no other elements. */
    assert_element(0, 38, own[6], NF_ELEMENT_UNSIGNED);
    assert_element(0, 39, own[7], NF_ELEMENT_UNSIGNED);
}

static void
every_name_is_short_and_a_word(void **state)
{
    (void)state;
    for (size_t i = 0; element_at(i) != NULL; i++) {
        const char *name = element_at(i)->name;
        assert_in_range(strlen(name), 1, NF_ELEMENT_NAME_MAX);
        for (const char *c = name; *c != '\0'; c++) {
            assert_true(isalnum((unsigned char)*c) || *c == '_');
        }
        assert_in_range(element_at(i)->type, NF_ELEMENT_OCTETS, NF_ELEMENT_LIST);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_element_is_found_by_its_enterprise_and_id),
        cmocka_unit_test(ids_of_v9_above_32767_are_found_without_an_enterprise),
        cmocka_unit_test(nprobes_ids_of_v9_are_its_elements_of_ipfix),
        cmocka_unit_test(what_is_not_known_is_no_element),
        cmocka_unit_test(all_of_iana_s_ids_have_an_element_but_reserved_ones),
        cmocka_unit_test(the_other_direction_has_the_elements_of_iana),
        cmocka_unit_test(every_element_of_every_list_is_found),
        cmocka_unit_test(no_name_occurs_twice),
        cmocka_unit_test(no_name_is_one_that_the_writer_makes_up),
        cmocka_unit_test(every_name_is_short_and_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
