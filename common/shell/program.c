/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of the collectors (docs/architecture.md, "Command line"). */
#include "sr/runtime.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <openssl/crypto.h>

#include "shell/heap.h"
#include "shell/runtime.h"
#include "shell/snapshot.h"
#include "sr/clock.h"
#include "sr/creds.h"
#include "sr/decode_cmd.h"
#include "sr/log.h"
#include "sr/suite.h"

#include "sr/banned.h"

enum { EXIT_OK = 0, EXIT_RUN = 1, EXIT_USAGE = 2 };
enum {
    OPT_SET = 256,
    OPT_OUTPUT,
    OPT_CHECK,
    OPT_PRINT,
    OPT_VERSION,
    OPT_DESCRIBE,
    OPT_EXAMPLE,
    OPT_FORMAT,
    OPT_OPTIONS,
    OPT_EXPLAIN,
    OPT_USERS,
    OPT_INSTANCE,
};

struct invocation {
    const struct sr_program *program;
    const char **files; /* --config: owned array of borrowed texts */
    size_t file_count;
    const char *instance; /* --instance; NULL: as the file is called */
    const char **sets;    /* owned array of borrowed or owned texts */
    size_t set_count;
    char **owned_sets; /* owned array of owned texts: options that are a key's */
    size_t owned_count;
    bool decode, check, print;
    struct sr_form_options form; /* of decode */
    bool explain;
};

static void
print_help(const struct sr_program *program)
{
    (void)printf(
        "%s: %s\n\n"
        "usage: %s [--config FILE]... [--set KEY=VALUE]... [--output OUTPUT]\n"
        "       %s decode [--config FILE]... [--set KEY=VALUE]... FILE.pcap\n\n"
        "  -c, --config FILE     YAML or JSON; without it the defaults apply; of many, the\n"
        "                        first that exists is read\n"
        "      --instance NAME   one of several on this host, with a queue and a port for\n"
        "                        numbers of its own; a FILE called PROGRAM@NAME.yaml says it\n"
        "      --set KEY=VALUE   overrides a key: listeners.0.listen=udp://[::]:5514\n"
        "      --output OUTPUT   the same as --set output=OUTPUT\n"
        "      --check-config    print every problem of the configuration and end\n"
        "      --print-config    print the configuration in effect and end; the files\n"
        "                        that it names need not be there\n"
        "      --describe-config print every key with type, range and default\n"
        "      --example-config  print a configuration file that has every key as a\n"
        "                        comment, with its default, and end\n"
        "      --version         print the version and end\n"
        "      --help            print this and end\n\n"
        "decode prints the records of a capture as JSON lines, one for each input that\n"
        "cannot be decoded, and counters on standard error; - reads standard input.\n"
        "Beside --config and --set it takes:\n\n"
        "      --format json     the form of the records%s\n"
        "%s"
        "      --explain         say in lines of their own why it is decoded like that\n\n"
        "Exit codes: 0 ok, 1 failed at run time, 2 usage or invalid configuration.\n",
        program->name, program->about, program->name, program->name,
        program->has_raw_form ? "; raw: the fields as they were received" : "",
        program->has_raw_form ? "      --options         print records of options too\n"
        : program->has_users  ? "      --users FILE      the same as --set users_file=FILE\n"
                              : "");
}

static void
print_problems(const struct sr_conf_problems *problems)
{
    for (size_t i = 0; i < sr_conf_problems_count(problems); i++) {
        (void)fprintf(stderr, "%s\n", sr_conf_problems_text(problems, i));
    }
}

/* What a user should know of a configuration without problems: with a command that asks for it on
 * standard error, else in the log; `decode` writes other things there. */
static void
tell_notes(const struct invocation *in, const struct sr_conf_problems *problems)
{
    for (size_t i = 0; !in->decode && i < sr_conf_notes_count(problems); i++) {
        const char *text = sr_conf_notes_text(problems, i);

        if (in->check || in->print) {
            (void)fprintf(stderr, "note: %s\n", text);
        } else {
            sr_log(SR_LOG_NOTICE, "%s", text);
        }
    }
}

static struct sr_conf_source
source_of(const struct invocation *in)
{
    struct sr_conf_source source = {
        .choices = in->files,
        .choice_count = in->file_count,
        .sets = in->sets,
        .set_count = in->set_count,
        .use_environment = true,
        .files_later = in->print,
    };

    if (in->instance != NULL) {
        (void)snprintf(source.instance, sizeof(source.instance), "%s", in->instance);
    }
    for (size_t i = 0; i < in->file_count && source.instance[0] == '\0'; i++) {
        (void)sr_conf_instance_of(in->program->name, in->files[i], source.instance);
    }
    return source;
}

/* Two files may both be meant: which one counts must not be found out by surprise. */
static void
tell_unread(const struct invocation *in, const struct sr_conf_source *source, const char *unread)
{
    if (unread[0] == '\0' || in->decode) {
        return;
    }
    if (in->check || in->print) {
        (void)fprintf(stderr,
            "warning: %s is read, and these are not: %s; remove what is not meant\n", source->file,
            unread);
    } else {
        sr_conf_log_unread(source, unread);
    }
}

/* An instance must not have the queue and ports of another, or of none, because of its name. */
static void
check_names(const struct invocation *in, struct sr_conf_problems *problems)
{
    char instance[SR_SUITE_INSTANCE_MAX];

    for (size_t i = 0; i < in->file_count && in->instance == NULL; i++) {
        if (!sr_conf_instance_of(in->program->name, in->files[i], instance)) {
            sr_conf_problem(problems, in->files[i],
                "no instance can be called so: write 1 to 32 letters, digits, `_` and `-` behind "
                "the `@`, not `-` first");
        }
    }
}

/* Loads the configuration, or prints what is wrong with it. Owned. */
static void *
load(const struct invocation *in)
{
    struct sr_conf_problems *problems = sr_conf_problems_new();
    struct sr_conf_source source = source_of(in);
    char unread[1024];
    void *config = NULL;

    if (problems != NULL) {
        check_names(in, problems);
        if (sr_conf_problems_count(problems) == 0 &&
            sr_conf_choose(&source, in->program->name, unread, sizeof(unread), problems)) {
            tell_unread(in, &source, unread);
            config = sr_conf_load(in->program->schema, &source, problems);
        }
        print_problems(problems);
        tell_notes(in, problems);
    }
    sr_conf_problems_free(problems);
    return config;
}

/* What only a check looks at: things that may mend themselves while a daemon runs. */
static int
check_more(const struct invocation *in, const struct sr_conf_common *c)
{
    char error[512];
    struct sr_creds_info info;
    int rc = EXIT_OK;
    struct sr_form_options form = sr_snapshot_form(c);
    void *snapshot = in->program->open(c, &form, error, sizeof(error));

    if (snapshot == NULL) {
        (void)fprintf(stderr, "%s\n", error);
        rc = EXIT_USAGE;
    } else {
        in->program->close(snapshot);
    }
    sr_conf_tell_tls_modes(c, in->program->listener_size, stderr);
    if (c->output == SR_OUTPUT_NATS && c->nats.creds_file != NULL) {
        enum sr_creds_err err =
            sr_creds_check(c->nats.creds_file, sr_clock_wall_ns() / SR_NS_PER_SECOND, &info);
        if (err != SR_CREDS_OK) {
            (void)fprintf(
                stderr, "nats.creds_file: %s: %s\n", c->nats.creds_file, sr_creds_strerror(err));
            rc = EXIT_USAGE;
        }
    }
    return rc;
}

static int
add_text(const char ***texts, size_t *count, const char *text)
{
    const char **more = realloc(*texts, (*count + 1) * sizeof(*more));

    if (more == NULL) {
        return EXIT_RUN;
    }
    more[(*count)++] = text;
    *texts = more;
    return EXIT_OK;
}

static int
add_set(struct invocation *in, const char *set)
{
    return add_text(&in->sets, &in->set_count, set);
}

/* Sets a key that has an option of its own. */
static int
add_key(struct invocation *in, const char *key, const char *value)
{
    char **owned = realloc(in->owned_sets, (in->owned_count + 1) * sizeof(*owned));
    char *set;

    if (owned == NULL) {
        return EXIT_RUN;
    }
    in->owned_sets = owned;
    if (asprintf(&set, "%s=%s", key, value) < 0) {
        return EXIT_RUN;
    }
    in->owned_sets[in->owned_count++] = set;
    return add_set(in, set);
}

static const struct option common_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "set", required_argument, NULL, OPT_SET },
    { "output", required_argument, NULL, OPT_OUTPUT },
    { "instance", required_argument, NULL, OPT_INSTANCE },
    { "check-config", no_argument, NULL, OPT_CHECK },
    { "print-config", no_argument, NULL, OPT_PRINT },
    { "describe-config", no_argument, NULL, OPT_DESCRIBE },
    { "example-config", no_argument, NULL, OPT_EXAMPLE },
    { "version", no_argument, NULL, OPT_VERSION },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

#define DECODE_OPTIONS                                                                             \
    { "config", required_argument, NULL, 'c' }, { "set", required_argument, NULL, OPT_SET },       \
        { "format", required_argument, NULL, OPT_FORMAT },                                         \
        { "explain", no_argument, NULL, OPT_EXPLAIN },                                             \
    {                                                                                              \
        "help", no_argument, NULL, 'h'                                                             \
    }

static const struct option decode_options[] = {
    DECODE_OPTIONS,
    { NULL, 0, NULL, 0 },
};

static const struct option decode_options_with_raw[] = {
    DECODE_OPTIONS,
    { "options", no_argument, NULL, OPT_OPTIONS },
    { NULL, 0, NULL, 0 },
};

static const struct option decode_options_with_users[] = {
    DECODE_OPTIONS,
    { "users", required_argument, NULL, OPT_USERS },
    { NULL, 0, NULL, 0 },
};

static const struct option *
decode_options_of(const struct sr_program *program)
{
    return program->has_raw_form ? decode_options_with_raw
           : program->has_users  ? decode_options_with_users
                                 : decode_options;
}

static int
set_format(struct invocation *in, const char *format)
{
    bool raw = in->program->has_raw_form;

    if (strcmp(format, "json") == 0) {
        in->form.form = SR_FORM_JSON;
    } else if (raw && strcmp(format, "raw") == 0) {
        in->form.form = SR_FORM_RAW;
    } else {
        (void)fprintf(stderr, "%s: --format %s: only %s known\n", in->program->name, format,
            raw ? "json and raw are" : "json is");
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

/* Without a file, the environment and --set: the defaults of the program itself. */
static int
print_example(const struct sr_program *program)
{
    struct sr_conf_problems *problems = sr_conf_problems_new();
    const struct sr_conf_source nothing = { .file = NULL };
    void *defaults = problems != NULL ? sr_conf_load(program->schema, &nothing, problems) : NULL;
    int rc = defaults != NULL ? EXIT_OK : EXIT_RUN;

    if (defaults != NULL) {
        (void)printf("# Configuration of %s %s: every key with its default.\n"
                     "# Take a # away where a value shall be another one; see %s.yaml(5).\n\n",
            program->name, SR_VERSION, program->name);
        sr_conf_example(program->schema, defaults, stdout);
    }
    sr_conf_free(defaults);
    sr_conf_problems_free(problems);
    return rc;
}

static int
set_instance(struct invocation *in, const char *name)
{
    if (!sr_suite_instance_is_fine(name)) {
        (void)fprintf(stderr,
            "%s: --instance %s: write 1 to 32 letters, digits, `_` and `-`, not `-` first\n",
            in->program->name, name);
        return EXIT_USAGE;
    }
    in->instance = name;
    return EXIT_OK;
}

/* Reads the options; -1 goes on, anything else is the exit code. */
static int
read_options(struct invocation *in, const struct option *options, int argc, char **argv)
{
    int opt;

    while ((opt = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        int rc = EXIT_OK;
        switch (opt) {
        case 'c': rc = add_text(&in->files, &in->file_count, optarg); break;
        case OPT_SET: rc = add_set(in, optarg); break;
        case OPT_INSTANCE: rc = set_instance(in, optarg); break;
        case OPT_OUTPUT: rc = add_key(in, "output", optarg); break;
        case OPT_USERS: rc = add_key(in, "users_file", optarg); break;
        case OPT_CHECK: in->check = true; break;
        case OPT_PRINT: in->print = true; break;
        case OPT_FORMAT: rc = set_format(in, optarg); break;
        case OPT_OPTIONS: in->form.options_too = true; break;
        case OPT_EXPLAIN: in->explain = true; break;
        case OPT_VERSION: (void)printf("%s %s\n", in->program->name, SR_VERSION); return EXIT_OK;
        case OPT_DESCRIBE: sr_conf_describe(in->program->schema, stdout); return EXIT_OK;
        case OPT_EXAMPLE: return print_example(in->program);
        case 'h': print_help(in->program); return EXIT_OK;
        default: (void)fprintf(stderr, "try %s --help\n", in->program->name); return EXIT_USAGE;
        }
        if (rc != EXIT_OK) {
            return rc;
        }
    }
    return -1;
}

/* ---- decode ---- */

struct decoding {
    const struct sr_program *program;
    void *state; /* NULL: the program has none */
    void *snapshot;
    void *scratch;
};

static enum sr_verdict
decode_datagram(void *arg, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes,
    const struct sr_emit *emit)
{
    struct decoding *d = arg;

    return d->program->datagram(d->state, d->snapshot, 0, d->scratch, now_ns, peer, bytes, emit);
}

static void
decode_what_waits(void *arg, uint64_t now_ns, const struct sr_emit *emit)
{
    struct decoding *d = arg;

    d->program->tick(d->state, d->snapshot, 0, d->scratch, now_ns, true, emit);
}

/* Makes what decoding needs; false with `error` filled. */
static bool
prepare(struct decoding *d, const struct invocation *in, const void *config, char *error,
    size_t error_size)
{
    d->scratch = d->program->scratch_new();
    if (d->scratch == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return false;
    }
    d->snapshot = d->program->open(config, &in->form, error, error_size);
    if (d->snapshot == NULL || d->program->state_new == NULL) {
        return d->snapshot != NULL;
    }
    d->state = d->program->state_new(config, false, error, error_size);
    return d->state != NULL;
}

static void
finish(struct decoding *d)
{
    if (d->snapshot != NULL) {
        d->program->close(d->snapshot);
    }
    d->program->scratch_free(d->scratch);
    if (d->state != NULL) {
        d->program->state_free(d->state);
    }
}

static int
run_decode(struct invocation *in, int argc, char **argv)
{
    char error[512];

    in->form.form = SR_FORM_JSON;
    int rc = read_options(in, decode_options_of(in->program), argc, argv);
    if (rc >= 0) {
        return rc;
    }
    if (optind + 1 != argc) {
        (void)fprintf(stderr, "%s decode: name one capture file, or - for standard input\n",
            in->program->name);
        return EXIT_USAGE;
    }
    void *config = load(in);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    struct decoding d = { .program = in->program };
    if (prepare(&d, in, config, error, sizeof(error))) {
        struct sr_decoder decoder = {
            .arg = &d,
            .explain = in->explain,
            .datagram = decode_datagram,
            .finish = in->program->tick != NULL ? decode_what_waits : NULL,
        };
        rc = sr_decode_run(argv[optind], &decoder, stdout, stderr);
    } else {
        (void)fprintf(stderr, "%s\n", error);
        rc = EXIT_USAGE;
    }
    finish(&d);
    sr_conf_free(config);
    return rc;
}

/* ---- the daemon ---- */

/* What holds for the process, before it has a second thread. */
static void
prepare_process(void)
{
    heap_prepare();
    (void)prctl(PR_SET_DUMPABLE, 0); /* keys and credentials never get into a core dump */
    (void)signal(SIGPIPE, SIG_IGN);
}

static int
run_daemon(struct invocation *in, int argc, char **argv)
{
    int rc = read_options(in, common_options, argc, argv);

    if (rc >= 0) {
        return rc;
    }
    if (optind != argc) {
        (void)fprintf(stderr, "%s: `%s` is not a command or option; try %s --help\n",
            in->program->name, argv[optind], in->program->name);
        return EXIT_USAGE;
    }
    void *config = load(in);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    if (in->print) {
        sr_conf_print(in->program->schema, config, stdout);
        rc = EXIT_OK;
    } else if (in->check) {
        rc = check_more(in, config);
    } else {
        struct sr_conf_source source = source_of(in);
        prepare_process();
        rc = sr_runtime_run(in->program, &config, &source);
    }
    sr_conf_free(config);
    return rc;
}

int
sr_program_main(const struct sr_program *program, int argc, char **argv)
{
    struct invocation in = {
        .program = program,
        .decode = argc > 1 && strcmp(argv[1], "decode") == 0,
    };

    /* A connecting thread may hang in TLS when we end: its library must not be torn down then. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    sr_log_open(program->name);
    int rc = in.decode ? run_decode(&in, argc - 1, argv + 1) : run_daemon(&in, argc, argv);
    free(in.files);
    free(in.sets);
    for (size_t i = 0; i < in.owned_count; i++) {
        free(in.owned_sets[i]);
    }
    free(in.owned_sets);
    if (fflush(stdout) != 0 && rc == EXIT_OK) {
        rc = EXIT_RUN;
    }
    return rc;
}
