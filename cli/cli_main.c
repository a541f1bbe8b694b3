/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/prctl.h>

#include "command.h"
#include "commands.h"

#include "sr/banned.h"

int
main(int argc, char **argv)
{
    static const struct command commands[] = {
        { "bundle", bundle_command, "look into a bundle, or enrol this host with one from a file" },
        { "doctor", doctor_command, "say what is wrong with the collectors, and what to do" },
        { "enroll", enroll_command, "join this host to a platform with a token" },
        { "mib", mib_command, "name what traps carry: MIB modules to a table of names" },
        { "renew", renew_command, "renew credentials and certificates of this host" },
        { "replay", replay_command, "send the UDP datagrams of a capture file to a collector" },
        { "rollback", rollback_command, "take the newest change of an enrolment back" },
        { "status", status_command, "say how the collectors of this host are" },
        { "unenroll", unenroll_command, "end the enrolment of a collector" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-cli",
        "works with the ServiceRadar collectors on this host",
        commands,
    };

    /* Tokens and keys are in memory: no core dumps, and no other process of the user looks in. */
    (void)prctl(PR_SET_DUMPABLE, 0);
    return command_main(&program, argc, argv);
}
