/* SPDX-License-Identifier: Apache-2.0 */
#include "shared.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <getopt.h>
#include <jansson.h>

#include "child.h"
#include "command.h"
#include "files.h"

#include "sr/banned.h"

#define DAEMON_TIMEOUT_MS 5000

static const char *const daemons[] = { "serviceradar-trapd", "serviceradar-syslog",
    "serviceradar-netflow", NULL };

static const struct version_library none = { NULL, NULL };
static const struct version_library *libraries = &none;

void
version_set_libraries(const struct version_library *list)
{
    libraries = list;
}

/* The folder that this program was started from. */
static bool
own_folder(char folder[FILES_PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", folder, FILES_PATH_MAX - 1);

    if (len <= 0) {
        return false;
    }
    folder[len] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return true;
}

/*
 * What the daemon `name` beside this program says of itself: "1.3.0" of "NAME 1.3.0". Static; NULL
 * when it is not there, "" when it does not answer so.
 */
static const char *
daemon_version(const char *folder, const char *name)
{
    static struct child_output output;
    static char path[FILES_PATH_MAX];
    const char *const argv[] = { path, "--version", NULL };
    const struct child child = { .argv = argv, .timeout_ms = DAEMON_TIMEOUT_MS };
    size_t len = strlen(name);

    if (!files_path(path, "%s/%s", folder, name) || access(path, X_OK) != 0) {
        return NULL;
    }
    if (child_run(&child, &output) != 0 || strncmp(output.out, name, len) != 0 ||
        output.out[len] != ' ') {
        return "";
    }
    output.out[strcspn(output.out, "\n")] = '\0';
    return output.out + len + 1;
}

static void
print_text(const struct program *program)
{
    char folder[FILES_PATH_MAX];

    (void)printf("%s %s\n\nlibraries\n", program->name, SR_VERSION);
    for (const struct version_library *l = libraries; l->name != NULL; l++) {
        (void)printf("  %-20s %s\n", l->name, l->version());
    }
    if (!own_folder(folder)) {
        return;
    }
    (void)printf("\ncollectors in %s\n", folder);
    for (size_t i = 0; daemons[i] != NULL; i++) {
        const char *version = daemon_version(folder, daemons[i]);
        (void)printf("  %-20s %s%s\n", daemons[i],
            version == NULL    ? "not installed"
            : *version == '\0' ? "does not say"
                               : version,
            version != NULL && strcmp(version, SR_VERSION) != 0 ? "  (another version)" : "");
    }
}

static json_t *
describe(const struct program *program)
{
    json_t *used = json_object(), *found = json_object();
    char folder[FILES_PATH_MAX];

    for (const struct version_library *l = libraries; l->name != NULL; l++) {
        (void)json_object_set_new(used, l->name, json_string(l->version()));
    }
    for (size_t i = 0; own_folder(folder) && daemons[i] != NULL; i++) {
        const char *version = daemon_version(folder, daemons[i]);
        if (version != NULL) {
            (void)json_object_set_new(found, daemons[i], json_string(version));
        }
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "program", program->name, "version", SR_VERSION,
        "libraries", used, "collectors", found);
}

static int
print_json(const struct program *program)
{
    json_t *object = describe(program);
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

    if (text == NULL) {
        complain("out of memory");
    } else {
        (void)printf("%s\n", text);
    }
    int code = text != NULL ? EXIT_SUCCESS : EXIT_RUNTIME;
    free(text);
    json_decref(object);
    return code;
}

int
version_command(int argc, char **argv)
{
    static const struct option known[] = {
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const struct program *program = command_program();
    bool json = false;
    int option;

    while ((option = command_option(argc, argv, "", known)) != -1) {
        switch (option) {
        case 'j': json = true; break;
        case 'h':
            (void)printf(
                "usage: %s version [--json]\n\n"
                "Prints the versions of this program, of the libraries that it runs with,\n"
                "and of the collectors that are installed beside it.\n\n"
                "  --json   as one JSON object\n"
                "  --help   print this\n",
                program->name);
            return EXIT_SUCCESS;
        default: return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        complain("version takes no \"%s\"; see --help", argv[optind]);
        return EXIT_USAGE;
    }
    if (json) {
        return print_json(program);
    }
    print_text(program);
    return EXIT_SUCCESS;
}
