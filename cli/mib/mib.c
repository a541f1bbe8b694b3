/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "decode/mib.h"
#include "decode/mib_format.h"
#include "files.h"
#include "mib/builder.h"
#include "mib/mib_compile.h"

#include "sr/banned.h"

/* Numbers whose labels `show` looks for: enumerations beyond them are shown without the rest. */
#define LABEL_FIRST (-1024)
#define LABEL_LAST 65535

static void
print_usage(FILE *out)
{
    fputs(
        "Usage: serviceradar-cli mib compile DIR... -o FILE\n"
        "       serviceradar-cli mib show FILE OID...\n"
        "       serviceradar-cli mib show --standard OID...\n"
        "Makes a table of names for the trap collector from MIB modules, or looks into one.\n"
        "\n"
        "compile reads every file in the folders, not in folders in them. What does not parse is\n"
        "named with its file and line and skipped; the rest is written. The modules of SNMP\n"
        "itself (SNMPv2-SMI, SNMPv2-TC, ...) need not be there. Of two modules of one name the\n"
        "later folder's counts.\n"
        "\n"
        "  -o, --output FILE  the table, which is replaced whole\n"
        "      --standard     show: ask the names that are part of the program\n"
        "      --help         print this\n"
        "\n"
        "Exit codes: 0 done, 1 nothing written or an identifier without a name, 2 wrong usage.\n",
        out);
}

static void
on_problem(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "mib: %s\n", text);
}

static int
write_table(const char *path, struct mib_builder *b, const struct mib_compile_counts *counts)
{
    uint8_t *bytes;
    size_t len;

    if (!mib_builder_finish(b, &bytes, &len)) {
        fputs("mib: out of memory\n", stderr);
        return EXIT_RUNTIME;
    }
    bool ok = files_write(path, bytes, len, 0644);
    if (ok) {
        printf(
            "%s: %zu names, %zu of them notifications, of %zu modules; %zu bytes; %zu problems\n",
            path, counts->names, counts->notifications, counts->modules, len, counts->problems);
    } else {
        fprintf(stderr, "mib: %s: %s\n", path, strerror(errno));
    }
    free(bytes);
    return ok ? EXIT_SUCCESS : EXIT_RUNTIME;
}

static int
compile(char *const *dirs, int count, const char *output)
{
    struct mib_builder *b = mib_builder_new();
    struct mib_compile_counts counts;
    int code = EXIT_RUNTIME;

    if (b == NULL) {
        fputs("mib: out of memory\n", stderr);
    } else if (mib_compile(dirs, (size_t)count, b, on_problem, NULL, &counts)) {
        code = write_table(output, b, &counts);
    }
    mib_builder_free(b);
    return code;
}

/* Maps a table, for the rest of the process. */
static bool
map_table(const char *path, struct mib_table *ret_table)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *bytes = MAP_FAILED;

    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (fd < 0 || bytes == MAP_FAILED) {
        fprintf(stderr, "mib: %s: %s\n", path,
            fd >= 0 && st.st_size == 0 ? "is empty" : strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    (void)close(fd);
    if (!mib_table_open((struct sr_span){ bytes, (size_t)st.st_size }, ret_table)) {
        fprintf(stderr, "mib: %s: is no table of this version, or not whole\n", path);
        return false;
    }
    return true;
}

static bool
parse_oid(const char *text, uint32_t arcs[MIB_ARCS_MAX], unsigned *ret_count)
{
    unsigned count = 0;

    text += *text == '.';
    for (;;) {
        char *end;
        errno = 0;
        uintmax_t arc = strtoumax(text, &end, 10);
        if (*text < '0' || *text > '9' || errno != 0 || arc > UINT32_MAX || count == MIB_ARCS_MAX) {
            return false;
        }
        arcs[count++] = (uint32_t)arc;
        if (*end == '\0') {
            *ret_count = count;
            return true;
        }
        if (*end != '.') {
            return false;
        }
        text = end + 1;
    }
}

static void
print_span(const char *before, struct sr_span span)
{
    fputs(before, stdout);
    /* A table is only as good as the file; nothing of it may command the terminal. */
    for (size_t i = 0; i < span.len; i++) {
        putchar(span.data[i] >= ' ' && span.data[i] < 0x7f ? span.data[i] : '?');
    }
}

static void
print_node(const struct mib_table *table, const struct mib_node *node)
{
    static const char *const kinds[] = { "node", "object", "notification" };
    static const char *const syntaxes[] = { "", " integer", " unsigned", " counter", " counter64",
        " ticks", " octets", " bits", " address", " oid", " opaque" };
    static const char *const severities[] = { "", " severity=info", " severity=warning",
        " severity=minor", " severity=major", " severity=critical" };

    printf(" %s%s%s", kinds[node->kind], syntaxes[node->syntax], severities[node->severity]);
    if (node->hint.len > 0) {
        print_span(" hint=", node->hint);
    }
    for (int64_t number = LABEL_FIRST; node->labels != 0 && number <= LABEL_LAST; number++) {
        struct sr_span label = mib_label(table, node->labels, number);
        if (label.len > 0) {
            print_span(" ", label);
            printf("=%" PRId64, number);
        }
    }
    putchar('\n');
}

/* Prints "OID MODULE::NAME.INDEX KIND ..."; false when no name is known. */
static bool
show_oid(const struct mib_table *table, const uint32_t *arcs, unsigned count)
{
    struct mib_node node;
    bool found = mib_find(table, arcs, count, &node);

    for (unsigned i = 0; i < count; i++) {
        printf("%s%" PRIu32, i > 0 ? "." : "", arcs[i]);
    }
    if (!found) {
        puts(" unknown");
        return false;
    }
    if (node.module.len > 0) {
        print_span(" ", node.module);
        print_span("::", node.name);
    } else {
        print_span(" ", node.name);
    }
    for (unsigned i = node.depth; i < count; i++) {
        printf(".%" PRIu32, arcs[i]);
    }
    print_node(table, &node);
    return true;
}

static int
show(const struct mib_table *table, char *const *oids, int count)
{
    uint32_t arcs[MIB_ARCS_MAX];
    unsigned arc_count;
    int code = EXIT_SUCCESS;

    for (int i = 0; i < count; i++) {
        if (!parse_oid(oids[i], arcs, &arc_count)) {
            fprintf(stderr, "mib: '%s' is no identifier as 1.3.6.1.2.1.1.3.0\n", oids[i]);
            return EXIT_USAGE;
        }
        if (!show_oid(table, arcs, arc_count)) {
            code = EXIT_RUNTIME;
        }
    }
    return code;
}

struct options {
    const char *output;
    bool standard;
    bool help;
};

static bool
parse_options(int argc, char **argv, struct options *options)
{
    static const char *const verbs[] = { "compile", "show", NULL };
    static const struct option known[] = {
        { "output", required_argument, NULL, 'o' },
        { "standard", no_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    command_words(verbs);
    while ((option = command_option(argc, argv, "o:h", known)) != -1) {
        switch (option) {
        case 'o': options->output = optarg; break;
        case 's': options->standard = true; break;
        case 'h': options->help = true; break;
        default: return false; /* getopt_long has said what is wrong */
        }
    }
    return true;
}

static int
wrong(const char *what)
{
    fprintf(stderr, "mib: %s\nmib: `serviceradar-cli mib --help` says how\n", what);
    return EXIT_USAGE;
}

static int
run_show(char **words, int count, bool standard)
{
    struct mib_table table = *mib_standard();

    if (count < (standard ? 1 : 2)) {
        return wrong("show wants a table and identifiers");
    }
    if (!standard && !map_table(words[0], &table)) {
        return EXIT_RUNTIME;
    }
    return show(&table, words + !standard, count - !standard);
}

int
mib_command(int argc, char **argv)
{
    struct options options = { .output = NULL };

    if (!parse_options(argc, argv, &options)) {
        return wrong("wrong option");
    }
    char **words = argv + optind;
    int count = argc - optind;
    if (options.help) {
        print_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (count == 0) {
        return wrong("compile or show?");
    }
    if (strcmp(words[0], "show") == 0) {
        return run_show(words + 1, count - 1, options.standard);
    }
    if (strcmp(words[0], "compile") != 0) {
        return wrong("compile or show?");
    }
    if (count == 1 || options.output == NULL) {
        return wrong("compile wants folders, and -o FILE");
    }
    return compile(words + 1, count - 1, options.output);
}
