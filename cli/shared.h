/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SHARED_H_INCLUDED
#define CLI_SHARED_H_INCLUDED

/* The commands that both programs have, as struct command wants them. */
int completion_command(int argc, char **argv);
int version_command(int argc, char **argv);

/* A library that a program runs with. */
struct version_library {
    const char *name;
    const char *(*version)(void); /* of what is loaded, not of what it was built with */
};

/* What version_command() lists, with a NULL name behind the last. Borrowed for ever. */
void version_set_libraries(const struct version_library *libraries);

#endif
