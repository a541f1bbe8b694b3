/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte says what the rest is: 'T' a tar, which gets a gzip member around it, as no
 * mutation would keep its CRC-32; 'P' credentials, certificate, key and CA file with a NUL between;
 * anything else belongs to a download as it is.
 */
#include <stdlib.h>
#include <string.h>

#include "../unit/tar_build.h"
#include "enroll/bundle_check.h"
#include "require.h"

#define NOW_S 1800000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const subjects[] = { "logs.snmp", "events.netflow", NULL };

static void
check(const struct bundle *bundle)
{
    struct bundle_problems problems = { .count = 0 };

    bundle_check(bundle, subjects, NOW_S, &problems);
    require(problems.count <= BUNDLE_PROBLEMS_MAX);
    for (size_t i = 0; i < problems.count; i++) {
        require(strlen(bundle_fault_cause(problems.list[i].fault)) > 0);
        require(strlen(bundle_fault_remedy(problems.list[i].fault)) > 0);
    }
}

/* A part lies within the memory that is wiped. */
static void
require_inside(const struct bundle *bundle, struct sr_span part)
{
    require(part.len == 0 || (part.data >= bundle->memory && part.len <= bundle->size &&
                                 (size_t)(part.data - bundle->memory) <= bundle->size - part.len));
}

static void
read_bytes(struct sr_span bytes)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];
    enum bundle_err err = bundle_read(bytes, NULL, &bundle, detail);

    for (const char *c = detail; *c != '\0'; c++) {
        require(*c >= 0x20 && *c <= 0x7e);
    }
    if (err != BUNDLE_OK) {
        return;
    }
    require(bundle.creds.len > 0 && bundle.config.len > 0 && bundle.config_name[0] != '\0');
    require(strchr(bundle.config_name, '/') == NULL);
    require_inside(&bundle, bundle.creds);
    require_inside(&bundle, bundle.certificate);
    require_inside(&bundle, bundle.key);
    require_inside(&bundle, bundle.ca_chain);
    require_inside(&bundle, bundle.config);
    check(&bundle);
    bundle_done(&bundle);
}

static void
check_parts(struct sr_span rest)
{
    struct bundle bundle = { .memory = NULL };
    struct sr_span *const parts[] = { &bundle.creds, &bundle.certificate, &bundle.key,
        &bundle.ca_chain };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const uint8_t *nul = rest.len > 0 ? memchr(rest.data, 0, rest.len) : NULL;
        size_t len = nul != NULL ? (size_t)(nul - rest.data) : rest.len;
        *parts[i] = (struct sr_span){ rest.data, len };
        rest.data += len;
        rest.len -= len;
        if (nul != NULL) {
            rest.data++;
            rest.len--;
        }
    }
    check(&bundle);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = 0;

    if (size > 0 && data[0] == 'T') {
        uint8_t *packed = tar_build_gzip((struct sr_span){ data + 1, size - 1 }, &len);
        read_bytes((struct sr_span){ packed, len });
        free(packed);
    } else if (size > 0 && data[0] == 'P') {
        check_parts((struct sr_span){ data + 1, size - 1 });
    } else {
        read_bytes((struct sr_span){ data, size });
    }
    return 0;
}
