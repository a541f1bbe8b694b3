/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "commands.h"
#include "libraries.h"
#include "shared.h"

#include "sr/banned.h"

int
main(int argc, char **argv)
{
    static const struct command commands[] = {
        { "completion", completion_command, "make a shell complete commands and options" },
        { "mib", mib_command, "name what traps carry: MIB modules to a table of names" },
        { "replay", replay_command, "send the UDP datagrams of a capture file to a collector" },
        { "tail", tail_command, "show records as they are queued here, or stored in a stream" },
        { "version", version_command, "print versions: this program, libraries, collectors" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-cli",
        "works with the ServiceRadar collectors on this host",
        commands,
    };

    version_set_libraries(cli_libraries);
    return command_main(&program, argc, argv);
}
