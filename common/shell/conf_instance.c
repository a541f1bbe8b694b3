/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/conf_tree.h"

#include <stdio.h>
#include <string.h>

#include "sr/suite.h"

#include "sr/banned.h"

/* Above the ports of the programs themselves, and out of the way of those that are handed out. */
#define FIRST_PORT 9700U
#define PORTS 256U

static bool
has(const struct sr_conf_overlay *overlay, const char *section, const char *key)
{
    return sr_conf_node_child(sr_conf_node_child(overlay->root, section), key) != NULL;
}

/* FNV-1a: the same instance has the same port on each host, others hardly. */
static unsigned
port_of(const char *name)
{
    uint32_t hash = 2166136261U;

    for (; *name != '\0'; name++) {
        hash = (hash ^ (uint8_t)*name) * 16777619U;
    }
    return FIRST_PORT + hash % PORTS;
}

const char *
sr_conf_short_name(const char *program)
{
    static const char suite[] = "serviceradar-";

    return strncmp(program, suite, sizeof(suite) - 1) == 0 ? program + sizeof(suite) - 1 : program;
}

bool
sr_conf_instance_of(const char *program, const char *file, char ret[SR_SUITE_INSTANCE_MAX])
{
    const char *name = sr_conf_short_name(program), *slash = strrchr(file, '/');
    const char *base = slash != NULL ? slash + 1 : file;
    size_t len = strlen(name);
    char instance[SR_SUITE_INSTANCE_MAX];

    ret[0] = '\0';
    if (strncmp(base, name, len) != 0 || base[len] != '@') {
        return true;
    }
    base += len + 1;
    const char *dot = strrchr(base, '.');
    size_t end = dot != NULL ? (size_t)(dot - base) : strlen(base);
    if (end >= sizeof(instance)) {
        return false;
    }
    memcpy(instance, base, end);
    instance[end] = '\0';
    if (!sr_suite_instance_is_fine(instance)) {
        return false;
    }
    memcpy(ret, instance, end + 1);
    return true;
}

void
sr_conf_overlay_instance(
    const struct sr_conf_overlay *overlay, const char *program, const char *instance)
{
    char name[128], set[256];

    (void)snprintf(name, sizeof(name), "%s@%s", sr_conf_short_name(program), instance);
    if (!has(overlay, "queue", "dir")) {
        (void)snprintf(set, sizeof(set), "queue.dir=/var/lib/serviceradar/%s", name);
        sr_conf_overlay_set(overlay, set);
    }
    if (!has(overlay, "metrics", "listen")) {
        (void)snprintf(set, sizeof(set), "metrics.listen=127.0.0.1:%u", port_of(name));
        sr_conf_overlay_set(overlay, set);
    }
}
