/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle_desk.h"

#include <stdlib.h>

#include "unit.h"

const char *const bundle_desk_contents[] = { "the creds\n", "the certificate\n", "the key\n",
    "the chain\n", "{\"listen_addr\": \"0.0.0.0:162\"}" };

const char *const bundle_desk_built[] = { BUNDLE_DESK_TOP "creds/nats.creds",
    BUNDLE_DESK_TOP "certs/collector.pem", BUNDLE_DESK_TOP "certs/collector-key.pem",
    BUNDLE_DESK_TOP "certs/ca-chain.pem", BUNDLE_DESK_TOP "config/trapd.json" };

const char *const bundle_desk_flat[] = { "nats.creds", "certs/collector.pem",
    "certs/collector-key.pem", "certs/ca.pem", "config.json" };

struct tar_build bundle_desk_tar;

void
bundle_desk_put(const char *const names[5], size_t but)
{
    bundle_desk_tar.len = 0;
    for (size_t i = 0; i < 5; i++) {
        if (i != but) {
            tar_build_file(&bundle_desk_tar, names[i], bundle_desk_contents[i]);
        }
    }
}

enum bundle_err
bundle_desk_read_plain(struct sr_span plain, const char *config, struct bundle *out, char *detail)
{
    size_t len = 0;
    uint8_t *packed = tar_build_gzip(plain, &len);
    enum bundle_err err = bundle_read((struct sr_span){ packed, len }, config, out, detail);

    free(packed);
    return err;
}

enum bundle_err
bundle_desk_read(const char *config, struct bundle *out, char *detail)
{
    tar_build_end(&bundle_desk_tar);
    return bundle_desk_read_plain(
        (struct sr_span){ bundle_desk_tar.bytes, bundle_desk_tar.len }, config, out, detail);
}

enum bundle_err
bundle_desk_refusal(char *detail)
{
    struct bundle bundle = { .memory = NULL };
    enum bundle_err err = bundle_desk_read(NULL, &bundle, detail);

    bundle_done(&bundle);
    return err;
}

void
bundle_desk_span(struct sr_span span, const char *text)
{
    assert_int_equal(span.len, strlen(text));
    assert_memory_equal(span.data, text, span.len);
}

void
bundle_desk_parts(const struct bundle *bundle)
{
    bundle_desk_span(bundle->creds, bundle_desk_contents[0]);
    bundle_desk_span(bundle->certificate, bundle_desk_contents[1]);
    bundle_desk_span(bundle->key, bundle_desk_contents[2]);
    bundle_desk_span(bundle->ca_chain, bundle_desk_contents[3]);
    bundle_desk_span(bundle->config, bundle_desk_contents[4]);
}
