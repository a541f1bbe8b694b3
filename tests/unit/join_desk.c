/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "join_desk.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "folder.h"
#include "sr/creds.h"
#include "sr/jwt.h"
#include "tls_build.h"

#define DAY 86400
#define TEXT_MAX 8192

struct desk_world desk_world;

static char daemons[64];
static struct tls_build_cert root, leaf;
static struct sr_nkeypair account, user;
static char certificate[TEXT_MAX], key[TEXT_MAX], chain[TEXT_MAX], creds[TEXT_MAX];
static char config[TEXT_MAX];

/* ---- What is beyond files ---- */

static void
keep(size_t index, const char *text)
{
    (void)snprintf(
        desk_world.target[index], sizeof(desk_world.target[0]), "%s", text != NULL ? text : "");
}

/* The file must be there and ours to read. */
static void
keep_file(size_t index, const char *path)
{
    keep(index, path);
    if (path != NULL) {
        assert_int_equal(access(path, R_OK), 0);
    }
}

static enum proof_result
prove(const struct proof_target *target, struct proof_report *ret_report)
{
    desk_world.proofs++;
    keep(0, target->urls[0]);
    keep_file(1, target->creds_file);
    keep_file(2, target->cert_file);
    keep_file(3, target->key_file);
    keep_file(4, target->ca_file);
    keep(5, target->subjects[0]);
    if (desk_world.ends) {
        _exit(FAULT_EXIT);
    }
    if (desk_world.signal != 0) {
        assert_int_equal(raise(desk_world.signal), 0);
    }
    ret_report->result = desk_world.proof;
    if (desk_world.proof != PROOF_OK) {
        (void)trouble_say(&ret_report->trouble, 0, "a remedy", "the proof failed");
    }
    return desk_world.proof;
}

/* What the library would do on a host, which no test here may. */
enum proof_result
proof_run(const struct proof_target *target, struct proof_report *ret_report)
{
    (void)target;
    (void)ret_report;
    fail_msg("a test asked a real server");
    return PROOF_MEMORY;
}

static struct unit_was
look(const char *where, const char *unit)
{
    (void)where;
    assert_non_null(strstr(unit, ".service"));
    return (struct unit_was){ .state = desk_world.was, .enabled = desk_world.was == UNIT_ACTIVE };
}

static bool
start(const char *unit, const struct unit_ports *streams, struct trouble *trouble)
{
    (void)unit;
    desk_world.streams = *streams;
    desk_world.started++;
    return desk_world.starts || trouble_say(trouble, 0, "journalctl", "the unit does not start");
}

static void
restore(const char *unit, struct unit_was was)
{
    (void)unit;
    assert_int_equal(was.state, desk_world.was);
    desk_world.restored++;
}

static const struct join_ops ops = {
    .prove = prove,
    .look = look,
    .start = start,
    .restore = restore,
};

/* ---- The bundle ---- */

static struct tls_build_cert
make(const char *name, const struct tls_build_cert *issuer, bool is_ca)
{
    const struct tls_build_ask ask = { name, issuer, is_ca, is_ca ? NULL : "clientAuth",
        DESK_NOW - DAY, DESK_NOW + DAY };
    return tls_build(&ask);
}

static void
put_creds(const char *subject)
{
    struct sr_buf out = sr_buf_over(creds, sizeof(creds) - 1);
    char seed[SR_NKEY_SEED_LEN + 1];
    char *token = NULL;
    json_t *claims = json_pack("{s:s, s:s, s:{s:s, s:i, s:{s:[s]}, s:{s:[s]}}}", "sub",
        user.public_text, "name", "acme", "nats", "type", "user", "version", 2, "pub", "allow",
        subject, "sub", "allow", "_INBOX.acme.>");

    assert_int_equal(sr_jwt_sign(claims, &account, DESK_NOW, &token), SR_JWT_OK);
    sr_nkey_seed_encode(user.type, user.seed, seed);
    sr_creds_format(&out, span_of(token), span_of(seed));
    assert_false(out.overflow);
    creds[out.len] = '\0';
    free(token);
    json_decref(claims);
}

static void
write_daemon(const char *role)
{
    static const char script[] =
        "#!/bin/sh\n"
        "case \"$1\" in\n"
        "--config) exec cat \"$2\" ;;\n"
        "--check-config)\n"
        "    if grep -q refuse \"$3\"; then echo \"$3:1: listeners: refuse\" >&2; exit 2; fi\n"
        "    for word; do case \"$word\" in *_file=*) test -s \"${word#*=}\" || exit 2 ;; esac; "
        "done ;;\n"
        "esac\n";
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/serviceradar-%s", daemons, role);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(script, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

int
desk_open(void **state)
{
    (void)state;
    (void)snprintf(daemons, sizeof(daemons), "/tmp/daemons.XXXXXX");
    assert_non_null(mkdtemp(daemons));
    write_daemon("syslog");
    write_daemon("trapd");
    write_daemon("netflow");
    root = make("root", NULL, true);
    leaf = make("trapd.default.acme.serviceradar", &root, false);
    tls_build_add_cert(certificate, TEXT_MAX, &leaf);
    tls_build_add_key(key, TEXT_MAX, &leaf, NULL);
    tls_build_add_cert(chain, TEXT_MAX, &root);
    return sr_nkeypair_generate(SR_NKEY_ACCOUNT, &account) == SR_NKEY_OK &&
                   sr_nkeypair_generate(SR_NKEY_USER, &user) == SR_NKEY_OK
               ? 0
               : -1;
}

int
desk_close(void **state)
{
    (void)state;
    tls_build_free(&leaf);
    tls_build_free(&root);
    return folder_remove(daemons);
}

void
desk_allow(struct bundle *bundle, const char *subject)
{
    put_creds(subject);
    bundle->creds = span_of(creds);
}

struct bundle
desk_bundle(enum bundle_collector collector, const char *tail)
{
    struct bundle bundle = { .collector = collector,
        .certificate = span_of(certificate),
        .key = span_of(key),
        .ca_chain = span_of(chain) };

    (void)snprintf(config, sizeof(config),
        "output: nats\nlisteners:\n  - listen: udp://0.0.0.0:%u\n    subject: logs.snmp\n"
        "nats:\n  url: [\"tls://nats.example:4222\"]\n"
        "  creds_file: /etc/serviceradar/creds/nats.creds\n  tls:\n"
        "    ca_file: /etc/serviceradar/certs/ca-chain.pem\n"
        "    cert_file: /etc/serviceradar/certs/collector.pem\n"
        "    key_file: \"/etc/serviceradar/certs/collector-key.pem\"\n%s",
        162 + (unsigned)collector, tail); /* two collectors of a host share no port */
    bundle.config = span_of(config);
    (void)snprintf(bundle.config_name, sizeof(bundle.config_name), "%s.json",
        bundle_collector_name(collector));
    desk_allow(&bundle, "acme.logs.snmp");
    return bundle;
}

struct join_options
desk_options(const struct host *host)
{
    desk_world = (struct desk_world){ .proof = PROOF_OK, .was = UNIT_INACTIVE, .starts = true };
    return (struct join_options){
        .root = host->root, .daemon_dir = daemons, .now_s = DESK_NOW, .ops = &ops
    };
}

static void
say(void *arg, char level, const char *text)
{
    struct desk_result *result = arg;
    size_t len = strlen(result->said);

    (void)snprintf(result->said + len, sizeof(result->said) - len, "%c %s\n", level, text);
}

struct desk_result
desk_join(const struct join_options *options, const struct file_ops *file_ops,
    const struct bundle *bundle, const char *raw)
{
    struct generations_options where = { .root = options->root,
        .ops = file_ops != NULL ? file_ops : &fault_ops,
        .read_only = options->dry_run };
    struct desk_result result = { .exit = -1 };
    struct generations *g = NULL;

    if (!generations_open(&where, &g, &result.trouble)) {
        return result;
    }
    result.ok = join_apply(g, options, bundle, span_of(raw), &result.record, say, &result,
        &result.changed, &result.exit, &result.trouble);
    generations_close(g);
    return result;
}
