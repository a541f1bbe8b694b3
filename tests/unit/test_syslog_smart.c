/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/datagram.h"
#include "decode/rfc3164.h"
#include "decode/smart.h"
#include "decode/smart_text.h"

#include "sr/banned.h"

#define NOW 1795348800 /* 2026-11-22T12:00:00Z */
#define PEER "192.0.2.9"

static const struct sr_peer peer = { .address = { 192, 0, 2, 9 }, .port = 514 };
static struct smart_dates dates = { .local = RFC3164_UTC, .now = { .sec = NOW } };
static struct syslog_scratch scratch;
static struct syslog_record rec;

/* Decodes an exact copy, so that a read past the end is one past the memory's. */
static enum syslog_err
decode_bytes(const void *data, size_t len)
{
    static uint8_t *copy;

    free(copy);
    copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    rec = (struct syslog_record){ 0 };
    return smart_decode((struct sr_span){ copy, len }, &dates, &peer, &scratch, &rec);
}

static void
same(const char *line, const char *what, struct sr_span got, const char *want)
{
    if (got.len != strlen(want) || (got.len > 0 && memcmp(got.data, want, got.len) != 0)) {
        print_error("%s\n%s: want `%s`, got `%.*s`\n", line, what, want, (int)got.len,
            (const char *)got.data);
        fail();
    }
}

struct row {
    const char *line;
    enum syslog_dialect dialect;
    int64_t sec;
    const char *host;
    const char *app;
    const char *pid;
    const char *msg;
};

static void
check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        assert_int_equal(decode_bytes(row->line, strlen(row->line)), SYSLOG_OK);
        if (rec.reading.dialect != row->dialect || rec.time.sec != row->sec) {
            print_error("%s\n%s %lld\n", row->line, syslog_dialect_word(rec.reading.dialect),
                (long long)rec.time.sec);
        }
        assert_int_equal(rec.reading.dialect, row->dialect);
        assert_int_equal(rec.time.sec, row->sec);
        same(row->line, "host", rec.host, row->host);
        same(row->line, "app", rec.app, row->app);
        same(row->line, "pid", rec.procid, row->pid);
        same(row->line, "msg", rec.msg, row->msg);
    }
}

#define CHECK(rows) check((rows), sizeof(rows) / sizeof((rows)[0]))

static void
every_part_of_rfc_5424_may_be_nil(void **state)
{
    static const struct row rows[] = {
        { "<34>1 2003-10-11T22:14:15.003Z h a 7 id - text", SYSLOG_IETF, 1065910455, "h", "a", "7",
            "text" },
        { "<34>1 - - - - - -", SYSLOG_IETF, NOW, PEER, "", "", "" },
        { "<34>999 - h - - - [a b=\"c\"]", SYSLOG_IETF, NOW, "h", "", "", "" },
        { "<34>1 - h - - - [empty][a b=\"c\"] \xef\xbb\xbftext", SYSLOG_IETF, NOW, "h", "", "",
            "text" },
        { "<34>1 2003-10-11 22:14:15 h a - - - text", SYSLOG_IETF, 1065910455, "h", "a", "",
            "text" },
        { "33 <34>1 - h a - - - text", SYSLOG_IETF, NOW, "h", "a", "", "text" },
        { "<34>1 - h a - - [a b=\"c] text", SYSLOG_IETF_LOOSE, NOW, "h", "a", "",
            "[a b=\"c] text" },
        { "<34>1 2003-10-11T22:14:15Z 192.0.2.7 log: text", SYSLOG_IETF_LOOSE, 1065910455,
            "192.0.2.7", "log", "", "text" },
    };

    (void)state;
    CHECK(rows);
}

static void
only_whole_words_of_a_list_are_listed(void **state)
{
    static const char list[] = "err error warn warning news";
    static const char *const in[] = { "err", "error", "warn", "warning", "news" };
    static const char *const out[] = { "", " ", "e", "er", "erro", "errors", "rr", "rror", "ning",
        "new", "ews", "s", "err error", "error ", " error", "warn warning", "news ", "Err",
        "err error warn warning news", "err error warn warning news more" };
    static const char longer[] = "newspaper";

    (void)state;
    for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
        assert_true(smart_listed((struct sr_span){ (const uint8_t *)in[i], strlen(in[i]) }, list));
    }
    for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
        if (smart_listed((struct sr_span){ (const uint8_t *)out[i], strlen(out[i]) }, list)) {
            fail_msg("`%s` is no word of the list", out[i]);
        }
    }
    assert_true(smart_listed((struct sr_span){ (const uint8_t *)longer, 4 }, list));
    assert_false(smart_listed((struct sr_span){ (const uint8_t *)"err", 3 }, ""));
}

/* The form that the RFC has is read in a way of its own, and with a small `t` it is not. */
static void
the_usual_form_of_a_date_means_what_others_of_it_mean(void **state)
{
    static const char *const heads[] = { "2003-10-11", "1999-12-31", "2024-02-29", "2023-02-29",
        "0000-01-01", "9999-12-31", "2003-13-11", "2003-10-00", "2003-10-32", "2003-1a-11",
        "203-10-111", "2003/10/11", "2003-10-1" };
    static const char *const clocks[] = { "22:14:15", "00:00:00", "23:59:59", "23:59:60",
        "23:59:61", "24:00:00", "22:60:15", "2a:14:15", "22:14:1x", "2:14:15", "22:14" };
    static const char *const tails[] = { "Z", ".003Z", ".Z", ".1234567891Z", ",5Z", "z", "+01:00",
        ".25-0530", "+24:00", "-", "Zulu", "Z.", "", ".", ".5", " PM", "Z-" };
    size_t read = 0;

    (void)state;
    for (size_t n = 0; n < sizeof(heads) / sizeof(heads[0]) * sizeof(clocks) / sizeof(clocks[0]) *
                               sizeof(tails) / sizeof(tails[0]);
         n++) {
        const char *head = heads[n % (sizeof(heads) / sizeof(heads[0]))];
        size_t rest = n / (sizeof(heads) / sizeof(heads[0]));
        const char *clock = clocks[rest % (sizeof(clocks) / sizeof(clocks[0]))];
        const char *tail = tails[rest / (sizeof(clocks) / sizeof(clocks[0]))];
        char usual[128], other[128];
        (void)snprintf(usual, sizeof(usual), "<34>1 %sT%s%s h a 7 id - x", head, clock, tail);
        (void)snprintf(other, sizeof(other), "<34>1 %st%s%s h a 7 id - x", head, clock, tail);
        assert_int_equal(decode_bytes(other, strlen(other)), SYSLOG_OK);
        struct syslog_record want = rec;
        assert_int_equal(decode_bytes(usual, strlen(usual)), SYSLOG_OK);
        if (rec.time.sec != want.time.sec || rec.time.nsec != want.time.nsec ||
            rec.reading.time != want.reading.time || rec.reading.dialect != want.reading.dialect ||
            rec.reading.is_zoned != want.reading.is_zoned || rec.host.len != want.host.len) {
            fail_msg("%s", usual);
        }
        read += rec.reading.time == SYSLOG_FROM_HEADER ? 1 : 0;
    }
    assert_true(read > 100);
}

static void
headers_of_rfc_3164_lose_nothing_of_what_they_state(void **state)
{
    static const struct row rows[] = {
        { "<34>Oct 11 22:14:15 h su[7]: a  b", SYSLOG_BSD, 1791756855, "h", "su", "7", "a  b" },
        { "<34>OCT 11 22:14:15 h su: a", SYSLOG_BSD, 1791756855, "h", "su", "", "a" },
        { "<34> Oct 11 22:14:15 2020 h su: a", SYSLOG_BSD, 1602454455, "h", "su", "", "a" },
        { "Oct 11 2020 22:14:15 CEST h su: a", SYSLOG_BSD, 1602447255, "h", "su", "", "a" },
        { "<34>Oct 11 22:14:15 su: no host", SYSLOG_BSD, 1791756855, PEER, "su", "", "no host" },
        { "<34>Oct 11 22:14:15 h some text", SYSLOG_BSD, 1791756855, "h", "", "", "some text" },
        { "<34>Oct 11 22:14:15 last message repeated 3 times", SYSLOG_BSD, 1791756855, PEER, "", "",
            "last message repeated 3 times" },
        { "<34>Oct 11 22:14:15 Message forwarded from h: sshd[7]: a", SYSLOG_BSD, 1791756855, "h",
            "sshd", "7", "a" },
        { "<34>Oct 11 22:14:15 user.info h su: a", SYSLOG_BSD, 1791756855, "h", "su", "", "a" },
        { "<34>Oct 11 22:14:15 slot1/h notice mcpd[7]: a", SYSLOG_BSD, 1791756855, "h", "mcpd", "7",
            "a" },
        { "<34>Oct 11 22:14:15 h Microsoft Word[7]: a", SYSLOG_BSD, 1791756855, "h",
            "Microsoft Word", "7", "a" },
        { "<34>Oct 11 22:14:15 relay Oct 11 22:14:14 h su: a", SYSLOG_BSD_RELAYED, 1791756854, "h",
            "su", "", "a" },
        { "<34>Oct 11 22:14:15 h Sun Oct 11 22:14:14 UTC 2026 ERROR a", SYSLOG_BSD, 1791756855, "h",
            "", "", "Sun Oct 11 22:14:14 UTC 2026 ERROR a" },
        { "<34>Sun Oct 11 22:14:15 UTC 2020 h su: a", SYSLOG_BSD_ISO, 1602454455, "h", "su", "",
            "a" },
        { "<34>Oct 11 22:14:15 U7PG2,788a,v4.0: logread[7]: a", SYSLOG_BSD, 1791756855, "U7PG2", "",
            "", "788a,v4.0: logread[7]: a" },
        { "<34>2003-10-11T22:14:15+02:00 h su: a", SYSLOG_BSD_ISO, 1065903255, "h", "su", "", "a" },
        { "<34>1065910455.003 mx events a=b", SYSLOG_EPOCH, 1065910455, "mx", "", "",
            "events a=b" },
        { "<34>1 1065910455.003 mx events a=b", SYSLOG_EPOCH, 1065910455, "mx", "", "",
            "events a=b" },
        { "<34> 10/11/2003:22:14:15 GMT h 0-PPE-0 : a", SYSLOG_BSD_ISO, 1065910455, "h", "", "",
            "0-PPE-0 : a" },
        { "<34>2003:10:11-22:14:15 h httpd[7]: a", SYSLOG_BSD_ISO, 1065910455, "h", "httpd", "7",
            "a" },
        { "<34>DefensePro: 11-10-2003 22:14:15 WARNING a", SYSLOG_TAGGED, 1065910455, PEER,
            "DefensePro", "", "11-10-2003 22:14:15 WARNING a" },
        { "<34>Oct 11 22:14:15 (\"U7LT,fcec,v4.0\") hostapd: a", SYSLOG_BSD, 1791756855, "U7LT", "",
            "", "fcec,v4.0\") hostapd: a" },
        /* 2001 is no year in front of an address */
        { "<34>Oct 11 22:14:15 2001:db8::5 su: a", SYSLOG_BSD, 1791756855, "2001:db8::5", "su", "",
            "a" },
        { "<34>Oct 11 22:14:15 ::ffff:192.0.2.7 su: a", SYSLOG_BSD, 1791756855, "::ffff:192.0.2.7",
            "su", "", "a" },
        { "<34>Oct 11 22:14:15 <local0.info> h su: a", SYSLOG_BSD, 1791756855, "h", "su", "", "a" },
        { "<34>Oct 11 22:14:15:250 2020 h SHELL/5/LOGIN: a", SYSLOG_BSD, 1602454455, "h",
            "SHELL/5/LOGIN", "", "a" },
        { "<34>Oct 11 22:14:15 [h:kern.syslog.msg:notice]: a", SYSLOG_BSD, 1791756855, "h", "", "",
            "[h:kern.syslog.msg:notice]: a" },
        { "<34>Oct 11 22:14:15 [error: x]: a", SYSLOG_BSD, 1791756855, PEER, "", "",
            "[error: x]: a" },
        { "<34>1 Oct 11 22:14:15 h su: a", SYSLOG_BSD, 1791756855, "h", "su", "", "a" },
        { "<34>1065910455003 h su: a", SYSLOG_EPOCH, 1065910455, "h", "su", "", "a" },
        { "<34>2003/10/11:22:14:15 GMT h a b", SYSLOG_BSD_ISO, 1065910455, "h", "", "", "a b" },
        { "<34>Oct 11 2003 22:14:15 GMT-05:00 h su: a", SYSLOG_BSD, 1065928455, "h", "su", "",
            "a" },
        { "Sat Oct 11 22:14:15 2003\treason=a\tb=c", SYSLOG_BSD_ISO, 1065910455, PEER, "", "",
            "reason=a\tb=c" },
        { "<34>su: no date", SYSLOG_TAGGED, NOW, PEER, "su", "", "no date" },
        { "[2003-10-11 22:14:15] a", SYSLOG_PLAIN, 1065910455, PEER, "", "",
            "[2003-10-11 22:14:15] a" },
        { "no header at all", SYSLOG_PLAIN, NOW, PEER, "", "", "no header at all" },
    };

    (void)state;
    CHECK(rows);
}

static void
every_form_of_ciscos_header_is_read(void **state)
{
    static const struct row rows[] = {
        { "<166>20: h: 21: *Oct 11 22:14:15.5: %SYS-5-CONFIG_I: a", SYSLOG_CISCO, 1791756855, "h",
            "", "", "%SYS-5-CONFIG_I: a" },
        { "<166>h: .Oct 11 22:14:15 CDT: %SYS-5-CONFIG_I: a", SYSLOG_CISCO, 1791774855, "h", "", "",
            "%SYS-5-CONFIG_I: a" },
        { "<166>: 2020 Oct 11 22:14:15 UTC: %L2FM-4-L2FM_MAC_MOVE: a", SYSLOG_CISCO, 1602454455,
            PEER, "", "", "%L2FM-4-L2FM_MAC_MOVE: a" },
        { "<166>Oct 11 2020 22:14:15 h : %ASA-4-106023: a", SYSLOG_CISCO, 1602454455, "h", "", "",
            "%ASA-4-106023: a" },
        { "<166>h: *spamApTask1: Oct 11 22:14:15: %CAPWAP-4-DISC: a", SYSLOG_CISCO, 1791756855, "h",
            "spamApTask1", "", "%CAPWAP-4-DISC: a" },
        { "<166>RP/0/RP0/CPU0:Oct 11 22:14:15: config[7]: %MGBL-CONFIG-6-COMMIT: a", SYSLOG_CISCO,
            1791756855, PEER, "config", "", "%MGBL-CONFIG-6-COMMIT: a" },
        { "<166>7: Oct 11 22:14:16 relay h: 8: Oct 11 22:14:15: %A-1-B: a", SYSLOG_CISCO,
            1791756855, "h", "", "", "%A-1-B: a" },
        { "<166>82: 00:20:10: %SYS-5-CONFIG_I: a", SYSLOG_CISCO, NOW, PEER, "", "",
            "%SYS-5-CONFIG_I: a" },
        { "<166>h: 2y10w: %SYS-5-CONFIG_I: a", SYSLOG_CISCO, NOW, "h", "", "",
            "%SYS-5-CONFIG_I: a" },
        { "<166>3408: CLC 6/0: Oct 11 22:14:15: %PKI-3-CERT: a", SYSLOG_CISCO, 1791756855, PEER, "",
            "", "%PKI-3-CERT: a" },
        { "<166>7: Oct 11 2020 10:14:15 PM.5 UTC : %UC_AUDIT-5-A: [Node ID=h]: a", SYSLOG_CISCO,
            1602454455, "h", "", "", "%UC_AUDIT-5-A: [Node ID=h]: a" },
        { "<166>Oct 11 2020 22:14:15 h: %ASA-4-106023: a", SYSLOG_CISCO, 1602454455, "h", "", "",
            "%ASA-4-106023: a" },
        { "<166>2003-10-11T22:14:15Z Mgr: %SYS-5-CONFIG_I: a", SYSLOG_CISCO, 1065910455, PEER,
            "Mgr", "", "%SYS-5-CONFIG_I: a" },
        { "<166>7: h RP/0/RSP0/CPU0:Oct 11 22:14:15: config[7]: %MGBL-CONFIG-6-COMMIT: a",
            SYSLOG_CISCO, 1791756855, "h", "config", "", "%MGBL-CONFIG-6-COMMIT: a" },
        { "<166>7: 2001:db8::5: 8: Oct 11 22:14:15: %SYS-5-CONFIG_I: a", SYSLOG_CISCO, 1791756855,
            "2001:db8::5", "", "", "%SYS-5-CONFIG_I: a" },
        { "<166>Oct 11 22:14:15 ::1 : %ASA-4-106023: a", SYSLOG_CISCO, 1791756855, "::1", "", "",
            "%ASA-4-106023: a" },
        { "<166>h: *dot1xMsgTask: Oct 11 22:14:15.5: #DOT1X-3-ABORT_AUTH: a", SYSLOG_CISCO,
            1791756855, "h", "dot1xMsgTask", "", "#DOT1X-3-ABORT_AUTH: a" },
        { "<166>Oct 11 22:14:15 h app: percent %ABC-1-DEF: a", SYSLOG_BSD, 1791756855, "h", "app",
            "", "percent %ABC-1-DEF: a" },
        { "<166>Oct 11 22:14:15 h one two %ABC-1-DEF: a", SYSLOG_BSD, 1791756855, "h", "", "",
            "one two %ABC-1-DEF: a" },
        { "<166>Oct 11 22:14:15 h app: 50% full", SYSLOG_BSD, 1791756855, "h", "app", "",
            "50% full" },
    };

    (void)state;
    CHECK(rows);
    assert_int_equal(decode_bytes("<166>20: h: %A-1-B: a", 21), SYSLOG_OK);
    same("sequence", "sequence", rec.reading.sequence, "20");
    same("mnemonic", "msgid", rec.msgid, "A-1-B");
}

static void
vendors_formats_say_who_and_when(void **state)
{
    static const struct row rows[] = {
        { "time=1065910455|hostname=h|product=IPS|", SYSLOG_CHECK_POINT, 1065910455, "h", "", "",
            "time=1065910455|hostname=h|product=IPS|" },
        { "<99>date=2003-10-11 time=18:14:15 devname=\"h\" tz=\"-0400\"", SYSLOG_FORTINET,
            1065910455, "h", "", "", "date=2003-10-11 time=18:14:15 devname=\"h\" tz=\"-0400\"" },
        { "<99>date=2003-10-11,time=22:14:15.5,devname=h,devid=FG,type=event", SYSLOG_FORTINET,
            1065910455, "h", "", "",
            "date=2003-10-11,time=22:14:15.5,devname=h,devid=FG,type=event" },
        { "<99>timestamp=1065910455 devname=\"h\" devid=\"FG\"", SYSLOG_FORTINET, 1065910455, "h",
            "", "", "timestamp=1065910455 devname=\"h\" devid=\"FG\"" },
        { "<99>device_name=\"h\" timestamp=\"2003-10-11T22:14:15+0000\"", SYSLOG_FORTINET,
            1065910455, "h", "", "", "device_name=\"h\" timestamp=\"2003-10-11T22:14:15+0000\"" },
        { "Oct 11 22:14:15 h app: date=2003-10-11 time=18:14:15 devname=g", SYSLOG_BSD, 1791756855,
            "h", "app", "", "date=2003-10-11 time=18:14:15 devname=g" },
        { "Oct 11 22:14:15 h app: time=1065910455|hostname=g|", SYSLOG_BSD, 1791756855, "h", "app",
            "", "time=1065910455|hostname=g|" },
        { "1065910455.003    185 192.0.2.7 TCP_MISS/200", SYSLOG_EPOCH, 1065910455, PEER, "", "",
            "185 192.0.2.7 TCP_MISS/200" },
        { "timestamp=1065910455 user=a", SYSLOG_PLAIN, NOW, PEER, "", "",
            "timestamp=1065910455 user=a" },
        { "<99>LEEF:1.0|V|P|1|1|devTime=Oct 11 2003 22:14:15 GMT+00:00\tdvchost=h\tsrc=1",
            SYSLOG_LEEF, 1065910455, "h", "", "",
            "LEEF:1.0|V|P|1|1|devTime=Oct 11 2003 22:14:15 GMT+00:00\tdvchost=h\tsrc=1" },
        { "<99>id=firewall sn=C0 time=\"2003-10-11 22:14:15 UTC\" fw=h pri=6", SYSLOG_SONICWALL,
            1065910455, "h", "", "",
            "id=firewall sn=C0 time=\"2003-10-11 22:14:15 UTC\" fw=h pri=6" },
        { "<99>CEF:0|V|P|1|1|N|1|rt=1065910455003 dvchost=h src=1", SYSLOG_CEF, 1065910455, "h", "",
            "", "CEF:0|V|P|1|1|N|1|rt=1065910455003 dvchost=h src=1" },
        { "Oct 11 22:14:15 h LEEF:1.0|V|P|1|1|src=1", SYSLOG_LEEF, 1791756855, "h", "", "",
            "LEEF:1.0|V|P|1|1|src=1" },
        { "{\"a\":\"hostname\",\"timestamp\":\"2003-10-11T22:14:15Z\",\"hostname\":\"h\"}",
            SYSLOG_JSON, 1065910455, "h", "", "",
            "{\"a\":\"hostname\",\"timestamp\":\"2003-10-11T22:14:15Z\",\"hostname\":\"h\"}" },
        { "Oct 11 22:14:15 h 1,2026/10/11 22:14:15,007,SYSTEM,x", SYSLOG_PAN_OS, 1791756855, "h",
            "", "", "1,2026/10/11 22:14:15,007,SYSTEM,x" },
        { "<23>h: NetScreen device_id=7", SYSLOG_TAGGED, NOW, "h", "", "",
            "NetScreen device_id=7" },
    };

    (void)state;
    CHECK(rows);
    assert_int_equal(decode_bytes("Oct 11 22:14:15 h 1791756855.125 x", 34), SYSLOG_OK);
    assert_int_equal(rec.time.nsec, 125000000);
    assert_int_equal(
        decode_bytes("Oct 11 22:14:15.25 h CEF:0|V|P|1|1|N|1|rt=1791756855000", 55), SYSLOG_OK);
    assert_int_equal(rec.time.nsec, 250000000);
    /* the serial number behind the comma is no fraction */
    assert_int_equal(
        decode_bytes("Oct 11 22:14:15 h 1,2026/10/11 22:14:15,0070,SYSTEM,x", 53), SYSLOG_OK);
    assert_int_equal(rec.time.nsec, 0);
}

static void
devices_that_say_otherwise_than_their_header_are_known(void **state)
{
    static const struct row rows[] = {
        { "<189>17: Oct 11 22:14:15 UTC : %CCM_RTMT-2-RTMT: a Cluster ID: Node ID:h", SYSLOG_CISCO,
            1791756855, "h", "", "", "%CCM_RTMT-2-RTMT: a Cluster ID: Node ID:h" },
        { "<189>17: g: Oct 11 22:14:15 UTC : %CCM_RTMT-2-RTMT: a Node ID:h", SYSLOG_CISCO,
            1791756855, "g", "", "", "%CCM_RTMT-2-RTMT: a Node ID:h" },
        { "Oct 11 22:14:15 ome EEMI Audit { IP } 1.1.1.1 { HostName } h { Severity }", SYSLOG_BSD,
            1791756855, "h", "", "", "EEMI Audit { IP } 1.1.1.1 { HostName } h { Severity }" },
        { "Oct 11 22:14:15 ome other { HostName } h", SYSLOG_BSD, 1791756855, "ome", "", "",
            "other { HostName } h" },
        { "<134>1 - 10.0.0.1 h - RICOH_MFPLP_ACCESS - text", SYSLOG_IETF, NOW, "h", "h", "",
            "text" },
        { "<134>1 - 10.0.0.1 a - OTHER_ACCESS - text", SYSLOG_IETF, NOW, "10.0.0.1", "a", "",
            "text" },
        { "<1>1 - - SPLUNK - COOKED [fields@274489 t=\"1065910455.5\" h=\"h\"] a", SYSLOG_IETF,
            1065910455, "h", "SPLUNK", "", "a" },
        { "<1>1 - - SPLUNK - COOKED [other@274489 t=\"1065910455.5\" h=\"h\"] a", SYSLOG_IETF, NOW,
            PEER, "SPLUNK", "", "a" },
        { "<4>2021-07-26T09:47:48Z c fenotify-7.warning: {\"product\":\"HX\",\"host\":{\"hostname\""
          ":\"h\"},\"processEvent/timestamp\":\"2003-10-11T22:14:15Z\"}",
            SYSLOG_JSON, 1065910455, "h", "fenotify-7.warning", "",
            "{\"product\":\"HX\",\"host\":{\"hostname\":\"h\"},\"processEvent/timestamp\":"
            "\"2003-10-11T22:14:15Z\"}" },
        { "<4>2021-07-26T09:47:48Z c fenotify-7.warning: {\"product\":\"CMS\",\"hostname\":\"h\"}",
            SYSLOG_JSON, 1627292868, "c", "fenotify-7.warning", "",
            "{\"product\":\"CMS\",\"hostname\":\"h\"}" },
        { "Oct 11 22:14:15 c app: {\"product\":\"HX\",\"hostname\":\"h\"}", SYSLOG_JSON, 1791756855,
            "c", "app", "", "{\"product\":\"HX\",\"hostname\":\"h\"}" },
        /* the year of rt, if that is the date of the header else */
        { "Oct 11 22:14:15 h CEF:0|V|P|1|1|N|1|rt=1065910455000 a=b", SYSLOG_CEF, 1065910455, "h",
            "", "", "CEF:0|V|P|1|1|N|1|rt=1065910455000 a=b" },
        { "Oct 11 22:14:16 h CEF:0|V|P|1|1|N|1|rt=1065910455000 a=b", SYSLOG_CEF, 1791756856, "h",
            "", "", "CEF:0|V|P|1|1|N|1|rt=1065910455000 a=b" },
        { "Oct 11 2020 22:14:15 h CEF:0|V|P|1|1|N|1|rt=1065910455000", SYSLOG_CEF, 1602454455, "h",
            "", "", "CEF:0|V|P|1|1|N|1|rt=1065910455000" },
    };

    (void)state;
    CHECK(rows);
}

/* The second that a year-less date is read as, at `now`. */
static int64_t
year_less(int64_t now, const char *line)
{
    dates.now.sec = now;
    assert_int_equal(decode_bytes(line, strlen(line)), SYSLOG_OK);
    dates.now.sec = NOW;
    assert_false(rec.reading.has_year);
    return rec.time.sec;
}

static void
the_year_rolls_over_at_its_end(void **state)
{
    (void)state;
    /* 2026-12-31T23:59:59Z, read a second later and a second before */
    assert_int_equal(year_less(1798761600, "Dec 31 23:59:59 h a"), 1798761599);
    assert_int_equal(year_less(1798761598, "Dec 31 23:59:59 h a"), 1798761599);
    /* a clock ahead, read at 2026-12-31T23:59:58Z: 2027-01-01T00:00:00Z */
    assert_int_equal(year_less(1798761598, "Jan  1 00:00:00 h a"), 1798761600);
    /* more than a month ahead is the year before */
    assert_int_equal(year_less(NOW, "Dec 24 12:00:00 h a"), 1766577600);
}

static void
a_leap_day_is_of_a_leap_year(void **state)
{
    (void)state;
    /* 2026 has none: 2024-02-29; 2028-03-01: the day before; 1904 to 1896 has a gap of eight */
    assert_int_equal(year_less(NOW, "Feb 29 00:00:00 h a"), 1709164800);
    assert_int_equal(year_less(1835481600, "Feb 29 00:00:00 h a"), 1835395200);
    assert_int_equal(year_less(-2082844800, "Feb 29 00:00:00 h a"), -2330121600);
    assert_int_equal(decode_bytes("<34>Feb 29 2025 00:00:00 h a", 28), SYSLOG_OK);
    assert_int_equal(rec.reading.dialect, SYSLOG_PLAIN);
    assert_int_equal(rec.time.sec, NOW);
}

static void
a_priority_out_of_range_is_not_used(void **state)
{
    (void)state;
    assert_int_equal(decode_bytes("<191>a", 6), SYSLOG_OK);
    assert_true(rec.has_pri && rec.facility == 23 && rec.severity == 7);
    assert_int_equal(decode_bytes("<192>a", 6), SYSLOG_OK);
    assert_false(rec.has_pri);
    same("<192>a", "msg", rec.msg, "a");
    assert_int_equal(decode_bytes("<1921>a", 7), SYSLOG_OK);
    same("<1921>a", "msg", rec.msg, "<1921>a");
    assert_int_equal(decode_bytes(" \r\n\0", 4), SYSLOG_EEMPTY);
}

static void
what_is_not_utf_8_is_said_to_be(void **state)
{
    (void)state;
    assert_int_equal(decode_bytes("<34>Oct 11 22:14:15 h a: \xe9t\xe9", 28), SYSLOG_OK);
    assert_true(rec.reading.is_repaired);
    assert_int_equal(rec.msg.len, 3);
    assert_int_equal(decode_bytes("<34>Oct 11 22:14:15 h a: \xc3\xa9", 27), SYSLOG_OK);
    assert_false(rec.reading.is_repaired);
}

static void
no_prefix_of_a_line_is_read_past_its_end(void **state)
{
    static const char *const lines[] = {
        "<34>1 2003-10-11T22:14:15.003+02:00 h a 7 id [x@1 a=\"b\\\"\"][y] \xef\xbb\xbftext",
        "<166>20: h: 21: *Oct 11 2020 10:14:15 PM.5 CEST: %SYS-5-CONFIG_I: [Node ID=h]: a",
        "<34>Oct 11 22:14:15 slot1/h,x Oct 11 22:14:15 h2 notice mcpd[7]: a",
        "<99>date=2003-10-11 time=18:14:15 devname=\"h\" tz=\"-0400\"",
        "<34>Sat, 11 Oct 2003 22:14:15 +0200 h CSCOacs_X 1 1 0 2003-10-11 22:14:15.1 a",
        "{\"timestamp\" : \"2003-10-11T22:14:15Z\", \"hostname\":\"h\"}",
        "Oct 11 22:14:15 h 1,2026/10/11 22:14:15,007,TRAFFIC,2026-10-11T22:14:15.5-04:00,x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        for (size_t len = 1; len <= strlen(lines[i]); len++) {
            assert_int_equal(decode_bytes(lines[i], len), SYSLOG_OK);
        }
    }
}

/* ---- The whole way ---- */

static uint8_t memory[SYSLOG_RECORD_MAX];
static char record[1024];
static char explained[1024];

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return max <= sizeof(memory) ? memory : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    assert_int_equal(records, 1);
    assert_true(len < sizeof(record));
    memcpy(record, memory, len);
    record[len] = '\0';
}

static void
explain(void *arg, struct sr_span json)
{
    (void)arg;
    assert_true(json.len < sizeof(explained));
    memcpy(explained, json.data, json.len);
    explained[json.len] = '\0';
}

static void
feed(const char *line)
{
    const struct sr_emit emit = { .reserve = reserve, .commit = commit, .explain = explain };
    const struct syslog_decode cfg = {
        .format = SYSLOG_SMART,
        .partition = span_of("default"),
        .local = RFC3164_UTC,
        .scratch = &scratch,
    };

    assert_int_equal(decode_bytes(line, strlen(line)), SYSLOG_OK);
    assert_int_equal(
        sr_syslog_datagram(&cfg, UINT64_C(1795348800) * 1000000000, &peer, span_of(line), &emit),
        SR_DECODED);
}

static void
a_record_says_its_dialect_and_nobody_forges_the_sender(void **state)
{
    (void)state;
    feed("<34>1 - - - - - [a dialect=\"x\" remote_addr=\"6.6.6.6\" z=\"1\"] t\xe9xt");
    assert_string_equal(record,
        "{\"_dialect\":\"rfc5424\",\"_not_utf8\":true,\"_remote_addr\":\"default:192.0.2.9\","
        "\"_sd_dialect\":\"x\",\"_sd_remote_addr\":\"6.6.6.6\",\"_z\":\"1\","
        "\"full_message\":\"<34>1 - - - - - [a dialect=\\\"x\\\" remote_addr=\\\"6.6.6.6\\\" "
        "z=\\\"1\\\"] t\xef\xbf\xbdxt\",\"host\":\"192.0.2.9\",\"level\":2,\"sd_id\":\"a\","
        "\"short_message\":\"t\xef\xbf\xbdxt\",\"timestamp\":1795348800.0,\"version\":\"1.1\"}");
}

static void
an_explanation_names_the_dialect_and_why_and_what_was_assumed(void **state)
{
    static const struct {
        const char *line;
        const char *dialect;
        const char *rest;
    } rows[] = {
        { "text", "plain", "host_from\":\"sender\",\"time_from\":\"receipt\"}" },
        { "su: text", "tagged", "host_from\":\"sender\",\"time_from\":\"receipt\"}" },
        { "<34>Oct 11 22:14:15 h su: a", "rfc3164",
            "host_from\":\"header\",\"time_from\":\"header\",\"year\":\"assumed\","
            "\"zone\":\"assumed\"}" },
        { "Oct 11 22:14:15 relay Oct 11 22:14:14 h su: a", "rfc3164_relayed", "" },
        { "2003-10-11T22:14:15Z h su: a", "rfc3164_iso",
            "host_from\":\"header\",\"time_from\":\"header\",\"year\":\"stated\","
            "\"zone\":\"stated\"}" },
        { "<34>1065910455.003 mx events a=b", "epoch", "" },
        { "<34>1 - h a p ID47 - text", "rfc5424",
            "host_from\":\"header\",\"time_from\":\"receipt\",\"msgid\":\"ID47\"}" },
        { "<34>1 - h a - - [x text", "rfc5424_loose", "" },
        { "<166>20: h: Oct 11 22:14:15 UTC: %A-1-B: a", "cisco",
            "host_from\":\"header\",\"time_from\":\"header\",\"year\":\"assumed\","
            "\"zone\":\"stated\",\"msgid\":\"A-1-B\",\"sequence\":\"20\"}" },
        { "time=1065910455|hostname=h|product=IPS|", "check_point",
            "host_from\":\"message\",\"time_from\":\"message\",\"year\":\"stated\","
            "\"zone\":\"stated\"}" },
        { "<99>date=2003-10-11 time=18:14:15 devname=\"h\"", "fortinet",
            "host_from\":\"message\",\"time_from\":\"message\",\"year\":\"stated\","
            "\"zone\":\"assumed\"}" },
        { "<99>id=firewall time=\"2003-10-11 22:14:15 UTC\" fw=h pri=6", "sonicwall", "" },
        { "Oct 11 22:14:15 h 1,2026/10/11 22:14:15,007,SYSTEM,x", "pan_os", "" },
        { "CEF:0|V|P|1|1|N|1|src=1", "cef", "" },
        { "LEEF:1.0|V|P|1|1|src=1", "leef", "" },
        { "{\"a\":1} \xe9", "json",
            "host_from\":\"sender\",\"time_from\":\"receipt\",\"text\":\"not UTF-8, "
            "repaired\"}" },
    };
    unsigned seen = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char want[256];
        feed(rows[i].line);
        seen |= 1U << rec.reading.dialect;
        const char *sign = syslog_dialect_sign(syslog_dialect_of(&rec));
        int len = snprintf(want, sizeof(want), "{\"dialect\":\"%s\",\"because\":\"%s\",\"%s",
            rows[i].dialect, sign, rows[i].rest);
        assert_true(len > 0 && (size_t)len < sizeof(want));
        if (strncmp(explained, want, (size_t)len) != 0) {
            print_error("%s\nwant %s\ngot  %s\n", rows[i].line, want, explained);
            fail();
        }
    }
    assert_int_equal(seen, (1U << (SYSLOG_JSON + 1)) - 1); /* each of them */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_rfc_5424_may_be_nil),
        cmocka_unit_test(only_whole_words_of_a_list_are_listed),
        cmocka_unit_test(the_usual_form_of_a_date_means_what_others_of_it_mean),
        cmocka_unit_test(headers_of_rfc_3164_lose_nothing_of_what_they_state),
        cmocka_unit_test(every_form_of_ciscos_header_is_read),
        cmocka_unit_test(vendors_formats_say_who_and_when),
        cmocka_unit_test(devices_that_say_otherwise_than_their_header_are_known),
        cmocka_unit_test(the_year_rolls_over_at_its_end),
        cmocka_unit_test(a_leap_day_is_of_a_leap_year),
        cmocka_unit_test(a_priority_out_of_range_is_not_used),
        cmocka_unit_test(what_is_not_utf_8_is_said_to_be),
        cmocka_unit_test(no_prefix_of_a_line_is_read_past_its_end),
        cmocka_unit_test(a_record_says_its_dialect_and_nobody_forges_the_sender),
        cmocka_unit_test(an_explanation_names_the_dialect_and_why_and_what_was_assumed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
