/* SPDX-License-Identifier: Apache-2.0 */
/* Lines: the method, the target, the token's header, the host's header; the rest is the body. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/api_call.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require_characters(const char *text, const char *known)
{
    require(text[strspn(text, known)] == '\0');
}

static void
check(const struct api_call *call, const struct api_request *request)
{
    require(strlen(call->id) == (call->route > API_CA ? COLLECTOR_ID_LEN : 0));
    require_characters(call->id, "0123456789abcdef-");
    require_characters(call->host, "0123456789abcdef.:");
    require(call->named == (request->host != NULL));
    require(!call->named || strlen(call->host) == 64);
    require(strlen(call->token) <= TOKEN_TEXT_MAX);
    require((call->keys.csr == NULL) == (call->keys.nkey == NULL));
    require(call->route != API_RENEW || call->keys.csr != NULL);
    for (const char *c = call->cause; *c != '\0'; c++) {
        require(*c >= 0x20 && *c <= 0x7e);
    }
    /* Nothing changes by a GET of anything but a bundle, nor by another method. */
    require(strcmp(request->method, "POST") == 0 || call->route <= API_BUNDLE);
}

/* The next line as a text of its own; NULL for an empty one. free() it. */
static char *
line(struct sr_span *rest)
{
    const uint8_t *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len;
    char *text = len > 0 ? strndup((const char *)rest->data, len) : NULL;

    rest->data += len + (end != NULL ? 1 : 0);
    rest->len -= len + (end != NULL ? 1 : 0);
    return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sr_span rest = { data, size };
    char *lines[4];
    char path[64];
    struct api_call call;
    struct api_fault fault = { .status = 0 };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        lines[i] = line(&rest);
    }
    const struct api_request request = {
        .method = lines[0] != NULL ? lines[0] : "",
        .target = lines[1] != NULL ? lines[1] : "",
        .token = lines[2],
        .host = lines[3],
        .peer = { .is_v6 = true },
        .body = rest,
    };
    if (strlen(request.target) <= API_TARGET_MAX) {
        if (api_call_read(&request, &call, &fault)) {
            check(&call, &request);
            api_call_done(&call);
        } else {
            require(fault.status >= 400 && fault.status < 500 && strlen(fault.sentence) > 0);
            require((fault.status == 405) == (fault.allow != NULL));
        }
    }
    api_path_text(request.target, path, sizeof(path));
    require(strpbrk(path, "?%& =") == NULL);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        free(lines[i]);
    }
    return 0;
}
