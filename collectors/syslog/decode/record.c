/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/record.h"

#include "sr/banned.h"

const char *
syslog_strerror(enum syslog_err err)
{
    switch (err) {
    case SYSLOG_OK: return "no error";
    case SYSLOG_EEMPTY: return "the message is empty";
    case SYSLOG_EUTF8: return "the message is not UTF-8";
    case SYSLOG_EPRIORITY: return "the priority is not a number from 0 to 255 in <>";
    case SYSLOG_EVERSION: return "the version is not 1";
    case SYSLOG_EHEADER: return "the message ends before its header does";
    case SYSLOG_ETIME: return "the date is missing, malformed or does not exist";
    case SYSLOG_ESD: return "the structured data is malformed";
    case SYSLOG_EPARAMS: return "the structured data has too many parameters";
    case SYSLOG_ELARGE: return "the record is too large";
    }
    return "unknown error";
}

const char *
syslog_reason(enum syslog_err err)
{
    switch (err) {
    case SYSLOG_OK: return "ok";
    case SYSLOG_EEMPTY: return "empty";
    case SYSLOG_EUTF8: return "not_utf8";
    case SYSLOG_EPRIORITY: return "bad_priority";
    case SYSLOG_EVERSION: return "bad_version";
    case SYSLOG_EHEADER: return "no_header";
    case SYSLOG_ETIME: return "bad_timestamp";
    case SYSLOG_ESD: return "bad_structured_data";
    case SYSLOG_EPARAMS: return "too_many_params";
    case SYSLOG_ELARGE: return "too_large";
    }
    return "unknown";
}

const char *
syslog_dialect_word(enum syslog_dialect dialect)
{
    switch (dialect) {
    case SYSLOG_PLAIN: return "plain";
    case SYSLOG_TAGGED: return "tagged";
    case SYSLOG_BSD: return "rfc3164";
    case SYSLOG_BSD_RELAYED: return "rfc3164_relayed";
    case SYSLOG_BSD_ISO: return "rfc3164_iso";
    case SYSLOG_EPOCH: return "epoch";
    case SYSLOG_IETF: return "rfc5424";
    case SYSLOG_IETF_LOOSE: return "rfc5424_loose";
    case SYSLOG_CISCO: return "cisco";
    case SYSLOG_CHECK_POINT: return "check_point";
    case SYSLOG_FORTINET: return "fortinet";
    case SYSLOG_SONICWALL: return "sonicwall";
    case SYSLOG_PAN_OS: return "pan_os";
    case SYSLOG_CEF: return "cef";
    case SYSLOG_LEEF: return "leef";
    case SYSLOG_JSON: return "json";
    }
    return "unknown";
}
