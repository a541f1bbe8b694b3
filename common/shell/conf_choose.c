/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sr/log.h"

#include "sr/banned.h"

#define LIST_MAX 1024

/* One that cannot be looked at is there: that it cannot be read is then said when it is. */
static bool
is_there(const char *file)
{
    struct stat st;

    return stat(file, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static void
list(char *text, size_t size, const char *file)
{
    size_t len = strlen(text);

    (void)snprintf(text + len, size - len, "%s%s", len > 0 ? ", " : "", file);
}

static void
report_none(
    const struct sr_conf_source *source, const char *program, struct sr_conf_problems *problems)
{
    char looked_for[LIST_MAX] = "";

    for (size_t i = 0; i < source->choice_count; i++) {
        list(looked_for, sizeof(looked_for), source->choices[i]);
    }
    sr_conf_problem(problems, NULL,
        "there is no configuration: none of these exists: %s; enrol the host with "
        "`serviceradar-cli "
        "enroll`, or write one of them: /usr/share/serviceradar/%s.yaml has every key",
        looked_for, sr_conf_short_name(program));
}

bool
sr_conf_choose(struct sr_conf_source *source, const char *program, char *unread, size_t unread_size,
    struct sr_conf_problems *problems)
{
    size_t chosen = 0;

    unread[0] = '\0';
    if (source->choice_count < 2) { /* nothing to choose: reading says what is wrong with it */
        source->file = source->choice_count > 0 ? source->choices[0] : NULL;
        return true;
    }
    while (chosen < source->choice_count && !is_there(source->choices[chosen])) {
        chosen++;
    }
    if (chosen == source->choice_count) {
        report_none(source, program, problems);
        return false;
    }
    source->file = source->choices[chosen];
    for (size_t i = chosen + 1; i < source->choice_count; i++) {
        if (is_there(source->choices[i])) {
            list(unread, unread_size, source->choices[i]);
        }
    }
    return true;
}

void
sr_conf_log_unread(const struct sr_conf_source *source, const char *unread)
{
    if (unread[0] != '\0') {
        sr_log(SR_LOG_WARNING,
            "another configuration goes before these file=%s unread=\"%s\" advice=\"remove what is "
            "not meant\"",
            source->file, unread);
    }
}
