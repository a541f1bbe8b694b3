/* SPDX-License-Identifier: Apache-2.0 */
#include "mib/severity.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "sr/banned.h"

#define BLANKS " \t\r\n"
#define MARK "--#SEVERITY"

static bool
begins_with_word(const char *text, const char *word)
{
    size_t len = strlen(word);

    return strncmp(text, word, len) == 0 && strchr(BLANKS, text[len]) != NULL;
}

/* What follows the macro's name where `name` is defined; NULL when it is nowhere. */
static const char *
find_definition(const char *text, const char *name)
{
    const char *at = text;

    while ((at = strstr(at, name)) != NULL) {
        bool begins = at == text || strchr(BLANKS, at[-1]) != NULL;
        const char *macro;

        at += strlen(name);
        macro = at + strspn(at, BLANKS);
        if (begins && macro > at &&
            (begins_with_word(macro, "TRAP-TYPE") ||
                begins_with_word(macro, "NOTIFICATION-TYPE"))) {
            return macro;
        }
    }
    return NULL;
}

enum mib_severity
mib_severity_find(const char *text, const char *name)
{
    static const struct {
        const char *word;
        enum mib_severity severity;
    } known[] = {
        { "INFORMATIONAL", MIB_SEVERITY_INFO },
        { "INFO", MIB_SEVERITY_INFO },
        { "NORMAL", MIB_SEVERITY_INFO },
        { "WARNING", MIB_SEVERITY_WARNING },
        { "MINOR", MIB_SEVERITY_MINOR },
        { "MAJOR", MIB_SEVERITY_MAJOR },
        { "CRITICAL", MIB_SEVERITY_CRITICAL },
    };
    const char *definition = find_definition(text, name);
    const char *end = definition != NULL ? strstr(definition, "::=") : NULL;
    const char *mark = definition != NULL ? strstr(definition, MARK) : NULL;

    if (mark == NULL || end == NULL || mark > end) {
        return MIB_SEVERITY_NONE;
    }
    mark += sizeof(MARK) - 1;
    mark += strspn(mark, " \t");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (begins_with_word(mark, known[i].word)) {
            return known[i].severity;
        }
    }
    return MIB_SEVERITY_NONE;
}
