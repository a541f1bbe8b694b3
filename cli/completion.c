/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts by which shells complete a command line, of what the commands say of themselves. */
#include "shared.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <getopt.h>

#include "command.h"

#include "sr/banned.h"

#define PARTS_MAX 1024U

struct part {
    char *path;
    char *name;
    char *help;
    enum command_part kind;
};

/* All that a program has, in its order; the parts of one path need not lie together. */
struct parts {
    struct part items[PARTS_MAX];
    size_t count;
    bool cut; /* out of memory */
};

static void
add_part(void *arg, const char *path, enum command_part kind, const char *name, const char *help)
{
    struct parts *all = arg;

    if (all->count == PARTS_MAX) {
        all->cut = true;
        return;
    }
    struct part *p = &all->items[all->count++];
    *p = (struct part){ strdup(path), strdup(name), strdup(help), kind };
    all->cut = all->cut || p->path == NULL || p->name == NULL || p->help == NULL;
}

static void
free_parts(struct parts *all)
{
    for (size_t i = 0; i < all->count; i++) {
        free(all->items[i].path);
        free(all->items[i].name);
        free(all->items[i].help);
    }
    all->count = 0;
}

/* What is true of the program itself, whatever its commands. */
static bool
take_parts(struct parts *all, const struct program *program)
{
    static const char *const own[] = { "help", "version", NULL };

    if (!command_describe(program, add_part, all)) {
        return false;
    }
    for (size_t i = 0; own[i] != NULL; i++) {
        add_part(all, "", COMMAND_OPTION, own[i], "");
    }
    return !all->cut;
}

static bool
is_first_of_path(const struct parts *all, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (strcmp(all->items[j].path, all->items[i].path) == 0) {
            return false;
        }
    }
    return true;
}

/* Whether words may follow "PATH/NAME" of part `i`. */
static bool
leads_on(const struct parts *all, size_t i)
{
    const struct part *p = &all->items[i];
    size_t len = strlen(p->path);

    for (size_t j = 0; j < all->count && p->kind == COMMAND_WORD; j++) {
        const char *path = all->items[j].path;
        if (strncmp(path, p->path, len) == 0 && path[len] == '/' &&
            strcmp(path + len + 1, p->name) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- Writing ---- */

/* How a shell writes what the three have in common. */
struct shell {
    const char *between;      /* paths of a pattern */
    const char *open, *close; /* a list of names */
};

/* The program's name with letters and underscores only, for a function. */
static const char *
function_name(const char *program)
{
    static char name[64];

    (void)snprintf(name, sizeof(name), "_%s", program);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '-' ? '_' : *c;
    }
    return name;
}

/* All paths that words lead to. */
static void
print_paths(const struct parts *all, const char *between)
{
    bool any = false;

    for (size_t i = 0; i < all->count; i++) {
        if (leads_on(all, i)) {
            (void)printf("%s%s/%s", any ? between : "", all->items[i].path, all->items[i].name);
            any = true;
        }
    }
}

/* A variable with the names of one path, of the kinds `from` to `to`. */
static void
print_list(const struct parts *all, const struct shell *shell, const char *variable,
    const char *path, enum command_part from, enum command_part to)
{
    bool any = false;

    (void)printf(" %s=%s", variable, shell->open);
    for (size_t i = 0; i < all->count; i++) {
        const struct part *p = &all->items[i];
        if (strcmp(p->path, path) == 0 && p->kind >= from && p->kind <= to) {
            (void)printf("%s%s%s", any ? " " : "", p->kind == COMMAND_WORD ? "" : "--", p->name);
            any = true;
        }
    }
    (void)fputs(shell->close, stdout);
}

/* Where `at` stands, from the words before the cursor; then what there is. */
static void
print_cases(const struct parts *all, const struct shell *shell)
{
    (void)printf("        case \"$at/$word\" in\n            ");
    print_paths(all, shell->between);
    (void)printf(") at=\"$at/$word\" ;;\n        esac\n    done\n    case \"$at\" in\n");
    for (size_t i = 0; i < all->count; i++) {
        const char *path = all->items[i].path;
        if (!is_first_of_path(all, i)) {
            continue;
        }
        (void)printf("        '%s')", path);
        print_list(all, shell, "names", path, COMMAND_WORD, COMMAND_WORD);
        print_list(all, shell, "options", path, COMMAND_OPTION, COMMAND_VALUE);
        print_list(all, shell, "valued", path, COMMAND_VALUE, COMMAND_VALUE);
        (void)printf(" ;;\n");
    }
    (void)printf("    esac\n");
}

static void
print_bash(const struct parts *all, const char *program)
{
    static const struct shell shell = { "|", "'", "'" };
    const char *function = function_name(program);

    (void)printf("# bash completion of %s\n%s()\n{\n"
                 "    local at='' names='' options='' valued='' word\n"
                 "    local now=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                 "    COMPREPLY=()\n"
                 "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n",
        program, function);
    print_cases(all, &shell);
    (void)printf("    # Without an answer readline completes the names of files.\n"
                 "    if [[ \" $valued \" == *\" $before \"* ]]; then\n"
                 "        return\n"
                 "    elif [[ $now == -* ]]; then\n"
                 "        COMPREPLY=($(compgen -W \"$options\" -- \"$now\"))\n"
                 "    else\n"
                 "        COMPREPLY=($(compgen -W \"$names\" -- \"$now\"))\n"
                 "    fi\n"
                 "}\n"
                 "complete -o default -F %s %s\n",
        function, program);
}

static void
print_zsh(const struct parts *all, const char *program)
{
    static const struct shell shell = { "|", "(", ")" };

    (void)printf("#compdef %s\n"
                 "local at='' word\n"
                 "local -a names options valued\n"
                 "    for word in ${words[2,CURRENT-1]}; do\n",
        program);
    print_cases(all, &shell);
    (void)printf("    if (( ${valued[(Ie)${words[CURRENT-1]}]} )); then\n"
                 "        _files\n"
                 "    elif [[ ${words[CURRENT]} == -* ]]; then\n"
                 "        compadd -a options\n"
                 "    else\n"
                 "        compadd -a names || _files\n"
                 "    fi\n");
}

/* In single quotes, as fish reads them. */
static void
print_quoted(const char *text)
{
    (void)putchar('\'');
    for (; *text != '\0'; text++) {
        (void)printf("%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
    }
    (void)putchar('\'');
}

/* Files are offered to who has given one of the words, as `bundle apply FILE`. */
static void
print_words(const struct parts *all, const char *path)
{
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].kind == COMMAND_WORD && strcmp(all->items[i].path, path) == 0) {
            (void)printf(" %s", all->items[i].name);
        }
    }
}

static void
print_fish(const struct parts *all, const char *program)
{
    const char *function = function_name(program);

    (void)printf("# fish completion of %s\n"
                 "function _%s_at\n"
                 "    set -l at ''\n"
                 "    for word in (commandline -opc)[2..-1]\n"
                 "        switch \"$at/$word\"\n"
                 "            case ",
        program, function);
    print_paths(all, " ");
    (void)printf("\n                set at \"$at/$word\"\n"
                 "        end\n"
                 "    end\n"
                 "    for word in $argv[2..-1]\n"
                 "        contains -- $word (commandline -opc); and return 1\n"
                 "    end\n"
                 "    test \"$at\" = \"$argv[1]\"\n"
                 "end\n");
    for (size_t i = 0; i < all->count; i++) {
        const struct part *p = &all->items[i];
        (void)printf("complete -c %s -n \"_%s_at '%s'", program, function, p->path);
        if (p->kind == COMMAND_WORD) {
            print_words(all, p->path);
        }
        (void)putchar('"');
        (void)printf(p->kind == COMMAND_WORD ? " -f -a %s" : " -l %s", p->name);
        (void)printf("%s", p->kind == COMMAND_VALUE ? " -r" : "");
        if (*p->help != '\0') {
            (void)printf(" -d ");
            print_quoted(p->help);
        }
        (void)putchar('\n');
    }
}

/* ---- The commands ---- */

static int
complete(int argc, char **argv, const char *help,
    void (*print)(const struct parts *all, const char *program))
{
    static const struct option known[] = {
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    static struct parts all;
    int option = command_option(argc, argv, "", known);

    if (option == 'h') {
        (void)fputs(help, stdout);
        return EXIT_SUCCESS;
    }
    if (option != -1 || optind < argc) {
        complain("%s takes nothing more; see --help", argv[0]);
        return EXIT_USAGE;
    }
    const struct program *program = command_program();
    bool taken = take_parts(&all, program);
    if (taken) {
        print(&all, program->name);
    } else {
        complain("out of memory, or there is no /dev/null");
    }
    free_parts(&all);
    return taken ? EXIT_SUCCESS : EXIT_RUNTIME;
}

static int
bash_command(int argc, char **argv)
{
    static const char help[] =
        "Prints a script for bash. For this shell: source <(PROGRAM completion bash)\n\n"
        "For all: PROGRAM completion bash > /usr/share/bash-completion/completions/PROGRAM\n";

    return complete(argc, argv, help, print_bash);
}

static int
zsh_command(int argc, char **argv)
{
    static const char help[] =
        "Prints a script for zsh. Put it into a folder of $fpath:\n"
        "PROGRAM completion zsh > /usr/share/zsh/vendor-completions/_PROGRAM\n";

    return complete(argc, argv, help, print_zsh);
}

static int
fish_command(int argc, char **argv)
{
    static const char help[] =
        "Prints a script for fish. For this user:\n"
        "PROGRAM completion fish > ~/.config/fish/completions/PROGRAM.fish\n";

    return complete(argc, argv, help, print_fish);
}

int
completion_command(int argc, char **argv)
{
    static const struct command commands[] = {
        { "bash", bash_command, "for bash" },
        { "zsh", zsh_command, "for zsh" },
        { "fish", fish_command, "for fish" },
        { NULL, NULL, NULL },
    };
    static char name[64];
    static const struct program program = {
        name,
        "prints a script by which a shell completes commands and options",
        commands,
    };

    (void)snprintf(name, sizeof(name), "%s completion", command_program()->name);
    return command_main(&program, argc, argv);
}
