/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_trouble.h"

#include <string.h>

#include "sr/banned.h"

void
verify_url_show(char out[VERIFY_URL_MAX], const char *url)
{
    const char *behind = strstr(url, "://");
    const char *user = behind != NULL ? strrchr(behind, '@') : NULL;
    size_t scheme = user != NULL ? (size_t)(behind + 3 - url) : 0;
    const char *rest = user != NULL ? user + 1 : url;
    size_t len = strlen(rest);

    len = len < VERIFY_URL_MAX - 1 - scheme ? len : VERIFY_URL_MAX - 1 - scheme;
    memcpy(out, url, scheme);
    memcpy(out + scheme, rest, len);
    out[scheme + len] = '\0';
}

static const char *
remedy_of(enum admin_err err)
{
    switch (err) {
    case ADMIN_OK: break;
    case ADMIN_ECONNECT:
        return "look at --verify, --verify-ca, --verify-cert and --verify-key, and whether the "
               "server runs";
    case ADMIN_EAUTH: return "give --creds of a user of this server";
    case ADMIN_EABSENT: return "look at --stream, and whose account the credentials are of";
    case ADMIN_EREFUSED:
        return "look at --subject, whether JetStream is on for this account, and whether the "
               "stream's retention is workqueue, which --verify cannot read";
    case ADMIN_ENOANSWER: /* what is not permitted is not answered */
        return "use the credentials of a reader: a collector's may not read streams; or see "
               "whether the server still runs";
    case ADMIN_ESTALLED:
    case ADMIN_ENOMEM: break;
    }
    return "see what the server's log says";
}

bool
verify_trouble(struct trouble *trouble, const char *url, const char *stream, enum admin_err err,
    const char *detail)
{
    if (err == ADMIN_OK) {
        return true;
    }
    return trouble_say(trouble, 0, remedy_of(err), "%s, stream %s: %s%s%s%s", url, stream,
        admin_strerror(err), *detail != '\0' ? " (" : "", detail, *detail != '\0' ? ")" : "");
}
