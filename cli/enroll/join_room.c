/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/join_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

/* What two collectors of a host cannot share; NULL: nothing. */
struct clash {
    const char *what, *which, *remedy;
};

/* Two listeners of one protocol and port, if each address may be the other's. */
static bool
meet(const char *a, const char *b)
{
    const char *port_a = strrchr(a, ':'), *port_b = strrchr(b, ':');
    size_t scheme = strcspn(a, ":");

    if (port_a == NULL || port_b == NULL || strncmp(a, b, scheme + 1) != 0 ||
        strcmp(port_a, port_b) != 0 || strncmp(a, "fd:", 3) == 0) {
        return false;
    }
    const char *const every[] = { "0.0.0.0:", "[::]:", "*:", ":" };
    for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
        size_t len = strlen(every[i]);
        if (strncmp(a + scheme + 3, every[i], len) == 0 ||
            strncmp(b + scheme + 3, every[i], len) == 0) {
            return true;
        }
    }
    return strcmp(a, b) == 0;
}

static const char *
common_listen(const struct settings *a, const struct settings *b)
{
    for (size_t i = 0; i < SETTINGS_LIST_MAX && *a->listens[i] != '\0'; i++) {
        for (size_t j = 0; j < SETTINGS_LIST_MAX && *b->listens[j] != '\0'; j++) {
            if (meet(a->listens[i], b->listens[j])) {
                return a->listens[i];
            }
        }
    }
    return NULL;
}

static struct clash
find_clash(const struct settings *a, const struct settings *b, bool with_listens)
{
    const char *listen = with_listens ? common_listen(a, b) : NULL;

    if (listen != NULL) {
        return (struct clash){ "receives on", listen,
            "have the bundle issued with another listen address, or unenroll that one" };
    }
    if (*a->metrics != '\0' && strcmp(a->metrics, "off") != 0 &&
        strcmp(a->metrics, b->metrics) == 0) {
        return (struct clash){ "serves its numbers on", a->metrics,
            "choose another name for the instance, or another metrics.listen" };
    }
    if (*a->queue_dir != '\0' && strcmp(a->queue_dir, b->queue_dir) == 0) {
        return (struct clash){ "has its queue in", a->queue_dir,
            "enrol it with --instance NAME, or have the bundle issued with another queue.dir" };
    }
    return (struct clash){ NULL, NULL, NULL };
}

/* What is damaged or cannot be read is said by others, and stands in nobody's way. */
static bool
read_other(const struct join *j, const char *name, struct settings *ret)
{
    struct record record;
    struct trouble none;

    memset(ret, 0, sizeof(*ret));
    return record_read(j->root, name, &record, &none) &&
           settings_of_record(j->root, j->options->daemon_dir, &record, ret);
}

/* A collector that is in no list would not be renewed, and its files could be taken for nobody's.
 */
static bool
check_count(char names[RECORDS_MAX][RECORD_NAME_MAX], size_t count, const char *name,
    struct trouble *trouble)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return count < RECORDS_MAX ||
           trouble_say(trouble, ENOSPC, "unenroll an instance, or use another host",
               "a host has at most %d collectors, those without an instance among them",
               RECORDS_MAX);
}

bool
join_check_room(const struct join *j, const char *name, const struct settings *settings,
    bool with_listens, struct trouble *trouble)
{
    char names[RECORDS_MAX][RECORD_NAME_MAX];
    struct settings *other = malloc(sizeof(*other));
    struct clash clash = { NULL, NULL, NULL };
    size_t count = record_list(j->root, names), i = 0;

    if (other == NULL) {
        return trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
    }
    if (!check_count(names, count, name, trouble)) {
        free(other);
        return false;
    }
    for (; i < count && clash.what == NULL; i++) {
        if (strcmp(names[i], name) != 0 && read_other(j, names[i], other)) {
            clash = find_clash(settings, other, with_listens);
        }
    }
    free(other);
    return clash.what == NULL || trouble_say(trouble, EADDRINUSE, clash.remedy, "%s %s %s already",
                                     names[i - 1], clash.what, clash.which);
}
