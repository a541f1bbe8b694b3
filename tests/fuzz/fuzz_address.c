/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/conf_common.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Addresses and subjects as an operator may write them. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* of the exact size, so that a step beyond is seen */
    char said[64];
    const char *host;
    size_t len;
    unsigned port;

    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (sr_conf_address(text, &host, &len, &port) == NULL) {
        size_t all = strlen(text);
        if (host < text || host + len > text + all || port < 1 || port > 65535) {
            abort();
        }
    }
    struct sr_conf_listener listener = { .listen = text, .subject = text };
    (void)sr_conf_check_listen(&listener, said, sizeof(said));
    (void)sr_conf_check_subject(&listener, said, sizeof(said));
    free(text);
    return 0;
}
