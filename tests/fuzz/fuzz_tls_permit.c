/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "require.h"
#include "sr/tls_permit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is a permit, the rest the name or the bytes of a certificate. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t len = end != NULL ? (size_t)(end - data) : size;
    struct sr_span rest = { data + len, size - len };
    struct sr_tls_permit permit;
    char *text = malloc(len + 1);

    require(text != NULL);
    memcpy(text, data, len);
    text[len] = '\0';
    (void)sr_tls_guess((struct sr_span){ data, size });
    if (sr_tls_permit_parse(text, &permit) == NULL) {
        require(permit.len <= sizeof(permit.bytes));
        bool named = sr_tls_permit_has_name(&permit, rest);
        require(!named || permit.kind == SR_TLS_PERMIT_NAME);
        (void)sr_tls_permit_has_bytes(&permit, permit.kind, rest);
        /* A name permits itself. */
        if (permit.kind == SR_TLS_PERMIT_NAME && !permit.wildcard) {
            require(sr_tls_permit_has_name(&permit, permit.name));
        }
    }
    free(text);
    return 0;
}
