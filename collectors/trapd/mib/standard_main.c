/* SPDX-License-Identifier: Apache-2.0 */
/* Run by the build: makes the C source of the standard table from mib/standard.txt. */
#include <stdio.h>
#include <stdlib.h>

#include "mib/builder.h"
#include "mib/standard_text.h"

#include "sr/banned.h"

#define TEXT_MAX ((size_t)1 << 20)

static char text[TEXT_MAX + 1];

static void
write_trunk(FILE *out, const struct mib_trunk *trunk)
{
    (void)fprintf(out, "            { %u, %u, %u },\n", (unsigned)trunk->node,
        (unsigned)trunk->info, (unsigned)trunk->info_depth);
}

static bool
write_source(FILE *out, const uint8_t *bytes, size_t len)
{
    struct mib_table table;

    if (!mib_table_open((struct sr_span){ bytes, len }, &table)) {
        return false;
    }
    /* As a string: checkers look at each number of a list, for minutes. */
    (void)fputs("/* Made from mib/standard.txt. */\n"
                "#include \"decode/mib.h\"\n\n"
                "static const uint8_t bytes[] __attribute__((aligned(64))) = \"",
        out);
    for (size_t i = 0; i < len; i++) {
        (void)fprintf(out, "%s\\%03o", i % 24 == 0 ? "\"\n    \"" : "", (unsigned)bytes[i]);
    }
    (void)fprintf(out,
        "\";\n\n"
        "const struct mib_table *\n"
        "mib_standard(void)\n"
        "{\n"
        "    /* As mib_table_open() has it. */\n"
        "    static const struct mib_table table = { .bytes = { bytes, sizeof(bytes) - 1 },\n"
        "        .node_count = %u,\n"
        "        .info_bytes = %u,\n"
        "        .label_bytes = %u,\n"
        "        .string_bytes = %u,\n"
        "        .trunks = {\n",
        (unsigned)table.node_count, (unsigned)table.info_bytes, (unsigned)table.label_bytes,
        (unsigned)table.string_bytes);
    for (size_t i = 0; i < MIB_TRUNKS; i++) {
        write_trunk(out, &table.trunks[i]);
    }
    (void)fputs("        } };\n\n"
                "    return &table;\n"
                "}\n",
        out);
    return ferror(out) == 0;
}

static bool
make_source(const char *to, struct mib_builder *b)
{
    uint8_t *bytes;
    size_t len;

    if (!mib_builder_finish(b, &bytes, &len)) {
        return false;
    }
    FILE *out = fopen(to, "we");
    bool ok = out != NULL && write_source(out, bytes, len);
    if (out != NULL && fclose(out) != 0) {
        ok = false;
    }
    free(bytes);
    return ok;
}

int
main(int argc, char **argv)
{
    char message[STANDARD_MESSAGE_MAX];
    FILE *in = argc == 3 ? fopen(argv[1], "re") : NULL;

    if (in == NULL) {
        (void)fputs("usage: mib_standard STANDARD.txt SOURCE.c\n", stderr);
        return EXIT_FAILURE;
    }
    size_t len = fread(text, 1, TEXT_MAX, in);
    text[len] = '\0';
    (void)fclose(in);
    struct mib_builder *b = mib_builder_new();
    int code = EXIT_FAILURE;
    if (b == NULL || len == TEXT_MAX) {
        (void)fprintf(stderr, "%s: too long\n", argv[1]);
    } else if (!standard_text_read(b, text, message)) {
        (void)fprintf(stderr, "%s:%s\n", argv[1], message);
    } else if (!make_source(argv[2], b)) {
        (void)fprintf(stderr, "%s: cannot be written\n", argv[2]);
    } else {
        code = EXIT_SUCCESS;
    }
    mib_builder_free(b);
    return code;
}
