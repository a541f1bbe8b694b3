/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/creds.h"

#include <string.h>

#include "sr/banned.h"

static bool
is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next line of `rest` without the white space around it; `rest` moves behind it. */
static struct sr_span
next_line(struct sr_span *rest)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len;
    struct sr_span line = { rest->data, len };

    rest->data += len;
    rest->len -= len;
    if (end != NULL) {
        rest->data++;
        rest->len--;
    }
    while (line.len > 0 && is_space(line.data[0])) {
        line.data++;
        line.len--;
    }
    while (line.len > 0 && is_space(line.data[line.len - 1])) {
        line.len--;
    }
    return line;
}

static bool
is_dashes(struct sr_span line)
{
    return line.len >= 6 && memcmp(line.data, "---", 3) == 0 &&
           memcmp(line.data + line.len - 3, "---", 3) == 0;
}

/* The next enclosed line of `rest`, or an empty span when there is none. */
static struct sr_span
next_item(struct sr_span *rest)
{
    struct sr_span item = { NULL, 0 };
    bool open = false;

    while (rest->len > 0) {
        struct sr_span line = next_line(rest);
        if (line.len == 0) {
            continue;
        }
        if (is_dashes(line)) {
            if (item.len > 0) {
                return item;
            }
            open = true;
        } else if (open && item.len == 0) {
            item = line;
        } else {
            /* Two lines are no item: what began here was something else. */
            open = false;
            item.len = 0;
        }
    }
    return (struct sr_span){ NULL, 0 };
}

enum sr_creds_err
sr_creds_parse(struct sr_span file, struct sr_creds_text *ret_text)
{
    struct sr_creds_text text;

    text.jwt = next_item(&file);
    if (text.jwt.len == 0) {
        return SR_CREDS_ENOJWT;
    }
    text.seed = next_item(&file);
    if (text.seed.len == 0) {
        return SR_CREDS_ENOSEED;
    }
    *ret_text = text;
    return SR_CREDS_OK;
}

void
sr_creds_format(struct sr_buf *out, struct sr_span jwt, struct sr_span seed)
{
    sr_buf_add_text(out, "-----BEGIN NATS USER JWT-----\n");
    sr_buf_add(out, jwt.data, jwt.len);
    sr_buf_add_text(out, "\n------END NATS USER JWT------\n\n"
                         "************************* IMPORTANT *************************\n"
                         "The seed below is the private key of this user: keep it secret.\n\n"
                         "-----BEGIN USER NKEY SEED-----\n");
    sr_buf_add(out, seed.data, seed.len);
    sr_buf_add_text(out, "\n------END USER NKEY SEED------\n\n"
                         "*************************************************************\n");
}

const char *
sr_creds_strerror(enum sr_creds_err err)
{
    switch (err) {
    case SR_CREDS_OK: return "The credentials are good.";
    case SR_CREDS_EMISSING:
        return "The credentials file does not exist: enrol this host, or correct nats.creds_file.";
    case SR_CREDS_EACCESS:
        return "The credentials file may not be read by this user: give its group read access.";
    case SR_CREDS_EREAD:
        return "The credentials file cannot be read: see that it is a regular file on a good disk.";
    case SR_CREDS_ETOOBIG:
        return "The credentials file is over 64 KiB: see that nats.creds_file names the right one.";
    case SR_CREDS_ENOJWT:
        return "The credentials file has no token: it was cut or is another file; enrol again.";
    case SR_CREDS_ENOSEED:
        return "The credentials file has no seed after its token: it was cut; enrol again.";
    case SR_CREDS_EJWT:
        return "The token in the credentials file was damaged: copy the file again, or enrol "
               "again.";
    case SR_CREDS_ETYPE:
        return "The token in the credentials file is not a user's: put the user's .creds there.";
    case SR_CREDS_ESEED:
        return "The seed in the credentials file was damaged: copy the file again, or enrol again.";
    case SR_CREDS_EMISMATCH:
        return "Token and seed in the credentials file are of two users: put one user's file "
               "there.";
    case SR_CREDS_EINBOX:
        return "The user may not subscribe to any _INBOX subject, so no acknowledgement can reach "
               "it: issue it again with sub.allow _INBOX.<name>.>.";
    case SR_CREDS_EEXPIRED:
        return "The credentials have expired: enrol again, or renew them; check this host's clock.";
    case SR_CREDS_ENOTYET:
        return "The credentials are not valid yet: this host's clock is probably behind; set it.";
    case SR_CREDS_ENOMEM: return "Out of memory while reading the credentials: free some.";
    }
    return "Unknown credentials error.";
}
