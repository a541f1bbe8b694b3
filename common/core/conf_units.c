/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/conf_value.h"

#include <stdio.h>
#include <string.h>

#include "sr/banned.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first, so that formatting finds the shortest exact text; equals parse alike. */
static const struct unit size_units[] = {
    { "TiB", UINT64_C(1) << 40 },
    { "TB", UINT64_C(1000000000000) },
    { "GiB", UINT64_C(1) << 30 },
    { "GB", UINT64_C(1000000000) },
    { "MiB", UINT64_C(1) << 20 },
    { "MB", UINT64_C(1000000) },
    { "KiB", UINT64_C(1) << 10 },
    { "KB", UINT64_C(1000) },
    { "B", 1 },
    { "", 1 },
    { NULL, 0 },
};

static const struct unit duration_units[] = {
    { "d", UINT64_C(86400000000000) },
    { "h", UINT64_C(3600000000000) },
    { "m", UINT64_C(60000000000) },
    { "s", UINT64_C(1000000000) },
    { "ms", UINT64_C(1000000) },
    { "us", UINT64_C(1000) },
    { "ns", 1 },
    { NULL, 0 },
};

/* Reads leading digits; *ret_rest is what follows them. */
static enum sr_conf_err
parse_digits(const char *text, uint64_t *ret_value, const char **ret_rest)
{
    uint64_t value = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return SR_CONF_ERANGE;
        }
        value = value * 10 + digit;
    }
    if (at == text) {
        return SR_CONF_ENUMBER;
    }
    *ret_value = value;
    *ret_rest = at;
    return SR_CONF_OK;
}

static enum sr_conf_err
parse_unit(const struct unit *units, const char *text, uint64_t *ret_value)
{
    uint64_t number;
    const char *rest;
    enum sr_conf_err err = parse_digits(text, &number, &rest);

    if (err != SR_CONF_OK) {
        return err;
    }
    for (const struct unit *u = units; u->name != NULL; u++) {
        if (strcmp(rest, u->name) == 0) {
            if (number > UINT64_MAX / u->factor) {
                return SR_CONF_ERANGE;
            }
            *ret_value = number * u->factor;
            return SR_CONF_OK;
        }
    }
    return SR_CONF_EUNIT;
}

enum sr_conf_err
sr_conf_parse_bool(const char *text, bool *ret_value)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret_value = i % 2 == 1;
            return SR_CONF_OK;
        }
    }
    return SR_CONF_EBOOL;
}

enum sr_conf_err
sr_conf_parse_uint(const char *text, uint64_t *ret_value)
{
    uint64_t value;
    const char *rest;
    enum sr_conf_err err = parse_digits(text, &value, &rest);

    if (err != SR_CONF_OK) {
        return err;
    }
    if (*rest != '\0') {
        return SR_CONF_ENUMBER;
    }
    *ret_value = value;
    return SR_CONF_OK;
}

enum sr_conf_err
sr_conf_parse_size(const char *text, uint64_t *ret_bytes)
{
    return parse_unit(size_units, text, ret_bytes);
}

enum sr_conf_err
sr_conf_parse_duration(const char *text, uint64_t *ret_ns)
{
    uint64_t number;

    /* 0 is the same in every unit; for anything else a guess would be wrong by a factor. */
    if (sr_conf_parse_uint(text, &number) == SR_CONF_OK) {
        if (number != 0) {
            return SR_CONF_ENOUNIT;
        }
        *ret_ns = 0;
        return SR_CONF_OK;
    }
    return parse_unit(duration_units, text, ret_ns);
}

static const char *
format_unit(const struct unit *units, uint64_t value, char text[SR_CONF_UNIT_TEXT_MAX])
{
    const struct unit *u = units;

    while (value % u->factor != 0) {
        u++; /* ends at a factor of 1 */
    }
    (void)snprintf(
        text, SR_CONF_UNIT_TEXT_MAX, "%llu%s", (unsigned long long)(value / u->factor), u->name);
    return text;
}

const char *
sr_conf_format_uint(uint64_t value, char text[SR_CONF_UNIT_TEXT_MAX])
{
    (void)snprintf(text, SR_CONF_UNIT_TEXT_MAX, "%llu", (unsigned long long)value);
    return text;
}

const char *
sr_conf_format_size(uint64_t bytes, char text[SR_CONF_UNIT_TEXT_MAX])
{
    return bytes == 0 ? sr_conf_format_uint(0, text) : format_unit(size_units, bytes, text);
}

const char *
sr_conf_format_duration(uint64_t ns, char text[SR_CONF_UNIT_TEXT_MAX])
{
    return ns == 0 ? sr_conf_format_uint(0, text) : format_unit(duration_units, ns, text);
}

const char *
sr_conf_format(enum sr_conf_type type, uint64_t value, char text[SR_CONF_UNIT_TEXT_MAX])
{
    if (type == SR_CONF_SIZE) {
        return sr_conf_format_size(value, text);
    }
    if (type == SR_CONF_DURATION) {
        return sr_conf_format_duration(value, text);
    }
    return sr_conf_format_uint(value, text);
}
