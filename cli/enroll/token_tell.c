/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/token.h"

#include <stdio.h>
#include <time.h>

#include "sr/banned.h"

const char *
token_cause(enum token_err err)
{
    switch (err) {
    case TOKEN_OK: return "The token is good.";
    case TOKEN_EEMPTY: return "There is no token, only white space.";
    case TOKEN_ETOOBIG: return "This is too long for an enrolment token.";
    case TOKEN_ECHARACTER: return "The token has a character that no token has.";
    case TOKEN_ETRUNCATED: return "The end of the token is missing.";
    case TOKEN_EFORM: return "This is no enrolment token, or it was damaged in copying.";
    case TOKEN_EAGENT: return "This token is for the agent, not for a collector.";
    case TOKEN_EVERSION: return "This token has a version that this program does not know.";
    case TOKEN_EUNSIGNED: return "The token is not signed, so anybody could have made it.";
    case TOKEN_ENOKEYS: return "The token is signed, but this host trusts no signing key.";
    case TOKEN_EUNKNOWNKEY: return "The token is signed by a key that this host does not trust.";
    case TOKEN_ESIGNATURE:
        return "No key that this host trusts has signed this token: it is another issuer's, or it "
               "was altered.";
    case TOKEN_ETAMPERED: return "The token was altered after it had been signed.";
    case TOKEN_EKEYID: return "The token names another signing key than the one that signed it.";
    case TOKEN_EJSON: return "The content of the token is damaged.";
    case TOKEN_EMISSING: return "The token has no value for a field that it needs.";
    case TOKEN_EFIELD: return "A field of the token has a value that cannot be right.";
    case TOKEN_ESCHEME: return "The URL in the token is not https, so its secret could be read.";
    case TOKEN_EURL:
        return "The URL in the token is not one, or has a user name, a query or a fragment.";
    case TOKEN_ENOURL: return "The token does not say where to enrol.";
    case TOKEN_ECOREURL:
        return "--core-url is not an https URL, or has a user name, a query or a fragment.";
    case TOKEN_EEXPIRED: return "The token has expired.";
    case TOKEN_ENOMEM: return "Out of memory while reading the token.";
    case TOKEN_ECRYPTO: return "The cryptographic library failed.";
    }
    return "Unknown error of a token.";
}

const char *
token_remedy(enum token_err err)
{
    switch (err) {
    case TOKEN_OK: return "Nothing is to be done.";
    case TOKEN_EEMPTY: return "Paste the token that the issuer printed.";
    case TOKEN_ETOOBIG: return "Paste the token alone; it is one line of a few hundred characters.";
    case TOKEN_ECHARACTER:
    case TOKEN_ETRUNCATED:
    case TOKEN_EFORM:
        return "Copy the token again, from its first to its last character, or put it into a file "
               "and use --token-file.";
    case TOKEN_EAGENT: return "Use it with the agent, or have a token made for a collector.";
    case TOKEN_EVERSION: return "Upgrade serviceradar-cli, or have a token of version 2 made.";
    case TOKEN_EUNSIGNED: return "Have a signed token made.";
    case TOKEN_ENOKEYS:
    case TOKEN_EUNKNOWNKEY:
        return "Get the issuer's public key on another way than the token, and put it into trust.d "
               "as NAME.pub or give it with --trust-key.";
    case TOKEN_ESIGNATURE:
        return "Copy the token again; if that does not help, get the issuer's public key on "
               "another way than the token and give it with --trust-key.";
    case TOKEN_ETAMPERED:
        return "Copy the token again from where it was made; if it is the same there, have it "
               "revoked and a new one made.";
    case TOKEN_EJSON:
    case TOKEN_EMISSING:
    case TOKEN_EFIELD: return "Copy the token again; if that does not help, have a new one made.";
    case TOKEN_EKEYID:
    case TOKEN_ESCHEME:
    case TOKEN_EURL: return "Report it to who runs the issuer, and have a new token made.";
    case TOKEN_ENOURL: return "Add --core-url with the address of the issuer.";
    case TOKEN_ECOREURL: return "Correct --core-url: https://HOST, with :PORT and /PATH if needed.";
    case TOKEN_EEXPIRED:
        return "If this host's clock is right, have a new token made; else set the clock.";
    case TOKEN_ENOMEM: return "Free some memory and try again.";
    case TOKEN_ECRYPTO: return "Try again; if it stays, reinstall the libcrypto package.";
    }
    return "Report this as a bug.";
}

static void
add_time(struct sr_buf *out, uint64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm parts;
    char text[64];

    if (gmtime_r(&t, &parts) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
        (void)snprintf(text, sizeof(text), "%llu s", (unsigned long long)seconds);
    }
    sr_buf_add_text(out, text);
}

static void
add_count(struct sr_buf *out, uint64_t count, const char *unit)
{
    sr_buf_add_u64(out, count);
    sr_buf_put(out, ' ');
    sr_buf_add_text(out, unit);
    if (count != 1) {
        sr_buf_put(out, 's');
    }
}

/* The largest unit that it fills, and the next smaller one if that is not zero. */
static void
add_duration(struct sr_buf *out, uint64_t seconds)
{
    static const struct {
        uint64_t seconds;
        const char *name;
    } units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
    static const size_t last = sizeof(units) / sizeof(units[0]) - 1;
    size_t i = 0;

    while (i < last && seconds < units[i].seconds) {
        i++;
    }
    add_count(out, seconds / units[i].seconds, units[i].name);
    if (i < last) {
        uint64_t rest = seconds % units[i].seconds / units[i + 1].seconds;
        if (rest > 0) {
            sr_buf_add_text(out, " and ");
            add_count(out, rest, units[i + 1].name);
        }
    }
}

static void
add_expiry(const struct token_problem *problem, struct sr_buf *out)
{
    sr_buf_add_text(out, "It expired at ");
    add_time(out, problem->expired_s);
    sr_buf_add_text(out, ", ");
    add_duration(out, problem->now_s - problem->expired_s);
    sr_buf_add_text(out, " ago by this host's clock, which says ");
    add_time(out, problem->now_s);
    sr_buf_put(out, '.');
}

void
token_detail(const struct token_problem *problem, struct sr_buf *out)
{
    if (problem->err == TOKEN_EEXPIRED) {
        add_expiry(problem, out);
    } else if (problem->field != NULL) {
        sr_buf_add_text(out, "It is ");
        sr_buf_add_text(out, problem->field);
        sr_buf_put(out, '.');
    } else if (problem->position > 0) {
        sr_buf_add_text(out, "It is character ");
        sr_buf_add_u64(out, problem->position);
        sr_buf_add_text(out, " of the token.");
    } else if (problem->key_id[0] != '\0') {
        sr_buf_add_text(out, "The key that it names is ");
        sr_buf_add_text(out, problem->key_id);
        sr_buf_put(out, '.');
    }
}
