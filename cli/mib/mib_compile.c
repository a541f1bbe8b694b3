/* SPDX-License-Identifier: Apache-2.0 */
#include "mib/mib_compile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "decode/mib_format.h"
#include "files.h"
#include "mib/builder.h"
#include "mib/mib_base.h"
#include "mib/severity.h"

#include "sr/banned.h"

#define TEXT_MAX 2048
#define LABELS_MAX 65536
#define MODULE_MAX ((size_t)16 << 20) /* bytes of a file that is searched for severities */

/* The parser has one log and one tree, so there is one of this. */
struct compiler {
    struct mib_builder *builder;
    mib_problem_cb *cb;
    void *arg;
    struct mib_compile_counts counts;
    char **modules; /* names by the parser's number, NULL where not asked yet */
    size_t module_count;
    char *text; /* of the file of the module `text_module`, NULL when it cannot be read */
    int text_module;
    bool failed;
};

static void
tell(struct compiler *c, const char *text)
{
    c->counts.problems++;
    c->cb(c->arg, text);
}

/* Turns the parser's "WHAT: At line N in FILE" into "FILE:N: WHAT". */
static void
tell_place(struct compiler *c, char *text)
{
    static const char mark[] = ": At line ";
    char line[TEXT_MAX + 16]; /* the same texts, otherwise put together */
    char *place = strstr(text, mark);
    char *file = place != NULL ? strstr(place, " in ") : NULL;

    if (file == NULL) {
        tell(c, text);
        return;
    }
    *place = '\0';
    *file = '\0';
    (void)snprintf(line, sizeof(line), "%s:%s: %s", file + 4, place + sizeof(mark) - 1, text);
    tell(c, line);
}

static int
on_log(int major, int minor, void *message, void *arg)
{
    const struct snmp_log_message *log = message;
    char text[TEXT_MAX];

    (void)major;
    (void)minor;
    (void)snprintf(text, sizeof(text), "%s", log->msg);
    text[strcspn(text, "\n")] = '\0';
    /* Where the library would look for modules by itself is nobody's concern here. */
    if (*text != '\0' && strncmp(text, "MIB search path: ", 17) != 0) {
        tell_place(arg, text);
    }
    return SNMP_ERR_NOERROR;
}

/* The parser looks a name up in a list of all modules; this is asked for every node. */
static const char *
module_of(struct compiler *c, int number)
{
    size_t at = (size_t)number;

    if (number < 0) {
        return "";
    }
    if (at >= c->module_count) {
        size_t count = at + 1024;
        char **modules = realloc(c->modules, count * sizeof(*modules));
        if (modules == NULL) {
            c->failed = true;
            return "";
        }
        memset(modules + c->module_count, 0, (count - c->module_count) * sizeof(*modules));
        c->modules = modules;
        c->module_count = count;
    }
    if (c->modules[at] == NULL) {
        const struct module *module = find_module(number);
        c->modules[at] = module != NULL ? module->name : NULL;
        c->counts.modules += module != NULL;
    }
    return c->modules[at] != NULL ? c->modules[at] : "";
}

static enum mib_syntax
syntax_of(int type)
{
    switch (type) {
    case TYPE_INTEGER:
    case TYPE_INTEGER32: return MIB_SYNTAX_INTEGER;
    case TYPE_GAUGE:
    case TYPE_UINTEGER:
    case TYPE_UNSIGNED32: return MIB_SYNTAX_UNSIGNED;
    case TYPE_COUNTER: return MIB_SYNTAX_COUNTER32;
    case TYPE_COUNTER64: return MIB_SYNTAX_COUNTER64;
    case TYPE_TIMETICKS: return MIB_SYNTAX_TIME_TICKS;
    case TYPE_OCTETSTR:
    case TYPE_NSAPADDRESS: return MIB_SYNTAX_OCTETS;
    case TYPE_BITSTRING: return MIB_SYNTAX_BITS;
    case TYPE_NETADDR:
    case TYPE_IPADDR: return MIB_SYNTAX_IP_ADDRESS;
    case TYPE_OBJID: return MIB_SYNTAX_OBJECT_IDENTIFIER;
    case TYPE_OPAQUE: return MIB_SYNTAX_OPAQUE;
    default: return MIB_SYNTAX_NONE;
    }
}

/* Owned by the caller; NULL without any, or with `failed` set. */
static struct mib_named_number *
labels_of(struct compiler *c, const struct tree *tree, size_t *ret_count)
{
    struct mib_named_number *labels;
    size_t count = 0;

    for (const struct enum_list *e = tree->enums; e != NULL && count < LABELS_MAX; e = e->next) {
        count++;
    }
    *ret_count = count;
    if (count == 0) {
        return NULL;
    }
    labels = calloc(count, sizeof(*labels));
    c->failed = c->failed || labels == NULL;
    /* The list is the module's upside down, and of equal numbers the first is to count. */
    for (const struct enum_list *e = tree->enums; labels != NULL && count > 0; e = e->next) {
        labels[--count] = (struct mib_named_number){ e->value, e->label };
    }
    return labels;
}

/*
 * RFC 3584 section 3.1: trap N of version 1 is ENTERPRISE.0.N. The parser makes such a tree,
 * without a type, and names the node in between as the enterprise with a number sign behind.
 */
static bool
is_notification(const struct tree *tree)
{
    const char *parent = tree->parent != NULL ? tree->parent->label : NULL;
    size_t len = parent != NULL ? strlen(parent) : 0;

    return tree->type == TYPE_NOTIFTYPE || tree->type == TYPE_TRAPTYPE ||
           (tree->parent != NULL && tree->parent->subid == 0 && len > 0 && parent[len - 1] == '#');
}

/* The parser drops comments, so the file is read once more; the tree has its modules in runs. */
static enum mib_severity
severity_of(struct compiler *c, const struct tree *tree)
{
    if (c->text_module != tree->modid) {
        const struct module *module = find_module(tree->modid);
        size_t len;

        free(c->text);
        c->text = NULL;
        c->text_module = tree->modid;
        if (module != NULL) {
            (void)files_read(module->file, MODULE_MAX, &c->text, &len);
        }
    }
    return c->text != NULL ? mib_severity_find(c->text, tree->label) : MIB_SEVERITY_NONE;
}

static void
add_node(struct compiler *c, const struct tree *tree, const uint32_t *arcs, unsigned count)
{
    bool notifies = is_notification(tree);
    struct mib_entry entry = {
        .arcs = arcs,
        .arc_count = count,
        .module = module_of(c, tree->modid),
        .name = tree->label,
        .hint = tree->hint,
        .syntax = syntax_of(tree->type),
    };

    if (notifies) {
        entry.kind = MIB_NOTIFICATION;
        entry.severity = severity_of(c, tree);
    } else if (entry.syntax != MIB_SYNTAX_NONE) {
        entry.kind = MIB_OBJECT;
    }
    struct mib_named_number *labels = labels_of(c, tree, &entry.label_count);
    entry.labels = labels;
    if (!c->failed && mib_builder_add(c->builder, &entry)) {
        c->counts.names++;
        c->counts.notifications += notifies;
    } else {
        c->failed = true;
    }
    free(labels);
}

/* Adds what stands under a node. Its depth is bounded by the longest identifier. */
static void
add_children(struct compiler *c, const struct tree *parent, uint32_t *arcs, unsigned depth)
{
    for (const struct tree *t = parent; t != NULL && !c->failed; t = t->next_peer) {
        if (t->subid > UINT32_MAX) {
            continue;
        }
        arcs[depth] = (uint32_t)t->subid;
        /* With a number sign in them are the names that the parser gave to what has none. */
        if (t->label != NULL && *t->label != '\0' && strchr(t->label, '#') == NULL) {
            add_node(c, t, arcs, depth + 1);
        }
        if (depth + 1 < MIB_ARCS_MAX) {
            add_children(c, t->child_list, arcs, depth + 1);
        }
    }
}

static bool
write_base(const char *dir)
{
    char path[FILES_PATH_MAX];

    for (const struct mib_base_module *m = mib_base_modules; m->name != NULL; m++) {
        if (!files_path(path, "%s/%s.txt", dir, m->name) ||
            !files_write(path, m->text, strlen(m->text), 0600)) {
            return false;
        }
    }
    return true;
}

/* The parser reads files only, so the base modules become some while it runs. */
static bool
read_folders(struct compiler *c, const char *base, char *const *dirs, size_t count)
{
    char text[FILES_PATH_MAX + 128];

    if (!write_base(base) || add_mibdir(base) < 0) {
        (void)snprintf(text, sizeof(text), "%s: %s", base, strerror(errno));
        tell(c, text);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        /* Of two modules of one name the later counts. */
        if (add_mibdir(dirs[i]) < 0) {
            (void)snprintf(text, sizeof(text), "%s: cannot be read", dirs[i]);
            tell(c, text);
            return false;
        }
    }
    (void)read_all_mibs();
    adopt_orphans();
    return true;
}

static void
start_parser(struct compiler *c)
{
    snmp_disable_log();
    (void)snmp_register_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING, on_log, c);
    snmp_enable_calllog();
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_MIB_ERRORS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_MIB_PARSE_LABEL, 1);
    /* Not netsnmp_init_mib(), which reads the environment. */
    netsnmp_init_mib_internals();
}

bool
mib_compile(char *const *dirs, size_t count, struct mib_builder *b, mib_problem_cb *cb, void *arg,
    struct mib_compile_counts *ret_counts)
{
    struct compiler c = { .builder = b, .cb = cb, .arg = arg, .text_module = -1 };
    const char *temporary = getenv("TMPDIR");
    uint32_t arcs[MIB_ARCS_MAX];
    char base[FILES_PATH_MAX];

    if (!files_path(base, "%s/mib.XXXXXX", temporary != NULL ? temporary : "/tmp") ||
        mkdtemp(base) == NULL) {
        tell(&c, "no temporary folder can be made");
        return false;
    }
    start_parser(&c);
    bool ok = read_folders(&c, base, dirs, count);
    (void)files_remove_tree(base);
    if (ok) {
        add_children(&c, get_tree_head(), arcs, 0);
    }
    if (c.failed) {
        tell(&c, "out of memory");
        ok = false;
    }
    snmp_unregister_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING, on_log, &c, 1);
    snmp_disable_log();
    /* Not unload_all_mibs(): it takes minutes for thousands of modules, and the process ends. */
    free(c.modules);
    free(c.text);
    *ret_counts = c.counts;
    return ok;
}
