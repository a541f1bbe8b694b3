/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_ask.h"
#include "metrics_text.h"
#include "proc.h"
#include "sr/ack.h"

#include "sr/banned.h"

#define LISTEN "tcp://"

/* A list of reasons as text. */
struct reasons {
    char text[300];
};

static uint64_t
metric(const char *text, const char *name)
{
    uint64_t value = 0;

    (void)metrics_sum(text, name, NULL, &value);
    return value;
}

static void
add_reason(void *arg, const char *reason, uint64_t count)
{
    struct reasons *r = arg;
    size_t used = strlen(r->text);

    (void)snprintf(r->text + used, sizeof(r->text) - used, "%s%s %llu", used > 0 ? ", " : "",
        reason, (unsigned long long)count);
}

/* The refusal whose word it is. */
static enum sr_refusal
refusal_of(const char *reason)
{
    for (int i = 1; i < SR_REFUSAL_COUNT; i++) {
        if (strcmp(sr_refusal_reason((enum sr_refusal)i), reason) == 0) {
            return (enum sr_refusal)i;
        }
    }
    return SR_REFUSAL_OTHER;
}

/* Of what was refused, what the most is: a daemon in trouble tries the same again and again. */
struct worst {
    char reason[64];
    uint64_t count;
};

static void
find_worst(void *arg, const char *reason, uint64_t count)
{
    struct worst *w = arg;
    enum sr_refusal refusal = refusal_of(reason);

    /* These are about the connection, which has checks of its own. */
    if (refusal != SR_REFUSAL_TIMEOUT && refusal != SR_REFUSAL_DISCONNECTED &&
        refusal != SR_REFUSAL_TOO_MANY && count > w->count) {
        (void)snprintf(w->reason, sizeof(w->reason), "%s", reason);
        w->count = count;
    }
}

/* Whether what keeps a stream from storing was found already. */
static bool
stream_is_known(const struct patient *p)
{
    static const char *const ids[] = { "nats.publish", "nats.stream", "jetstream.account",
        "jetstream.stream", NULL };

    for (size_t i = 0; ids[i] != NULL; i++) {
        if (checks_have(&p->checks, ids[i], CHECK_FAIL)) {
            return true;
        }
    }
    return false;
}

static void
check_refused(struct patient *p, const char *text, uint64_t waiting)
{
    struct worst w = { .count = 0 };

    metrics_reasons(text, "serviceradar_output_refused_total", find_worst, &w);
    if (w.count == 0) {
        checks_add(&p->checks, "daemon.refused", CHECK_OK, "", "no record was refused");
    } else if (waiting > 0 && stream_is_known(p)) {
        checks_add(&p->checks, "daemon.refused", CHECK_SKIP, "",
            "records are refused (%s), for a reason above", w.reason);
    } else if (waiting == 0) {
        checks_add(&p->checks, "daemon.refused", CHECK_OK, "",
            "%llu attempts were refused (%s) since its start, and nothing waits now",
            (unsigned long long)w.count, w.reason);
    } else {
        char remedy[256];
        doctor_phrase(remedy, sizeof(remedy), sr_refusal_advice(refusal_of(w.reason)));
        checks_add(&p->checks, "daemon.refused", CHECK_FAIL, remedy,
            "records are refused (%s) and wait in the queue", w.reason);
    }
}

static void
check_queue(struct patient *p, const char *text, uint64_t waiting)
{
    uint64_t disk = metric(text, "serviceradar_queue_disk_bytes");
    uint64_t limit = p->conf.queue_disk;

    if (metric(text, "serviceradar_queue_disk_failing") != 0) {
        checks_add(&p->checks, "daemon.queue", CHECK_FAIL,
            "free space there, and look at the kernel's log (dmesg)",
            "the queue's folder %s takes no data", p->conf.queue_dir);
    } else if (limit > 0 && disk / 9 >= limit / 10) {
        checks_add(&p->checks, "daemon.queue", CHECK_FAIL,
            "remedy what keeps records from being sent, or raise queue.disk",
            "the queue is nearly full: %llu records wait, and what comes then is dropped",
            (unsigned long long)waiting);
    } else if (waiting > 0 && metric(text, "serviceradar_output_up") == 0) {
        checks_add(&p->checks, "daemon.queue", CHECK_WARN,
            "remedy what keeps the collector from connecting; they are sent then",
            "the collector is not connected, and %llu records wait in its queue",
            (unsigned long long)waiting);
    } else {
        checks_add(&p->checks, "daemon.queue", CHECK_OK, "", "%llu records wait",
            (unsigned long long)waiting);
    }
}

static void
check_losses(struct patient *p, const char *text)
{
    struct reasons dropped = { "" };
    uint64_t kernel = metric(text, "serviceradar_kernel_drops_total");

    if (kernel > 0) {
        checks_add(&p->checks, "daemon.kernel_drops", CHECK_WARN,
            "raise receive_buffer and net.core.rmem_max, or workers of the listener",
            "the kernel dropped %llu datagrams before they were received",
            (unsigned long long)kernel);
    } else {
        checks_add(&p->checks, "daemon.kernel_drops", CHECK_OK, "", "the kernel dropped nothing");
    }
    metrics_reasons(text, "serviceradar_dropped_total", add_reason, &dropped);
    metrics_reasons(text, "serviceradar_dropped_records_total", add_reason, &dropped);
    if (dropped.text[0] != '\0') {
        checks_add(&p->checks, "daemon.dropped", CHECK_WARN,
            "the guide to operating explains each of these reasons",
            "input was dropped since its start: %s", dropped.text);
    } else {
        checks_add(&p->checks, "daemon.dropped", CHECK_OK, "", "nothing was dropped");
    }
}

static void
check_dead_letters(struct patient *p, const char *text)
{
    struct reasons reasons = { "" };
    uint64_t dead = metric(text, "serviceradar_deadlettered_total");

    if (dead == 0) {
        checks_add(&p->checks, "daemon.deadletters", CHECK_OK, "", "there are no dead letters");
        return;
    }
    metrics_reasons(text, "serviceradar_undecodable_total", add_reason, &reasons);
    checks_add(&p->checks, "daemon.deadletters", CHECK_WARN,
        "look at what sends them: the subject of dead letters has them as they came",
        "inputs that could not be decoded: %llu (%s)", (unsigned long long)dead, reasons.text);
}

static void
judge_numbers(struct patient *p, const char *text)
{
    uint64_t waiting = metric(text, "serviceradar_queued_records");

    if (metric(text, "serviceradar_output_up") != 0) {
        checks_add(&p->checks, "daemon.output", CHECK_OK, "", "the collector is connected");
    } else if (p->conf.to_nats && checks_have(&p->checks, "nats.stream", CHECK_OK)) {
        checks_add(&p->checks, "daemon.output", CHECK_FAIL, "restart it, or look at its log",
            "the collector is not connected, although its configuration works");
    } else {
        checks_add(&p->checks, "daemon.output", CHECK_SKIP, "",
            "the collector is not connected, for a reason above");
    }
    check_refused(p, text, waiting);
    check_queue(p, text, waiting);
    check_dead_letters(p, text);
    check_losses(p, text);
}

/* Nothing answers, or something else does. */
static void
say_no_numbers(struct patient *p)
{
    struct proc_listen l;
    struct proc_holder h;
    char listen[160];

    (void)snprintf(listen, sizeof(listen), LISTEN "%s", p->conf.metrics);
    if (proc_read_listen(listen, &l) && proc_find_holders(&l, &h, 1) == 1 &&
        strcmp(h.name, doctor_daemon(p->collector)) != 0) {
        checks_add(&p->checks, "daemon", CHECK_FAIL,
            "stop that program, or set metrics.listen to another port",
            "metrics.listen %s is taken by %s (pid %ld)", p->conf.metrics, h.name, h.pid);
        return;
    }
    if (p->nobody_listens || (p->unit_known && !p->unit_active)) {
        checks_add(&p->checks, "daemon", CHECK_SKIP, "", "the collector does not run");
        return;
    }
    checks_add(&p->checks, "daemon", p->unit_active ? CHECK_FAIL : CHECK_WARN,
        p->unit_active ? "restart it, and look at its log" : "start the collector",
        "no collector answers at metrics.listen %s", p->conf.metrics);
}

void
doctor_check_daemon(struct patient *p)
{
    char label[64];
    uint64_t one = 0;

    if (!p->has_conf || p->options->root[0] != '\0') {
        return;
    }
    if (p->conf.metrics[0] == '\0') {
        checks_add(&p->checks, "daemon", CHECK_SKIP, "", "metrics.listen is off");
        return;
    }
    (void)snprintf(label, sizeof(label), "program=\"%s\"", doctor_daemon(p->collector));
    char *text = daemon_metrics(p->conf.metrics, p->options->timeout_ms);
    if (text == NULL || !metrics_sum(text, "serviceradar_build_info", label, &one)) {
        free(text);
        say_no_numbers(p);
        return;
    }
    judge_numbers(p, text);
    free(text);
}
