/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_VERIFY_VERIFY_FLAGS_H_INCLUDED
#define CLI_VERIFY_VERIFY_FLAGS_H_INCLUDED

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "verify/verify.h"

/* The options of verification, the same for each command that sends. */

/* What getopt_long() returns for them: nobody else's codes. */
enum verify_flag {
    VERIFY_FLAG_URL = 0x5600,
    VERIFY_FLAG_STREAM,
    VERIFY_FLAG_SUBJECT,
    VERIFY_FLAG_CREDS,
    VERIFY_FLAG_CA,
    VERIFY_FLAG_CERT,
    VERIFY_FLAG_KEY,
    VERIFY_FLAG_WINDOW,
    VERIFY_FLAG_WAIT,
    VERIFY_FLAG_END, /* behind the last */
};

/* Entries for a table of options. */
#define VERIFY_FLAG_OPTIONS                                                                        \
    { "verify", required_argument, NULL, VERIFY_FLAG_URL },                                        \
        { "stream", required_argument, NULL, VERIFY_FLAG_STREAM },                                 \
        { "subject", required_argument, NULL, VERIFY_FLAG_SUBJECT },                               \
        { "creds", required_argument, NULL, VERIFY_FLAG_CREDS },                                   \
        { "verify-ca", required_argument, NULL, VERIFY_FLAG_CA },                                  \
        { "verify-cert", required_argument, NULL, VERIFY_FLAG_CERT },                              \
        { "verify-key", required_argument, NULL, VERIFY_FLAG_KEY },                                \
        { "verify-window", required_argument, NULL, VERIFY_FLAG_WINDOW },                          \
    {                                                                                              \
        "verify-wait", required_argument, NULL, VERIFY_FLAG_WAIT                                   \
    }

/* A paragraph for --help, with its heading. */
#define VERIFY_FLAG_HELP                                                                           \
    "Verification: reads a stream meanwhile, and compares what was sent with what is stored.\n"    \
    "      --verify URL       the NATS server, nats:// or tls://HOST:PORT\n"                       \
    "      --stream NAME      the stream that the collector publishes to; it may hold other\n"     \
    "                         records, and what it holds before is not read\n"                     \
    "      --subject S        only messages of this subject; it may have wildcards\n"              \
    "      --creds FILE       credentials of a user who may read the stream; a collector's may\n"  \
    "                         not\n"                                                               \
    "      --verify-ca FILE   who signs the NATS server's certificate; by default that of --ca,\n" \
    "                         else whom this host trusts\n"                                        \
    "      --verify-cert FILE our certificate for the NATS server, where it asks for one\n"        \
    "      --verify-key FILE  its private key\n"                                                   \
    "      --verify-window N  disorder that is fine: messages that the collector may have in\n"    \
    "                         flight (default 4096)\n"                                             \
    "      --verify-wait S    so many seconds after the last record nothing more is waited for\n"  \
    "                         (default 10)\n"

/* Values are borrowed from argv. */
struct verify_flags {
    const char *url; /* NULL: nothing is verified */
    const char *stream;
    const char *subject;
    const char *creds_file;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    uint64_t window;
    uint64_t wait_s;
    bool given; /* one of them */
};

/* Nothing is verified, and numbers have their defaults. */
struct verify_flags verify_flags_none(void);

/* Whether getopt_long() returned one of these. */
bool verify_flags_is(int code);

/* Takes one; says what is wrong on standard error, as `command`, and returns false then. */
bool verify_flags_take(
    struct verify_flags *flags, const char *command, int code, const char *value);

/*
 * Whether they fit together; says what is wrong on standard error, as `command`, and returns false
 * then. `count` is how many messages are to be sent at most, 0: it is not known.
 */
bool verify_flags_check(const struct verify_flags *flags, const char *command, uint64_t count);

/* For verify_open(), but for `read` and `arg`. `ca_file` is that of --ca, or NULL. */
struct verify_options verify_flags_options(const struct verify_flags *flags, const char *ca_file);

#endif
