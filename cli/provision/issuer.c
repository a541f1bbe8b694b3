/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/issuer.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "command.h"
#include "terminal.h"

#include "sr/banned.h"

static int
wrong(const struct issuer_usage *usage)
{
    complain("see serviceradar-provision %s --help", usage->name);
    return EXIT_USAGE;
}

int
issuer_parse(const struct issuer_usage *usage, int argc, char **argv,
    struct issuer_options *ret_options, void *arg)
{
    struct issuer_options o = { { NULL, NULL }, false };
    int option;

    while ((option = command_option(argc, argv, "", usage->options)) != -1) {
        switch (option) {
        case 'H': (void)fputs(usage->help, stdout); return EXIT_SUCCESS;
        case 'D': o.place.dir = optarg; break;
        case 'K': o.place.master_file = optarg; break;
        case 'J': o.json = true; break;
        case '?': return wrong(usage);
        default:
            if (!usage->take(arg, option, optarg)) {
                return wrong(usage);
            }
        }
    }
    if (argc - optind > usage->operands) {
        complain("%s takes no \"%s\"", usage->name, argv[optind + usage->operands]);
        return wrong(usage);
    }
    if (argc - optind < usage->operands) {
        complain("%s needs one word more", usage->name);
        return wrong(usage);
    }
    *ret_options = o;
    return -1;
}

struct store *
issuer_open(const struct issuer_options *options)
{
    struct store *store = NULL;
    struct trouble trouble;

    if (!store_open(&options->place, &store, &trouble)) {
        (void)terminal_fail(&trouble, options->json, EXIT_RUNTIME);
        return NULL;
    }
    return store;
}

int
issuer_end(const struct issuer_options *options, struct store *store, bool ok,
    struct json_t *answer, const struct trouble *trouble)
{
    char *text = NULL;

    if (!ok) {
        json_decref(answer);
        store_close(store);
        return terminal_fail(trouble, options->json, EXIT_RUNTIME);
    }
    if (options->json) {
        text = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;
        (void)printf("%s\n", text != NULL ? text : "{\"ok\":true}");
        free(text);
    }
    json_decref(answer);
    store_close(store);
    return EXIT_SUCCESS;
}
