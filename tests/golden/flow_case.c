/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_case.h"

#include "../unit/unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/netflow_rig.h"

#include "sr/banned.h"

#define TEXT_MAX (1 << 18)

static char text[TEXT_MAX];

static FILE *
open_file(const char *dir, const char *name, const char *file)
{
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/%s/%s", dir, name, file);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fail_msg("cannot open %s", path);
    }
    return f;
}

static unsigned
digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = strchr(digits, c);

    assert_true(c != '\0' && at != NULL);
    return (unsigned)(at - digits);
}

/* "ADDRESS PORT HEX" */
static void
read_datagram(char *line, struct flow_datagram *d)
{
    char *port = strchr(line, ' ');
    char *hex = port != NULL ? strchr(port + 1, ' ') : NULL;

    if (port == NULL || hex == NULL) {
        fail_msg("no address, port and bytes: %s", line);
        return;
    }
    *port = '\0';
    memset(d, 0, sizeof(*d));
    d->peer.is_v6 = strchr(line, ':') != NULL;
    d->peer.port = (uint16_t)strtoul(port + 1, NULL, 10);
    assert_int_equal(inet_pton(d->peer.is_v6 ? AF_INET6 : AF_INET, line, d->peer.address), 1);
    hex++;
    d->len = strcspn(hex, "\r\n") / 2;
    d->bytes = malloc(d->len);
    assert_non_null(d->bytes);
    for (size_t i = 0; i < d->len; i++) {
        d->bytes[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    }
}

static void
read_datagrams(struct flow_case *c, FILE *f)
{
    while (fgets(text, sizeof(text), f) != NULL) {
        c->datagrams = realloc(c->datagrams, (c->datagram_count + 1) * sizeof(*c->datagrams));
        assert_non_null(c->datagrams);
        read_datagram(text, &c->datagrams[c->datagram_count++]);
    }
}

void
flow_case_load(struct flow_case *c, const char *dir, const char *name)
{
    *c = (struct flow_case){ .name = name, .rows = json_array() };
    FILE *f = open_file(dir, name, "datagrams.hex");
    read_datagrams(c, f);
    fclose(f);
    f = open_file(dir, name, "expected.json");
    c->expected = json_loadf(f, 0, NULL);
    fclose(f);
    assert_non_null(c->expected);
    f = open_file(dir, name, "upstream_rust.jsonl");
    while (fgets(text, sizeof(text), f) != NULL) {
        json_t *row = json_loads(text, 0, NULL);
        assert_non_null(row);
        json_array_append_new(c->rows, row);
    }
    fclose(f);
}

void
flow_case_free(struct flow_case *c)
{
    for (size_t i = 0; i < c->datagram_count; i++) {
        free(c->datagrams[i].bytes);
    }
    free(c->datagrams);
    json_decref(c->expected);
    json_decref(c->rows);
}

static void
keep_line(void *arg, struct sr_span bytes)
{
    struct flow_outcome *o = arg;

    if (o->count == o->room) {
        o->room = o->room * 2 + 16;
        o->lines = realloc(o->lines, o->room * sizeof(*o->lines));
        assert_non_null(o->lines);
    }
    struct flow_line *line = &o->lines[o->count++];
    line->bytes = malloc(bytes.len);
    line->len = bytes.len;
    assert_non_null(line->bytes);
    memcpy(line->bytes, bytes.data, bytes.len);
}

static void
add_ledger(struct nf_ledger *sum, struct nf_ledger *one)
{
    sum->records += one->records;
    sum->published += one->published;
    sum->options += one->options;
    sum->templates += one->templates;
    sum->sets_parked += one->sets_parked;
    sum->sets_released += one->sets_released;
    sum->sets_expired += one->sets_expired;
    sum->sets_malformed += one->sets_malformed;
    sum->sets_unknown += one->sets_unknown;
}

void
flow_case_run(const struct flow_case *c, enum nf_format format, enum nf_flavour flavour,
    struct flow_outcome *ret_outcome)
{
    struct netflow_rig rig;

    memset(ret_outcome, 0, sizeof(*ret_outcome));
    netflow_rig_begin(&rig, format, flavour);
    rig.config.options_too = format != NF_FORMAT_PROTOBUF;
    rig.message = keep_line;
    rig.arg = ret_outcome;
    for (size_t i = 0; i < c->datagram_count; i++) {
        const struct flow_datagram *d = &c->datagrams[i];
        (void)netflow_rig_feed(&rig, &d->peer, (struct sr_span){ d->bytes, d->len });
    }
    netflow_rig_expire(&rig, UINT64_MAX);
    for (unsigned i = 0; i < rig.exporter_count; i++) {
        add_ledger(&ret_outcome->ledger, nf_exporter_ledger(rig.exporters[i]));
    }
    ret_outcome->sums = netflow_rig_ledger_sums(&rig);
    netflow_rig_end(&rig);
}

void
flow_outcome_free(struct flow_outcome *o)
{
    for (size_t i = 0; i < o->count; i++) {
        free(o->lines[i].bytes);
    }
    free(o->lines);
}
