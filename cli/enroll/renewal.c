/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/renewal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "enroll/join.h"
#include "enroll/rooted.h"
#include "sr/base64url.h"
#include "sr/creds.h"
#include "sr/json.h"

#include "sr/banned.h"

#define NAME_MAX_BYTES 32
#define MESSAGE_MAX 512
#define BODY_MAX (HOST_KEYS_REQUEST_MAX + 256)

/* What is signed: lines that no field can hold the end of. */
static bool
write_message(
    const char *package_id, uint64_t time_s, const char *nkey, const char *csr, struct sr_buf *out)
{
    uint8_t digest[32];

    if (EVP_Digest(csr, strlen(csr), digest, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    sr_buf_add_text(out, "serviceradar-renew-v1\n");
    sr_buf_add_text(out, package_id);
    sr_buf_put(out, '\n');
    sr_buf_add_u64(out, time_s);
    sr_buf_put(out, '\n');
    sr_buf_add_text(out, nkey);
    sr_buf_put(out, '\n');
    sr_buf_add_hex(out, (struct sr_span){ digest, sizeof(digest) });
    return !out->overflow;
}

bool
renewal_body(const char *package_id, uint64_t time_s, const struct host_keys *keys,
    const struct sr_nkeypair *signer, struct sr_buf *out)
{
    char memory[MESSAGE_MAX];
    struct sr_buf message = sr_buf_over(memory, sizeof(memory));
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES];
    char *csr = host_keys_csr(keys);
    bool ok = csr != NULL &&
              write_message(package_id, time_s, host_keys_user(keys), csr, &message) &&
              sr_nkeypair_sign(signer, sr_buf_span(&message), signature) == SR_NKEY_OK;

    if (ok) {
        sr_buf_add_text(out, "{\"time\":");
        sr_buf_add_u64(out, time_s);
        sr_buf_add_text(out, ",\"csr\":");
        sr_json_text(out, csr);
        sr_buf_add_text(out, ",\"nkey\":");
        sr_json_text(out, host_keys_user(keys));
        sr_buf_add_text(out, ",\"signature\":\"");
        sr_base64url_encode(out, (struct sr_span){ signature, sizeof(signature) });
        sr_buf_add_text(out, "\"}");
    }
    free(csr);
    return ok && !out->overflow;
}

static void
name_keys(const struct renewal_order *order, char out[NAME_MAX_BYTES])
{
    /* Those of a collector that was enrolled here before are another user's. */
    (void)snprintf(out, NAME_MAX_BYTES, "renew-%s-%.8s",
        bundle_collector_name(order->record->collector), order->record->package_id);
}

/* The key of the present user. The caller wipes it. */
static bool
read_signer(
    const struct renewal_order *order, struct sr_nkeypair *ret_signer, struct trouble *trouble)
{
    struct place_content creds;
    struct sr_creds_text text;

    if (!rooted_read(order->root, order->record->creds + 1, &creds, trouble)) {
        return false;
    }
    bool ok = sr_creds_parse((struct sr_span){ creds.bytes, creds.len }, &text) == SR_CREDS_OK &&
              sr_nkeypair_from_text(text.seed, ret_signer) == SR_NKEY_OK;
    place_free(&creds);
    return ok || trouble_say(trouble, 0, "enrol again with a new token",
                     "%s holds no key to ask for a renewal with", order->record->creds);
}

static bool
ask(const struct renewal_order *order, const struct sr_nkeypair *signer, struct renewal *renewal,
    int *ret_exit, long *ret_status, struct trouble *trouble)
{
    const struct record *record = order->record;
    char host[HOST_ID_LEN + 1], memory[BODY_MAX];
    struct sr_buf body = sr_buf_over(memory, sizeof(memory));
    const struct fetch_target target = {
        .https = { .ca_file = record->ca_file[0] != '\0' ? record->ca_file : NULL,
            .ca_pin = record->has_ca_pin ? record->ca_pin : NULL,
            .timeout_s = order->timeout_s },
        .url = record->core_url,
        .package_id = record->package_id,
        .host = host_id(order->root, host) ? host : NULL,
    };

    if (!renewal_body(record->package_id, order->now_s, renewal->keys, signer, &body)) {
        *ret_status = 0;
        return trouble_say(trouble, 0, "free memory, and check the installation of OpenSSL",
            "the cryptographic library cannot sign the request");
    }
    return fetch_renewal(
        &target, sr_buf_span(&body), &renewal->fetched, ret_exit, ret_status, trouble);
}

bool
renewal_fetch(const struct renewal_order *order, struct renewal *ret_renewal, int *ret_exit,
    struct trouble *trouble)
{
    char name[NAME_MAX_BYTES];
    struct sr_nkeypair signer;
    bool kept = false;
    long status;

    *ret_renewal = (struct renewal){ .keys = NULL };
    *ret_exit = JOIN_EXIT_FILES;
    name_keys(order, name);
    if (!read_signer(order, &signer, trouble) ||
        !host_keys_open(order->root, name, &ret_renewal->keys, &kept, trouble)) {
        return false;
    }
    bool ok = ask(order, &signer, ret_renewal, ret_exit, &status, trouble);
    sr_nkeypair_done(&signer);
    if (!ok && kept && status == 401) {
        ok = ask(order, host_keys_pair(ret_renewal->keys), ret_renewal, ret_exit, &status, trouble);
    }
    if (!ok && status == 401) {
        trouble_remedy(trouble, "set this host's clock if it is wrong; else enrol again with a "
                                "new token");
    }
    return ok;
}

void
renewal_done(struct renewal *renewal)
{
    host_keys_free(renewal->keys);
    fetched_done(&renewal->fetched);
}

bool
renewal_pending(const struct renewal_order *order)
{
    char name[NAME_MAX_BYTES];

    name_keys(order, name);
    return host_keys_kept(order->root, name);
}

bool
renewal_forget(const struct renewal_order *order, struct trouble *trouble)
{
    char name[NAME_MAX_BYTES];

    name_keys(order, name);
    return host_keys_forget(order->root, name, trouble);
}
