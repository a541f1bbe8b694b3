/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enroll/history.h"
#include "enroll/kept.h"
#include "enroll/unproven.h"
#include "join_desk.h"

#define CREDS "etc/serviceradar/creds/nats.creds"
#define CONFIG "etc/serviceradar/trapd.json"

static struct host host;

static int
make_host(void **state)
{
    (void)state;
    host_make(&host);
    fault_set(FAULT_NONE, 0, 0);
    return 0;
}

static int
remove_host(void **state)
{
    (void)state;
    host_remove(&host);
    return 0;
}

static void
assert_joined(const struct desk_result *result)
{
    if (!result->ok) {
        fail_msg("%s; %s\n%s", result->trouble.cause, result->trouble.remedy, result->said);
    }
}

static void
assert_file(const char *path, const char *text)
{
    char *is = host_read(&host, path);

    if (text == NULL) {
        assert_null(is);
    } else {
        assert_non_null(is);
        assert_string_equal(is, text);
    }
    free(is);
}

/* Whether the record of trapd can be read. */
static bool
is_enrolled(struct record *ret_record)
{
    struct trouble trouble;

    return record_read(host.root, "trapd", ret_record, &trouble);
}

static void
a_bundle_becomes_a_collector_that_is_proven_and_started(void **state)
{
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);
    struct record record;
    char path[128];

    (void)state;
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_joined(&result);
    assert_true(result.changed);
    assert_int_equal(host_mode(&host, CREDS), 0640);
    assert_int_equal(host_mode(&host, "etc/serviceradar/certs/collector-key.pem"), 0640);
    assert_int_equal(host_mode(&host, "etc/serviceradar/certs"), 0750);
    assert_int_equal(host_mode(&host, HISTORY_FOLDER "/trapd.json"), 0600);
    assert_true(is_enrolled(&record));
    assert_string_equal(record.config, "/etc/serviceradar/trapd.json");
    assert_string_equal(record.key, "/etc/serviceradar/certs/collector-key.pem");
    assert_string_equal(record.unit, "serviceradar-trapd.service");
    assert_int_equal(record.enrolled_s, DESK_NOW);
    assert_int_equal(desk_world.proofs, 1);
    assert_int_equal(desk_world.started, 1);
    assert_string_equal(desk_world.target[0], "tls://nats.example:4222");
    (void)snprintf(path, sizeof(path), "%s/%s", host.root, CREDS);
    assert_string_equal(desk_world.target[1], path);
    assert_string_equal(desk_world.target[5], "logs.snmp");
    assert_false(unproven_is(host.root));
}

static void
the_same_bundle_again_changes_nothing_and_proves_nothing(void **state)
{
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);

    (void)state;
    struct desk_result first = desk_join(&options, NULL, &bundle, "raw");
    assert_joined(&first);
    char *before = host_picture(&host, NULL);
    options = desk_options(&host);
    options.now_s += 100;
    desk_world.was = UNIT_ACTIVE;
    struct desk_result again = desk_join(&options, NULL, &bundle, "raw");
    assert_joined(&again);
    assert_false(again.changed);
    assert_int_equal(desk_world.proofs + desk_world.started, 0);
    char *after = host_picture(&host, NULL);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

static void
a_second_collector_gets_files_of_its_own_and_reads_them(void **state)
{
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);

    (void)state;
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_joined(&result);
    char *creds = host_read(&host, CREDS);
    bundle = desk_bundle(BUNDLE_SYSLOG, "# /etc/serviceradar/creds/nats.creds.old stays\n");
    result = desk_join(&options, NULL, &bundle, "raw 2");
    assert_joined(&result);
    assert_file(CREDS, creds);
    assert_string_equal(result.record.creds, "/etc/serviceradar/creds/syslog.creds");
    assert_string_equal(result.record.key, "/etc/serviceradar/certs/syslog-key.pem");
    char *config = host_read(&host, "etc/serviceradar/syslog.json");
    assert_non_null(strstr(config, "creds_file: /etc/serviceradar/creds/syslog.creds\n"));
    assert_non_null(strstr(config, "key_file: \"/etc/serviceradar/certs/syslog-key.pem\""));
    assert_non_null(strstr(config, "/etc/serviceradar/creds/nats.creds.old stays"));
    free(config);
    free(creds);
}

/* A configuration that says it reads its credentials at `path`, of 34 characters. */
static void
joins_with_credentials_at(const char *path, const char *expected)
{
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);
    static char config[2048];

    (void)snprintf(
        config, sizeof(config), "%.*s", (int)bundle.config.len, (const char *)bundle.config.data);
    memcpy(strstr(config, "/etc/serviceradar/creds/nats.creds"), path, 34);
    bundle.config = span_of(config);
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_joined(&result);
    assert_string_equal(result.record.creds, expected);
}

static void
paths_outside_of_our_folders_are_not_written_to(void **state)
{
    (void)state;
    joins_with_credentials_at(
        "/etc/cron.d/////////////////xxxxx ", "/etc/serviceradar/creds/trapd.creds");
}

static void
a_bundle_does_not_say_whom_the_host_trusts(void **state)
{
    (void)state;
    joins_with_credentials_at(
        "/etc/serviceradar/trust.d/evil.pub", "/etc/serviceradar/creds/trapd.creds");
}

static void
folders_of_the_options_win(void **state)
{
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);

    (void)state;
    options.config_dir = "/srv/c";
    options.creds_dir = "/srv/secret";
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_joined(&result);
    assert_string_equal(result.record.config, "/srv/c/trapd.json");
    assert_string_equal(result.record.creds, "/srv/secret/nats.creds");
    assert_string_equal(result.record.key, "/etc/serviceradar/certs/collector-key.pem");
}

static void
what_an_enrolment_does_not_need_any_more_goes(void **state)
{
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);

    (void)state;
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_joined(&result);
    options.creds_dir = "/srv/secret";
    result = desk_join(&options, NULL, &bundle, "raw 2");
    assert_joined(&result);
    assert_file(CREDS, NULL);
    assert_int_equal(result.record.enrolled_s, DESK_NOW);
}

static void
a_dry_run_writes_nothing(void **state)
{
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);
    char *before = host_picture(&host, NULL);

    (void)state;
    options.dry_run = true;
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_joined(&result);
    assert_true(result.changed);
    char *after = host_picture(&host, NULL);
    assert_string_equal(after, before);
    assert_int_equal(desk_world.proofs + desk_world.started, 0);
    free(before);
    free(after);
}

/* ---- Failures ---- */

/* An enrolment that is to be replaced, and a host to compare with. Owned. */
static char *
put_old(void)
{
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "# old\n");
    struct join_options options = desk_options(&host);
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw old");

    assert_joined(&result);
    host_write(&host, CONFIG, "edited by hand", 0644);
    return host_picture(&host, HISTORY_FOLDER);
}

/* The run failed with this code, and the host is as it was. Frees `before`. */
static void
assert_refused(const struct desk_result *result, int code, const char *cause, char *before)
{
    struct record record;
    char *after = host_picture(&host, HISTORY_FOLDER);

    assert_false(result->ok);
    assert_int_equal(result->exit, code);
    assert_non_null(strstr(result->trouble.cause, cause));
    assert_true(*result->trouble.remedy != '\0');
    assert_string_equal(after, before);
    assert_true(is_enrolled(&record));
    assert_false(unproven_is(host.root));
    free(after);
    free(before);
}

static void
a_configuration_that_the_daemon_refuses_is_a_fault_of_the_bundle(void **state)
{
    char *before = put_old();
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "# refuse\n");
    struct join_options options = desk_options(&host);

    (void)state;
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_refused(&result, JOIN_EXIT_BUNDLE, "trapd.json:1: listeners: refuse", before);
    assert_int_equal(desk_world.proofs, 0);
}

static void
everything_that_is_wrong_is_said_and_the_first_is_the_cause(void **state)
{
    char *before = put_old();
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);

    (void)state;
    bundle.key = span_of("x");
    bundle.creds = span_of("y");
    options.force = true;
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_non_null(strstr(result.said, "collector-key.pem is not a PEM private key"));
    assert_non_null(strstr(result.said, "The credentials hold no intact token"));
    assert_refused(&result, JOIN_EXIT_BUNDLE, "collector-key.pem", before);
}

static void
a_user_without_the_permission_is_refused_unless_forced(void **state)
{
    char *before = put_old();
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);

    (void)state;
    desk_allow(&bundle, "acme.logs.syslog");
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_refused(&result, JOIN_EXIT_BUNDLE, "logs.snmp", before);
    options.force = true;
    result = desk_join(&options, NULL, &bundle, "raw");
    assert_joined(&result);
    assert_int_equal(desk_world.proofs, 1);
}

static void
a_proof_that_fails_takes_everything_back_and_keeps_the_bundle(void **state)
{
    char *before = put_old();
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);
    struct place_content raw = { NULL, 0 };
    struct record record = { .collector = BUNDLE_UNTOLD };
    struct trouble trouble;

    (void)state;
    desk_world.proof = PROOF_DNS;
    desk_world.was = UNIT_ACTIVE;
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_refused(&result, JOIN_EXIT_ROLLED_BACK, "the proof failed", before);
    assert_int_equal(desk_world.started, 0);
    assert_int_equal(desk_world.restored, 1);
    struct generations *g = host_open(&host, NULL);
    assert_true(kept_read(g, host.root, &raw, &record, &trouble));
    assert_int_equal(raw.len, 3);
    assert_int_equal(record.collector, BUNDLE_TRAPD);
    place_free(&raw);
    assert_true(generation_keep_bundle(g, span_of("another"), &trouble));
    record.collector = BUNDLE_UNTOLD;
    assert_true(kept_read(g, host.root, &raw, &record, &trouble));
    assert_int_equal(record.collector, BUNDLE_UNTOLD);
    place_free(&raw);
    generations_close(g);
}

static void
without_a_proof_a_host_that_reaches_no_server_is_enrolled(void **state)
{
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);

    (void)state;
    desk_world.proof = PROOF_DNS;
    options.no_proof = true;
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_joined(&result);
    assert_int_equal(desk_world.proofs, 0);
}

static void
a_unit_that_does_not_start_takes_everything_back(void **state)
{
    char *before = put_old();
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);

    (void)state;
    desk_world.starts = false;
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_refused(&result, JOIN_EXIT_ROLLED_BACK, "the unit does not start", before);
    assert_int_equal(desk_world.restored, 1);
}

static void
an_interruption_takes_everything_back(void **state)
{
    char *before = put_old();
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);

    (void)state;
    desk_world.signal = SIGTERM;
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_refused(&result, JOIN_EXIT_ROLLED_BACK, "interrupted", before);
    desk_world.proof = PROOF_NO_ANSWER;
    result = desk_join(&options, NULL, &bundle, "raw");
    assert_non_null(strstr(result.trouble.cause, "interrupted"));
}

static void
a_bundle_that_cannot_be_for_this_host_is_refused(void **state)
{
    struct bundle bundle = desk_bundle(BUNDLE_UNTOLD, "");
    struct join_options options = desk_options(&host);

    (void)state;
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_int_equal(result.exit, JOIN_EXIT_BUNDLE);
    assert_non_null(strstr(result.trouble.remedy, "--collector"));
    bundle = desk_bundle(BUNDLE_TRAPD, "");
    options.collector = BUNDLE_NETFLOW;
    result = desk_join(&options, NULL, &bundle, "raw");
    assert_non_null(strstr(result.trouble.cause, "for trapd, not for netflow"));
    options.collector = BUNDLE_TRAPD;
    bundle.creds.len = 0;
    result = desk_join(&options, NULL, &bundle, "raw");
    assert_non_null(strstr(result.trouble.cause, "no secrets"));
    options.daemon_dir = "/nowhere";
    bundle = desk_bundle(BUNDLE_TRAPD, "");
    result = desk_join(&options, NULL, &bundle, "raw");
    assert_int_equal(result.exit, JOIN_EXIT_FILES);
    assert_non_null(strstr(result.trouble.cause, "serviceradar-trapd"));
}

/* ---- Disturbances at every step ---- */

/* A child enrols and ends before its change number `at`, or in the proof. Whether it did end so. */
static bool
join_and_end(unsigned at)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
        struct join_options options = desk_options(&host);
        desk_world.ends = at == 0;
        fault_set(at == 0 ? FAULT_NONE : FAULT_STOP, at, 0);
        struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
        _exit(result.ok ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == FAULT_EXIT || WEXITSTATUS(status) == 0);
    return WEXITSTATUS(status) == FAULT_EXIT;
}

/* The next command's first step. */
static void
start_again(void)
{
    struct join_options options = desk_options(&host);
    struct trouble trouble;

    fault_set(FAULT_NONE, 0, 0);
    struct generations *g = host_open(&host, NULL);
    if (!join_preflight(g, &options, BUNDLE_TRAPD, NULL, NULL, &trouble)) {
        fail_msg("%s; %s", trouble.cause, trouble.remedy);
    }
    generations_close(g);
    assert_false(unproven_is(host.root));
}

static void
what_was_never_proven_is_taken_back_after_a_kill(void **state)
{
    char *before = put_old();
    unsigned steps[] = { 0, 3, 30, 60, 90, 110, 125, 140 };

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (!join_and_end(steps[i])) {
            break; /* it came through */
        }
        start_again();
        char *after = host_picture(&host, HISTORY_FOLDER);
        assert_string_equal(after, before);
        free(after);
    }
    free(before);
}

static void
an_error_of_the_disk_leaves_all_old_or_all_new(void **state)
{
    char *before = put_old();
    unsigned failed = 0;

    (void)state;
    for (unsigned at = 2; at < 400; at += 23) {
        struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
        struct join_options options = desk_options(&host);
        fault_set(FAULT_ONCE, at, at % 2 == 0 ? ENOSPC : EIO);
        struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
        fault_set(FAULT_NONE, 0, 0);
        if (result.ok) {
            break;
        }
        failed++;
        start_again();
        char *after = host_picture(&host, HISTORY_FOLDER);
        assert_string_equal(after, before);
        assert_true(*result.trouble.cause != '\0' && *result.trouble.remedy != '\0');
        free(after);
    }
    assert_in_range(failed, 3, 400);
    free(before);
}

/* Enrols, and gives the options of a renewal whose unit was in `was`. */
static struct join_options
enrol_to_renew(enum unit_state was)
{
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
    struct join_options options = desk_options(&host);
    struct desk_result first = desk_join(&options, NULL, &bundle, "raw");

    assert_joined(&first);
    options = desk_options(&host);
    options.renewal = true;
    options.now_s += 100;
    desk_world.was = was;
    return options;
}

static void
a_renewal_starts_no_unit_that_is_off_and_none_that_runs(void **state)
{
    static const enum unit_state states[] = { UNIT_INACTIVE, UNIT_FAILED, UNIT_ACTIVE };

    (void)state;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct join_options options = enrol_to_renew(states[i]);
        struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");
        desk_allow(&bundle, "*.logs.snmp");
        struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
        assert_joined(&result);
        assert_true(result.changed);
        assert_int_equal(desk_world.proofs, 1);
        assert_int_equal(desk_world.started, 0);
    }
}

static void
a_renewal_restarts_a_unit_for_a_new_configuration(void **state)
{
    struct join_options options = enrol_to_renew(UNIT_ACTIVE);
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "log: debug\n");

    (void)state;
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_joined(&result);
    assert_int_equal(desk_world.started, 1);
}

static void
a_renewal_leaves_a_configuration_that_an_operator_changed(void **state)
{
    static const char path[] = "etc/serviceradar/trapd.json";
    struct join_options options = enrol_to_renew(UNIT_ACTIVE);
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "mine: yes\n");

    (void)state;
    host_write(&host, path, (const char *)bundle.config.data, 0640);
    for (unsigned i = 0; i < 5; i++) { /* more than generations are kept */
        bundle = desk_bundle(BUNDLE_TRAPD, i % 2 == 0 ? "theirs: yes\n" : "");
        desk_allow(&bundle, i % 2 == 0 ? "*.logs.snmp" : "acme.logs.snmp");
        struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
        assert_joined(&result);
        assert_non_null(strstr(result.said, "stays as it is"));
        char *text = host_read(&host, path);
        assert_non_null(strstr(text, "mine: yes"));
        free(text);
    }
    assert_int_equal(desk_world.started, 0);
    assert_int_equal(desk_world.proofs, 5);
}

static void
a_renewal_that_is_not_proven_leaves_the_unit_as_it_runs(void **state)
{
    struct join_options options = enrol_to_renew(UNIT_ACTIVE);
    struct bundle bundle = desk_bundle(BUNDLE_TRAPD, "");

    (void)state;
    desk_allow(&bundle, "*.logs.snmp");
    desk_world.proof = PROOF_DNS;
    struct desk_result result = desk_join(&options, NULL, &bundle, "raw");
    assert_false(result.ok);
    assert_int_equal(result.exit, JOIN_EXIT_ROLLED_BACK);
    assert_int_equal(desk_world.started + desk_world.restored, 0);
}

static void
a_clock_that_was_never_set_is_told_before_a_token_is_spent(void **state)
{
    struct join_options options = desk_options(&host);
    struct trouble trouble;

    (void)state;
    options.now_s = 86400;
    struct generations *g = host_open(&host, NULL);
    assert_false(join_preflight(g, &options, BUNDLE_TRAPD, NULL, NULL, &trouble));
    assert_non_null(strstr(trouble.cause, "clock"));
    generations_close(g);
}

static void
a_unit_that_is_masked_is_told_before_a_token_is_spent(void **state)
{
    struct join_options options = desk_options(&host);
    struct trouble trouble;
    char path[256];

    (void)state;
    host_folder(&host, "etc/systemd/system");
    (void)snprintf(
        path, sizeof(path), "%s/etc/systemd/system/serviceradar-trapd.service", host.root);
    assert_int_equal(symlink("/dev/null", path), 0);
    struct generations *g = host_open(&host, NULL);
    assert_false(join_preflight(g, &options, BUNDLE_TRAPD, NULL, NULL, &trouble));
    assert_non_null(strstr(trouble.remedy, "systemctl unmask serviceradar-trapd.service"));
    assert_true(join_preflight(g, &options, BUNDLE_SYSLOG, NULL, NULL, &trouble));
    options.no_restart = true;
    assert_true(join_preflight(g, &options, BUNDLE_TRAPD, NULL, NULL, &trouble));
    generations_close(g);
}

#define ON_A_HOST(test) cmocka_unit_test_setup_teardown(test, make_host, remove_host)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_HOST(a_bundle_becomes_a_collector_that_is_proven_and_started),
        ON_A_HOST(the_same_bundle_again_changes_nothing_and_proves_nothing),
        ON_A_HOST(a_second_collector_gets_files_of_its_own_and_reads_them),
        ON_A_HOST(paths_outside_of_our_folders_are_not_written_to),
        ON_A_HOST(a_bundle_does_not_say_whom_the_host_trusts),
        ON_A_HOST(folders_of_the_options_win),
        ON_A_HOST(what_an_enrolment_does_not_need_any_more_goes),
        ON_A_HOST(a_dry_run_writes_nothing),
        ON_A_HOST(a_configuration_that_the_daemon_refuses_is_a_fault_of_the_bundle),
        ON_A_HOST(everything_that_is_wrong_is_said_and_the_first_is_the_cause),
        ON_A_HOST(a_user_without_the_permission_is_refused_unless_forced),
        ON_A_HOST(a_proof_that_fails_takes_everything_back_and_keeps_the_bundle),
        ON_A_HOST(without_a_proof_a_host_that_reaches_no_server_is_enrolled),
        ON_A_HOST(a_unit_that_does_not_start_takes_everything_back),
        ON_A_HOST(an_interruption_takes_everything_back),
        ON_A_HOST(a_bundle_that_cannot_be_for_this_host_is_refused),
        ON_A_HOST(what_was_never_proven_is_taken_back_after_a_kill),
        ON_A_HOST(an_error_of_the_disk_leaves_all_old_or_all_new),
        ON_A_HOST(a_renewal_starts_no_unit_that_is_off_and_none_that_runs),
        ON_A_HOST(a_renewal_restarts_a_unit_for_a_new_configuration),
        ON_A_HOST(a_renewal_leaves_a_configuration_that_an_operator_changed),
        ON_A_HOST(a_renewal_that_is_not_proven_leaves_the_unit_as_it_runs),
        ON_A_HOST(a_clock_that_was_never_set_is_told_before_a_token_is_spent),
        ON_A_HOST(a_unit_that_is_masked_is_told_before_a_token_is_spent),
    };
    return cmocka_run_group_tests_name("join", tests, desk_open, desk_close);
}
