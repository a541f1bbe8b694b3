/* SPDX-License-Identifier: Apache-2.0 */
#include "libraries.h"

#include <stddef.h>

#include <archive.h>
#include <curl/curl.h>
#include <jansson.h>
#include <openssl/crypto.h>

#include "nats_admin.h"

#include "sr/banned.h"

static const char *
curl(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}

static const char *
openssl(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

const struct version_library cli_libraries[] = {
    { "archive", archive_version_string },
    { "curl", curl },
    { "jansson", jansson_version_str },
    { "nats", admin_library },
    { "openssl", openssl },
    { NULL, NULL },
};
