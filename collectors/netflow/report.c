/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "state.h"
#include "state_file.h"

#include "sr/metrics.h"
#include "sr/stats.h"

#include "sr/banned.h"

/* More exporters than these share one line: whoever keeps the numbers pays for each line. */
#define ROWS_MAX 200U

/* One listener at one moment. */
struct picture {
    const char *listener;
    struct exporters_status status;
    struct ledger total;
    struct ledger other; /* of exporters without a row, and of those that are gone */
    struct exporters_row *rows;
    size_t row_count;
};

/* What is counted of an exporter (struct nf_ledger), and how the families of it are called. */
static const struct {
    const char *name, *help;
    size_t index;
} counts[] = {
    { "datagrams", "Datagrams of a known version.", LEDGER_INDEX(datagrams) },
    { "bytes", "Bytes of these.", LEDGER_INDEX(bytes) },
    { "records", "Data records read.", LEDGER_INDEX(records) },
    { "records_published", "Of these, put into the queue.", LEDGER_INDEX(published) },
    { "records_zero_counters", "Of these, left out without bytes and packets.",
        LEDGER_INDEX(zero) },
    { "records_rate_limited", "Of these, over rate_limit.", LEDGER_INDEX(limited) },
    { "records_queue_full", "Of these, without room in the queue.", LEDGER_INDEX(full) },
    { "options_records", "Options records read.", LEDGER_INDEX(options) },
    { "templates", "Template records read.", LEDGER_INDEX(templates) },
    { "template_changes", "Of these, with another layout than before.",
        LEDGER_INDEX(template_changes) },
    { "template_conflicts",
        "Of these, with another layout than a second exporter's behind the "
        "same address.",
        LEDGER_INDEX(template_conflicts) },
    { "templates_refused", "Of these, not valid or over a limit.", LEDGER_INDEX(template_refused) },
    { "templates_evicted", "Templates that gave way to others.", LEDGER_INDEX(template_evicted) },
    { "withdrawals", "Templates withdrawn.", LEDGER_INDEX(withdrawals) },
    { "sets_parked", "Sets that waited for their template.", LEDGER_INDEX(sets_parked) },
    { "sets_released", "Of these, got it.", LEDGER_INDEX(sets_released) },
    { "sets_expired", "Of these, did not in time, or gave way to others.",
        LEDGER_INDEX(sets_expired) },
    { "sets_malformed", "Sets that could not be read.", LEDGER_INDEX(sets_malformed) },
    { "sets_unknown", "Sets with a reserved id.", LEDGER_INDEX(sets_unknown) },
    { "structured_records", "Nested records in lists.", LEDGER_INDEX(structured) },
    { "skewed_records", "Records with a time that could not be.", LEDGER_INDEX(skewed) },
    { "clamped_values", "Values above what their field may hold.", LEDGER_INDEX(clamped) },
    { "count_mismatches", "Headers that count other than what follows.",
        LEDGER_INDEX(count_mismatches) },
    { "missing", "Flows (v5), messages (v9) or records (IPFIX) that the sequence numbers miss.",
        LEDGER_INDEX(missing) },
    { "recovered", "Of these, came late.", LEDGER_INDEX(recovered) },
    { "reordered", "Messages that came late.", LEDGER_INDEX(reordered) },
    { "duplicates", "Messages that came twice.", LEDGER_INDEX(duplicates) },
    { "restarts", "Numberings that began anew.", LEDGER_INDEX(restarts) },
};

static void
put_head(FILE *f, const char *name, const char *suffix, const char *type, const char *help)
{
    (void)fprintf(f, "# HELP serviceradar_netflow_%s%s %s\n# TYPE serviceradar_netflow_%s%s %s\n",
        name, suffix, help, name, suffix, type);
}

static void
put_listener(FILE *f, const char *name, const char *suffix, const char *listener, uint64_t value)
{
    (void)fprintf(f, "serviceradar_netflow_%s%s{listener=", name, suffix);
    sr_metrics_put_quoted(f, listener);
    (void)fprintf(f, "} %" PRIu64 "\n", value);
}

static void
put_gauge(FILE *f, const struct picture *pictures, size_t count, const char *name, const char *type,
    const char *help, size_t offset)
{
    put_head(f, name, "", type, help);
    for (size_t i = 0; i < count; i++) {
        const uint64_t *value =
            (const void *)((const char *)&pictures[i].status + offset); /* all are uint64_t */
        put_listener(f, name, "", pictures[i].listener, *value);
    }
}

/* What counted nothing of an exporter has no line. */
static void
put_exporter(FILE *f, const char *name, const char *listener, const char *exporter, uint64_t value)
{
    if (value > 0) {
        (void)fprintf(f, "serviceradar_netflow_exporter_%s_total{listener=", name);
        sr_metrics_put_quoted(f, listener);
        (void)fprintf(f, ",exporter=\"%s\"} %" PRIu64 "\n", exporter, value);
    }
}

/* One count: of the listeners, then of their exporters. */
static void
put_count(FILE *f, const struct picture *pictures, size_t picture_count, size_t count)
{
    const char *name = counts[count].name;
    size_t index = counts[count].index;
    char exporter[SR_PEER_TEXT_MAX];

    put_head(f, name, "_total", "counter", counts[count].help);
    for (size_t i = 0; i < picture_count; i++) {
        put_listener(f, name, "_total", pictures[i].listener, pictures[i].total.counts[index]);
    }
    (void)fprintf(f, "# TYPE serviceradar_netflow_exporter_%s_total counter\n", name);
    for (size_t i = 0; i < picture_count; i++) {
        const struct picture *p = &pictures[i];
        for (size_t j = 0; j < p->row_count; j++) {
            (void)sr_peer_text(&p->rows[j].peer, exporter);
            put_exporter(f, name, p->listener, exporter, p->rows[j].ledger.counts[index]);
        }
        put_exporter(f, name, p->listener, "other", p->other.counts[index]);
    }
}

static void
take_picture(struct picture *p, struct state_listener *l)
{
    p->listener = l->name;
    exporters_status(l->exporters, &p->status);
    p->status.memory += sr_counted(&l->stream_memory_used);
    p->rows = calloc(ROWS_MAX, sizeof(*p->rows)); /* without memory all are "other" */
    p->row_count =
        exporters_report(l->exporters, p->rows, p->rows != NULL ? ROWS_MAX : 0, &p->total);
    p->other = p->total;
    for (size_t i = 0; i < p->row_count; i++) {
        ledger_minus(&p->other, &p->rows[i].ledger);
    }
}

void
state_report(struct state *s, FILE *out)
{
    struct picture *pictures = calloc(s->listener_count, sizeof(*pictures));
    size_t count = pictures != NULL ? s->listener_count : 0;

    for (size_t i = 0; i < count; i++) {
        take_picture(&pictures[i], &s->listeners[i]);
    }
    put_gauge(out, pictures, count, "exporters", "gauge", "Exporters that are told apart.",
        offsetof(struct exporters_status, count));
    put_gauge(out, pictures, count, "exporters_with_templates", "gauge",
        "Of these, with templates.", offsetof(struct exporters_status, kept));
    put_gauge(out, pictures, count, "exporters_evicted_total", "counter",
        "Exporters that gave way to others.", offsetof(struct exporters_status, evicted));
    put_gauge(out, pictures, count, "exporter_memory_bytes", "gauge",
        "Memory of templates and waiting sets.", offsetof(struct exporters_status, memory));
    put_head(out, "state_failing", "", "gauge", "1 while templates are not kept in state_file.");
    bool failing =
        atomic_load(&s->is_failing) || (s->file != NULL && state_file_is_behind(s->file));
    (void)fprintf(out, "serviceradar_netflow_state_failing %d\n", failing);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        put_count(out, pictures, count, i);
    }
    for (size_t i = 0; i < count; i++) {
        free(pictures[i].rows);
    }
    free(pictures);
}
