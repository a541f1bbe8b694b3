/* SPDX-License-Identifier: Apache-2.0 */
#include "tail/tail.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "commands.h"
#include "enroll/record.h"
#include "terminal.h"

#include "sr/banned.h"

#define FOLDER "/run/serviceradar"
#define LAST_DEFAULT 10U
#define NUMBER_MAX 1000000000000ULL

static const char help[] =
    "usage: serviceradar-cli tail [COLLECTOR] [OPTION]...\n"
    "       serviceradar-cli tail --server tls://HOST:PORT --creds FILE --stream NAME [OPTION]...\n"
    "\n"
    "Shows records as a collector on this host queues them (trapd, netflow or syslog, an\n"
    "instance as netflow@NAME; without a name, the only one that runs here), or what a stream\n"
    "holds. Flows are shown as JSON. It takes nothing away: records go where they go. Records "
    "that\n"
    "come faster than they are read are left out and counted; the collector never waits.\n"
    "\n"
    "      --count N      end behind N records\n"
    "      --filter TEXT  only records with TEXT in their JSON\n"
    "      --json         a JSON object for each: {\"subject\", \"listener\" or \"sequence\", "
    "\"record\"}\n"
    "      --raw          the bytes as they are published: a line each, or flows with their "
    "length\n"
    "                     as a varint before each\n"
    "      --socket PATH  the collector's socket (tail.listen); by default\n"
    "                     " FOLDER "/COLLECTOR.sock\n"
    "\n"
    "From a stream:\n"
    "      --server URL   the NATS server, tls://HOST:PORT\n"
    "      --creds FILE   credentials of a user who may read the stream; a collector's may not\n"
    "      --ca FILE      who signs the server's certificate; by default, whom this host trusts\n"
    "      --cert FILE    our certificate, where the server asks for one\n"
    "      --key FILE     its private key\n"
    "      --stream NAME  the stream\n"
    "      --subject S    only messages of this subject; it may have wildcards\n"
    "      --last N       begin N messages before the end of the stream, those of other subjects\n"
    "                     counted (default 10)\n"
    "      --follow       go on at the end\n"
    "      --help         print this\n"
    "\n"
    "Exit codes: 0 done or interrupted, 1 failed, 2 wrong usage.\n";

enum option_code { COUNT = 256, FILTER, JSON, RAW, SOCKET, SERVER, CREDS, CA, CERT, KEY, STREAM };
enum more_codes { SUBJECT = STREAM + 1, LAST, FOLLOW, HELP };

static const struct option tail_options[] = {
    { "count", required_argument, NULL, COUNT },
    { "filter", required_argument, NULL, FILTER },
    { "json", no_argument, NULL, JSON },
    { "raw", no_argument, NULL, RAW },
    { "socket", required_argument, NULL, SOCKET },
    { "server", required_argument, NULL, SERVER },
    { "creds", required_argument, NULL, CREDS },
    { "ca", required_argument, NULL, CA },
    { "cert", required_argument, NULL, CERT },
    { "key", required_argument, NULL, KEY },
    { "stream", required_argument, NULL, STREAM },
    { "subject", required_argument, NULL, SUBJECT },
    { "last", required_argument, NULL, LAST },
    { "follow", no_argument, NULL, FOLLOW },
    { "help", no_argument, NULL, HELP },
    { NULL, 0, NULL, 0 },
};

struct options {
    const char *collector;      /* NULL: the only one that runs here */
    char name[RECORD_NAME_MAX]; /* what `collector` is in */
    const char *socket;
    struct tail_stream stream;
    struct tail_view view;
    bool of_stream; /* an option that only a stream has was given */
    bool help;
};

static volatile sig_atomic_t stop;

static void
on_signal(int signo)
{
    (void)signo;
    stop = 1;
}

static bool
read_number(const char *name, const char *text, uint64_t *ret_number)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || number > NUMBER_MAX) {
        complain("tail: --%s wants a number, not \"%s\"", name, text);
        return false;
    }
    *ret_number = number;
    return true;
}

static bool
take_stream_option(struct options *o, int code, const char *value)
{
    struct tail_stream *s = &o->stream;

    o->of_stream = true;
    switch (code) {
    case SERVER: s->url = value; return true;
    case CREDS: s->creds_file = value; return true;
    case CA: s->ca_file = value; return true;
    case CERT: s->cert_file = value; return true;
    case KEY: s->key_file = value; return true;
    case STREAM: s->stream = value; return true;
    case SUBJECT: s->subject = value; return true;
    case LAST: return read_number("last", value, &s->last);
    case FOLLOW: s->follow = true; return true;
    default: return false; /* getopt_long() has said why */
    }
}

static bool
take_option(struct options *o, int code, const char *value)
{
    struct tail_view *v = &o->view;

    switch (code) {
    case COUNT: return read_number("count", value, &v->count);
    case FILTER: v->filter = value; return true;
    case JSON:
    case RAW:
        if (v->form != TAIL_PEOPLE) {
            complain("tail: --json and --raw exclude each other");
            return false;
        }
        v->form = code == JSON ? TAIL_JSON : TAIL_RAW;
        return true;
    case SOCKET: o->socket = value; return true;
    case HELP: o->help = true; return true;
    default: return take_stream_option(o, code, value);
    }
}

/* What goes together. */
static bool
agree(const struct options *o)
{
    const struct tail_stream *s = &o->stream;

    if (!o->of_stream) {
        if (o->collector != NULL && o->socket != NULL) {
            complain("tail: name a collector or its --socket, not both");
            return false;
        }
        return true;
    }
    if (o->collector != NULL || o->socket != NULL) {
        complain("tail: a collector and its --socket do not go with options of a stream");
        return false;
    }
    if (s->url == NULL || s->creds_file == NULL || s->stream == NULL) {
        complain("tail: to read a stream, give --server, --creds and --stream");
        return false;
    }
    if (strncmp(s->url, "tls://", 6) != 0) {
        complain("tail: --server wants tls://HOST:PORT, not \"%s\"", s->url);
        return false;
    }
    if ((s->cert_file == NULL) != (s->key_file == NULL)) {
        complain("tail: --cert and --key go together");
        return false;
    }
    return true;
}

static bool
parse(int argc, char **argv, struct options *o)
{
    static const char *const collectors[] = { "netflow", "syslog", "trapd", NULL };
    int code;

    optind = 0;
    command_words(collectors);
    while ((code = command_option(argc, argv, "", tail_options)) != -1) {
        if (!take_option(o, code, optarg)) {
            return false;
        }
    }
    if (o->help) {
        return true;
    }
    if (argc - optind > 1) {
        complain("tail: one collector at a time, not \"%s\" too", argv[optind + 1]);
        return false;
    }
    if (argv[optind] != NULL) {
        if (record_name_read(argv[optind], o->name) == BUNDLE_UNTOLD) {
            complain(
                "tail: \"%s\" is no collector: name trapd, netflow or syslog, or an instance as "
                "netflow@NAME; give a path with --socket",
                argv[optind]);
            return false;
        }
        o->collector = o->name;
    }
    return agree(o);
}

/*
 * SIGINT and SIGTERM end it in good order, also where it waits for whoever reads it; the second one
 * ends it at once.
 */
static void
catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* whoever reads us may stop when he has enough */
}

static bool
run(struct options *o, struct trouble *trouble)
{
    char path[108];

    catch_signals();
    if (o->of_stream) {
        return tail_stream(&o->stream, &o->view, trouble);
    }
    if (o->socket == NULL) {
        if (!tail_find(FOLDER, o->collector, path, trouble)) {
            return false;
        }
        o->socket = path;
    }
    return tail_local(o->socket, &o->view, trouble);
}

int
tail_command(int argc, char **argv)
{
    struct options o = { .stream = { .last = LAST_DEFAULT }, .view = { .fd = STDOUT_FILENO } };
    struct trouble trouble;

    o.view.stop = &stop;
    if (!parse(argc, argv, &o)) {
        (void)fputs("try: serviceradar-cli tail --help\n", stderr);
        return EXIT_USAGE;
    }
    if (o.help) {
        (void)fputs(help, stdout);
        return EXIT_SUCCESS;
    }
    if (!tail_view_open(&o.view)) {
        (void)trouble_say(&trouble, 0, "free memory and run it again", "out of memory");
        return terminal_fail(&trouble, o.view.form == TAIL_JSON, EXIT_RUNTIME);
    }
    bool fine = run(&o, &trouble);
    tail_view_close(&o.view);
    return fine ? EXIT_SUCCESS : terminal_fail(&trouble, o.view.form == TAIL_JSON, EXIT_RUNTIME);
}
