/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/commands.h"

#include "sr/banned.h"

static const struct command commands[] = {
    { "replay", replay_command, "send the UDP datagrams of a capture file to a collector" },
};

int
main(int argc, char **argv)
{
    static const struct command_table table = {
        .program = "serviceradar-cli",
        .about = "Works with the ServiceRadar collectors on this host.",
        .commands = commands,
        .count = sizeof(commands) / sizeof(commands[0]),
    };

    return command_dispatch(&table, argc, argv);
}
