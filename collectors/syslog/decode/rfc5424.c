/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/rfc5424.h"

#include <string.h>

#include "decode/pri.h"
#include "decode/rfc3339.h"
#include "decode/sd.h"
#include "decode/words.h"

#include "sr/banned.h"

/* "<PRI>VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID" and the rest. */
enum part {
    PRI_VERSION,
    TIMESTAMP,
    HOSTNAME,
    APP_NAME,
    PROCID,
    MSGID,
    DATA,
    PARTS,
};

/* Cuts `line` at its first six spaces. */
static bool
split(struct sr_span line, struct sr_span parts[PARTS])
{
    for (int i = 0; i < DATA; i++) {
        const uint8_t *space = line.len > 0 ? memchr(line.data, ' ', line.len) : NULL;
        if (space == NULL) {
            return false;
        }
        parts[i] = (struct sr_span){ line.data, (size_t)(space - line.data) };
        line = (struct sr_span){ space + 1, line.len - parts[i].len - 1 };
    }
    parts[DATA] = line;
    return true;
}

/* Reads "<PRI>VERSION". */
static enum syslog_err
read_pri_version(struct sr_span text, uint8_t *ret_pri)
{
    const uint8_t *close = text.len > 0 ? memchr(text.data, '>', text.len) : NULL;

    if (text.len == 0 || text.data[0] != '<' || close == NULL ||
        !pri_parse((struct sr_span){ text.data + 1, (size_t)(close - text.data) - 1 }, ret_pri)) {
        return SYSLOG_EPRIORITY;
    }
    struct sr_span version = { close + 1, text.len - (size_t)(close - text.data) - 1 };
    return words_equal(version, "1") ? SYSLOG_OK : SYSLOG_EVERSION;
}

static void
set_message(struct syslog_record *rec, struct sr_span text)
{
    rec->msg = words_trim(text);
    rec->has_msg = rec->msg.len > 0;
}

/* Reads "-" or SD-ELEMENTs, and the message behind them. */
static enum syslog_err
read_data(struct sr_span data, struct syslog_scratch *scratch, struct syslog_record *rec)
{
    if (data.len == 0 || (data.data[0] != '-' && data.data[0] != '[')) {
        return SYSLOG_ESD;
    }
    if (data.data[0] == '-') {
        set_message(rec, (struct sr_span){ data.data + 1, data.len - 1 });
        return SYSLOG_OK;
    }
    struct sr_span rest;
    enum syslog_err err = sd_parse(data, scratch, &rec->sd_id, &rec->param_count, &rest);
    if (err != SYSLOG_OK) {
        return err;
    }
    if (rest.len == 0 || rest.data[0] != ' ') {
        return SYSLOG_ESD;
    }
    rec->has_sd = true;
    rec->sd = (struct sr_span){ data.data, data.len - rest.len };
    rec->params = scratch->params;
    set_message(rec, rest);
    return SYSLOG_OK;
}

enum syslog_err
rfc5424_decode(struct sr_span line, struct syslog_scratch *scratch, struct syslog_record *ret_rec)
{
    struct sr_span parts[PARTS];
    struct syslog_record rec = { 0 };
    uint8_t pri = 0;

    if (line.len >= 3 && memcmp(line.data, "\xef\xbb\xbf", 3) == 0) {
        line = (struct sr_span){ line.data + 3, line.len - 3 };
    }
    if (line.len == 0) {
        return SYSLOG_EEMPTY;
    }
    if (line.data[0] != '<') {
        return SYSLOG_EPRIORITY;
    }
    if (!split(line, parts)) {
        return SYSLOG_EHEADER;
    }
    enum syslog_err err = read_pri_version(parts[PRI_VERSION], &pri);
    if (err != SYSLOG_OK) {
        return err;
    }
    if (!rfc3339_parse(parts[TIMESTAMP], &rec.time)) {
        return SYSLOG_ETIME;
    }
    err = read_data(parts[DATA], scratch, &rec);
    if (err != SYSLOG_OK) {
        return err;
    }
    rec.has_pri = true;
    rec.facility = pri >> 3;
    rec.severity = pri & 7;
    rec.has_app = true;
    rec.has_procid = true;
    rec.host = parts[HOSTNAME];
    rec.app = parts[APP_NAME];
    rec.procid = parts[PROCID];
    rec.msgid = parts[MSGID];
    rec.full = words_trim_end(line);
    *ret_rec = rec;
    return SYSLOG_OK;
}
