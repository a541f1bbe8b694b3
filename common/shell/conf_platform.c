/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/conf_platform.h"

#include <string.h>

#include "sr/banned.h"

static bool
is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

void
sr_conf_platform_take_url(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    const char *text = sr_conf_foreign_text(section, value);

    if (text != NULL && strstr(text, "://") == NULL) {
        text = sr_conf_foreign_format(section, "nats://%s", text);
    }
    if (text != NULL) {
        sr_conf_foreign_put(section, "nats.url", value, text);
    }
}

void
sr_conf_platform_take_address(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    const char *text = sr_conf_foreign_text(section, value);

    if (text != NULL) {
        sr_conf_foreign_put(
            section, "listen", value, sr_conf_foreign_format(section, "udp://%s", text));
    }
}

void
sr_conf_platform_take_later(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    (void)section;
    (void)value;
}

/* ---- Files ---- */

/* What stands at the top of the file is no security section. */
static const char *
cert_dir(const struct sr_conf_foreign *section)
{
    const struct sr_conf_node *value = NULL;

    for (; value == NULL && section->up != NULL; section = section->up) {
        value = sr_conf_foreign_find(section, "cert_dir");
    }
    return value != NULL ? sr_conf_foreign_word(value, 0) : NULL;
}

void
sr_conf_platform_put_file(const struct sr_conf_foreign *section,
    const struct sr_conf_foreign *security, const struct sr_conf_node *value, const char *to)
{
    const char *file = sr_conf_foreign_text(section, value);
    const char *dir = cert_dir(security);

    if (!is_given(file)) {
        return;
    }
    if (file[0] != '/' && is_given(dir)) {
        const char *slash = dir[strlen(dir) - 1] == '/' ? "" : "/";
        file = sr_conf_foreign_format(section, "%s%s%s", dir, slash, file);
    }
    sr_conf_foreign_put(section, to, value, file);
}

void
sr_conf_platform_take_cert_file(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    sr_conf_platform_put_file(section, section, value, "nats.tls.cert_file");
}

void
sr_conf_platform_take_key_file(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    sr_conf_platform_put_file(section, section, value, "nats.tls.key_file");
}

void
sr_conf_platform_take_ca_file(
    const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    sr_conf_platform_put_file(section, section, value, "nats.tls.ca_file");
}

void
sr_conf_platform_read_security(const struct sr_conf_foreign *section,
    const struct sr_conf_node *value, const struct sr_conf_foreign_key *keys, bool or_empty)
{
    struct sr_conf_foreign security;

    if (!sr_conf_foreign_below(section, value, &security)) {
        return;
    }
    const struct sr_conf_node *mode = sr_conf_foreign_find(&security, "mode");
    const char *text = mode != NULL ? sr_conf_foreign_text(&security, mode) : NULL;
    if (text != NULL && strcmp(text, "none") == 0) {
        return; /* its files are not looked at */
    }
    if (text != NULL && strcmp(text, "mtls") != 0 && !(or_empty && text[0] == '\0')) {
        sr_conf_foreign_problem(
            &security, mode, "is `%.64s`; write mtls, or none for a connection without", text);
    }
    sr_conf_foreign_read(&security, keys);
}
