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

const char *
syslog_dialect_sign(enum syslog_dialect dialect)
{
    switch (dialect) {
    case SYSLOG_PLAIN: return "no date and no tag";
    case SYSLOG_TAGGED: return "no date, a tag with a colon";
    case SYSLOG_BSD: return "a date that starts with a month's name";
    case SYSLOG_BSD_RELAYED: return "a second date and host behind the first";
    case SYSLOG_BSD_ISO: return "a date that does not start with a month's name";
    case SYSLOG_EPOCH: return "seconds since 1970 in place of a date";
    case SYSLOG_IETF: return "a version, a date or - and all fields of RFC 5424";
    case SYSLOG_IETF_LOOSE: return "a version and a date or -, and not what RFC 5424 has then";
    case SYSLOG_CISCO: return "%FACILITY-SEVERITY-MNEMONIC behind the header";
    case SYSLOG_CHECK_POINT: return "a message of time= and |hostname=";
    case SYSLOG_FORTINET: return "a message of date= and time=";
    case SYSLOG_SONICWALL: return "a message of id=firewall and time=";
    case SYSLOG_PAN_OS: return "a message of values with commas, the second a date with slashes";
    case SYSLOG_CEF: return "a message that starts with CEF:";
    case SYSLOG_LEEF: return "a message that starts with LEEF:";
    case SYSLOG_JSON: return "a message that starts with {";
    }
    return "unknown";
}

enum syslog_dialect
syslog_dialect_of(const struct syslog_record *rec)
{
    return rec->is_smart ? rec->reading.dialect : rec->has_app ? SYSLOG_IETF : SYSLOG_BSD;
}
