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
        { "bundle", bundle_command, "look into a bundle, or enrol this host with one from a file" },
        { "completion", completion_command, "make a shell complete commands and options" },
        { "doctor", doctor_command, "say what is wrong with the collectors, and what to do" },
        { "enroll", enroll_command, "join this host to a platform with a token" },
        { "load", load_command, "send generated messages to a collector, and see what is stored" },
        { "mib", mib_command, "name what traps carry: MIB modules to a table of names" },
        { "renew", renew_command, "renew credentials and certificates of this host" },
        { "replay", replay_command, "send the UDP datagrams of a capture file to a collector" },
        { "rollback", rollback_command, "take the newest change of an enrolment back" },
        { "status", status_command, "say how the collectors of this host are" },
        { "tail", tail_command, "show records as they are queued here, or stored in a stream" },
        { "unenroll", unenroll_command, "end the enrolment of a collector" },
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
