/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/received.h"

#include <string.h>

#include "enroll/join.h"

#include "sr/banned.h"

static void
drop_full_stop(char *text)
{
    size_t len = strlen(text);

    if (len > 0 && text[len - 1] == '.') {
        text[len - 1] = '\0';
    }
}

bool
received_say(struct trouble *trouble, const char *cause, const char *detail, const char *remedy)
{
    (void)trouble_say(trouble, 0, remedy, "%s%s%s", cause, *detail != '\0' ? " " : "", detail);
    drop_full_stop(trouble->cause);
    drop_full_stop(trouble->remedy);
    return false;
}

static bool
read_raw(struct received *out, const char *config_name, struct trouble *trouble)
{
    char detail[BUNDLE_DETAIL_MAX];
    enum bundle_err err = bundle_read(out->raw, config_name, &out->bundle, detail);

    return err == BUNDLE_OK || received_say(trouble, bundle_strerror(err), detail,
                                   "look at what the issuer sends, and have it issued again");
}

/* Makes a bundle whole that came without secrets. */
static bool
complete(struct received *out, const struct host_keys *keys, struct trouble *trouble)
{
    if (keys == NULL) {
        return trouble_say(trouble, 0, "have the bundle issued again",
            "the bundle has no credentials, and no keys were made here for it");
    }
    if (!host_keys_complete(keys, &out->bundle, &out->packed, trouble)) {
        return false;
    }
    bundle_done(&out->bundle);
    out->raw = out->packed;
    return true;
}

bool
received_take(struct generations *g, struct sr_span raw, const char *config_name,
    const struct host_keys *keys, struct received *out, int *ret_exit, struct trouble *trouble)
{
    *out = (struct received){ .raw = raw };
    *ret_exit = JOIN_EXIT_FILES;
    if (!generation_keep_bundle(g, raw, trouble)) {
        return false;
    }
    *ret_exit = JOIN_EXIT_BUNDLE;
    if (!read_raw(out, config_name, trouble)) {
        return false;
    }
    if (out->bundle.creds.len > 0) {
        return true;
    }
    if (!complete(out, keys, trouble)) {
        return false;
    }
    *ret_exit = JOIN_EXIT_FILES;
    if (!generation_keep_bundle(g, out->raw, trouble)) {
        return false;
    }
    *ret_exit = JOIN_EXIT_BUNDLE;
    return read_raw(out, config_name, trouble);
}

void
received_done(struct received *received)
{
    bundle_done(&received->bundle);
    host_keys_bundle_free(received->packed);
    *received = (struct received){ .packed = { NULL, 0 } };
}
