/* SPDX-License-Identifier: Apache-2.0 */
#include "provision.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "enroll/token.h"
#include "issuer/api.h"
#include "issuer/api_identity.h"
#include "issuer/collector.h"
#include "issuer/http.h"
#include "issuer/pushes.h"
#include "sr/clock.h"
#include "sr/log.h"
#include "sr/notify.h"
#include "terminal.h"

#include "sr/banned.h"

#define LISTEN_DEFAULT "0.0.0.0:8443"
#define RATE_MAX 1000000
#define FIND_NS (60 * SR_NS_PER_SECOND) /* how often what others did not push is looked for */
#define TICK_MS 5000 /* how often old connections and the certificate are looked at */

/*
 * Two threads. That of libmicrohttpd reads requests and answers them with `store`, one at a time.
 * The main one has a store of its own, as a store is one thread's: it waits for signals, pushes
 * accounts, which asks the network, and looks after the certificate.
 */
struct serve {
    struct store_place place;
    const char *cert_file, *key_file; /* NULL for both: our own certificate */
    struct http_options http_options;
    unsigned rate;
    struct store *store;      /* of the thread that answers */
    struct store *main_store; /* of the main thread */
    struct pushes *pushes;
    struct api api;
    struct http *http;
    struct api_identity identity;
    uint64_t find_ns; /* when to look for what others did not push */
    int signals;
};

static const char HELP[] =
    "usage: serviceradar-provision serve [OPTION]...\n"
    "\n"
    "Answers `serviceradar-cli enroll` and `renew` over HTTPS, until SIGTERM. Tokens are made by\n"
    "`serviceradar-provision token create`. Also GET /healthz, and the root of trust as GET "
    "/ca.pem.\n"
    "\n"
    "  --listen ADDRESS:PORT  where to listen (0.0.0.0:8443); [::]:8443 is IPv6 and IPv4\n"
    "  --cert FILE            the certificate, PEM, intermediates behind it; needs --key\n"
    "  --key FILE             its private key, PEM. Without both, a certificate of our own CA for\n"
    "                         the host of the API's URL, renewed when 2/3 of its 90 days are over\n"
    "  --rate N               requests a minute from one address, or IPv6 /64 (600)\n"
    "  --access-log FILE      a line for each request: time, address, method, path without query,\n"
    "                         status, first digits of the host's hash, milliseconds\n"
    "  --dir DIR              the issuer's folder ($SERVICERADAR_PROVISION_DIR, or\n"
    "                         /var/lib/serviceradar/provision)\n"
    "  --master-key FILE      the key of its secrets (DIR/master.key)\n"
    "\n"
    "SIGHUP reads --cert and --key again and opens the access log anew. SIGTERM finishes the "
    "answers\n"
    "that have begun. Redemptions, confirmations, renewals and refusals are in the audit log.\n"
    "What the server was not told of accounts, by this or other commands, is pushed again within "
    "a\n"
    "minute.\n";

enum parsed { PARSED_RUN, PARSED_HELP, PARSED_WRONG };

static bool
take_rate(const char *text, unsigned *ret_rate)
{
    char *end;

    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || *text < '0' || *text > '9' || value == 0 ||
        value > RATE_MAX) {
        complain("--rate \"%s\": requests a minute are 1 to %d", text, RATE_MAX);
        return false;
    }
    *ret_rate = (unsigned)value;
    return true;
}

/* Takes one option in; false after a complaint. */
static bool
take_option(int option, struct serve *s)
{
    switch (option) {
    case 'l': s->http_options.listen = optarg; return true;
    case 'c': s->cert_file = optarg; return true;
    case 'k': s->key_file = optarg; return true;
    case 'a': s->http_options.access_log = optarg; return true;
    case 'd': s->place.dir = optarg; return true;
    case 'm': s->place.master_file = optarg; return true;
    case 'r': return take_rate(optarg, &s->rate);
    default: complain("see serviceradar-provision serve --help"); return false;
    }
}

static enum parsed
parse(int argc, char **argv, struct serve *s)
{
    static const struct option known[] = {
        { "listen", required_argument, NULL, 'l' },
        { "cert", required_argument, NULL, 'c' },
        { "key", required_argument, NULL, 'k' },
        { "rate", required_argument, NULL, 'r' },
        { "access-log", required_argument, NULL, 'a' },
        { "dir", required_argument, NULL, 'd' },
        { "master-key", required_argument, NULL, 'm' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = command_option(argc, argv, "", known)) != -1) {
        if (option == 'h') {
            return PARSED_HELP;
        }
        if (!take_option(option, s)) {
            return PARSED_WRONG;
        }
    }
    if (optind < argc) {
        complain("serve takes no \"%s\"; see serviceradar-provision serve --help", argv[optind]);
        return PARSED_WRONG;
    }
    if ((s->cert_file == NULL) != (s->key_file == NULL)) {
        complain("--cert and --key go together; see serviceradar-provision serve --help");
        return PARSED_WRONG;
    }
    return PARSED_RUN;
}

/* ---- Parts ---- */

/* Before there are threads: all of them inherit the mask. */
static bool
catch_signals(struct serve *s, struct trouble *trouble)
{
    sigset_t set;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals >= 0 ||
           trouble_say(trouble, errno, "raise the limit of open files (ulimit -n)",
               "cannot wait for signals: %s", strerror(errno));
}

static void
on_push(void *arg, const char *account)
{
    pushes_add(arg, account);
}

static bool
load_identity(struct serve *s, struct api_identity *ret_identity, struct trouble *trouble)
{
    if (s->cert_file != NULL) {
        return api_identity_read(s->cert_file, s->key_file, ret_identity, trouble);
    }
    return api_identity_own(s->main_store, store_now(), ret_identity, NULL, trouble);
}

/* Loads the certificate and serves with it. When that fails, the one before stays. */
static bool
renew(struct serve *s, struct trouble *trouble)
{
    struct api_identity id;

    if (!load_identity(s, &id, trouble)) {
        return false;
    }
    if (!http_serve(s->http, id.certificate, id.key, trouble)) {
        api_identity_done(&id);
        return false;
    }
    api_identity_done(&s->identity);
    s->identity = id;
    return true;
}

static bool
set_up(struct serve *s, struct trouble *trouble)
{
    if (!catch_signals(s, trouble) || !store_open(&s->place, &s->store, trouble) ||
        !store_open(&s->place, &s->main_store, trouble)) {
        return false;
    }
    s->pushes = pushes_new();
    if (s->pushes == NULL || !api_init(&s->api, s->store, s->rate)) {
        return trouble_say(
            trouble, ENOMEM, "free memory and run it again", "there is no memory left");
    }
    s->http_options.api = &s->api;
    s->api.push = on_push;
    s->api.push_arg = s->pushes;
    return pushes_find(s->pushes, s->main_store, trouble) &&
           http_open(&s->http_options, &s->http, trouble) && renew(s, trouble);
}

static void
tear_down(struct serve *s)
{
    http_close(s->http);
    api_done(&s->api);
    pushes_free(s->pushes);
    api_identity_done(&s->identity);
    store_close(s->main_store);
    store_close(s->store);
    if (s->signals >= 0) {
        (void)close(s->signals);
    }
}

/* ---- Running ---- */

static void
reload(struct serve *s)
{
    struct trouble trouble;

    sr_notify(
        "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(sr_clock_monotonic_ns() / 1000));
    if (!http_reopen_log(s->http, &trouble) || !renew(s, &trouble)) {
        sr_log(SR_LOG_ERROR, "reload failed, what was before stays cause=\"%s\" remedy=\"%s\"",
            trouble.cause, trouble.remedy);
    } else {
        sr_log(SR_LOG_NOTICE, "reloaded");
    }
    sr_notify("READY=1");
}

/*
 * Ends what renewals replaced a day ago, and finds what is to be pushed. The commands of this
 * program push by themselves; the server may have been away then.
 */
static void
find_unpushed(struct serve *s)
{
    static struct sr_log_limit limit;
    struct trouble trouble;
    uint64_t suppressed, now_ns = sr_clock_monotonic_ns();
    int ended;

    if (now_ns < s->find_ns) {
        return;
    }
    s->find_ns = now_ns + FIND_NS;
    if ((!collector_end_due(s->main_store, &ended, &trouble) ||
            !pushes_find(s->pushes, s->main_store, &trouble)) &&
        sr_log_allowed(&limit, &suppressed)) {
        sr_log(SR_LOG_ERROR, "cannot look for accounts to push cause=\"%s\" remedy=\"%s\"",
            trouble.cause, trouble.remedy);
    }
}

/* A certificate of our own is renewed while we run, too: services run for years. */
static void
tick(struct serve *s)
{
    static struct sr_log_limit limit;
    struct trouble trouble;
    uint64_t suppressed;

    http_reap(s->http);
    find_unpushed(s);
    if (s->identity.renew_s == 0 || store_now() < s->identity.renew_s) {
        return;
    }
    if (renew(s, &trouble)) {
        sr_log(SR_LOG_NOTICE, "the certificate of this interface was renewed");
    } else if (sr_log_allowed(&limit, &suppressed)) {
        sr_log(SR_LOG_ERROR, "cannot renew the certificate cause=\"%s\" remedy=\"%s\"",
            trouble.cause, trouble.remedy);
    }
}

/* The next signal that waits; 0: none. */
static int
next_signal(const struct serve *s)
{
    struct signalfd_siginfo info;

    return read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

static void
run(struct serve *s)
{
    struct pollfd ready[2] = { { .fd = s->signals, .events = POLLIN },
        { .fd = pushes_fd(s->pushes), .events = POLLIN } };

    for (;;) {
        int number = next_signal(s);
        if (number == SIGHUP) {
            reload(s);
        } else if (number != 0) {
            sr_log(SR_LOG_NOTICE, "ending signal=%d", number);
            return;
        }
        int wait_ms = pushes_run(s->pushes, s->main_store);
        tick(s);
        wait_ms = wait_ms < 0 || wait_ms > TICK_MS ? TICK_MS : wait_ms;
        (void)poll(ready, sizeof(ready) / sizeof(ready[0]), wait_ms);
    }
}

int
provision_serve(int argc, char **argv)
{
    struct serve s = {
        .http_options = { .listen = LISTEN_DEFAULT },
        .rate = API_ADDRESS_PER_MINUTE,
        .signals = -1,
    };
    struct trouble trouble;
    int code = EXIT_SUCCESS;

    enum parsed parsed = parse(argc, argv, &s);
    if (parsed == PARSED_HELP) {
        (void)fputs(HELP, stdout);
        return EXIT_SUCCESS;
    }
    if (parsed == PARSED_WRONG) {
        return EXIT_USAGE;
    }
    token_wipe_json();
    (void)umask(S_IRWXG | S_IRWXO);
    sr_log_open("serviceradar-provision");
    if (set_up(&s, &trouble)) {
        sr_log(SR_LOG_NOTICE, "serving listen=%s port=%u", s.http_options.listen,
            (unsigned)http_port(s.http));
        sr_notify("READY=1");
        run(&s);
        sr_notify("STOPPING=1");
    } else {
        code = terminal_fail(&trouble, false, EXIT_RUNTIME);
    }
    tear_down(&s);
    return code;
}
