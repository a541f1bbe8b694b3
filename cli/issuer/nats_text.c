/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/nats_text.h"

#include "sr/banned.h"

static void
put_escaped(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            (void)fputc('\\', out);
        }
        (void)fputc(*text, out);
    }
}

void
nats_text_path(FILE *out, const char *path, const char *rest)
{
    (void)fputc('"', out);
    put_escaped(out, path);
    if (rest != NULL) {
        (void)fputc('/', out);
        put_escaped(out, rest);
    }
    (void)fputc('"', out);
}

static void
put_file(FILE *out, const char *indent, const char *name, const char *dir, const char *file)
{
    (void)fprintf(out, "%s  %s: ", indent, name);
    if (*file == '/') {
        nats_text_path(out, file, NULL);
    } else {
        nats_text_path(out, dir, file);
    }
    (void)fputc('\n', out);
}

void
nats_text_tls(FILE *out, const char *indent, const struct nats_text_tls *files)
{
    (void)fprintf(out, "%stls {\n", indent);
    put_file(out, indent, "cert_file", files->dir, files->cert_file);
    put_file(out, indent, "key_file", files->dir, files->key_file);
    put_file(out, indent, "ca_file", files->dir, files->ca_file);
    (void)fprintf(out, "%s  verify: true\n%s  timeout: 5\n%s}\n", indent, indent, indent);
}
