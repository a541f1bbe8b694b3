/* SPDX-License-Identifier: Apache-2.0 */
#include "libraries.h"

#include <stddef.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <sqlite3.h>

#include "nats_admin.h"

#include "sr/banned.h"

static const char *
openssl(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

const struct version_library provision_libraries[] = {
    { "jansson", jansson_version_str },
    { "nats", admin_library },
    { "openssl", openssl },
    { "sqlite", sqlite3_libversion },
    { NULL, NULL },
};
