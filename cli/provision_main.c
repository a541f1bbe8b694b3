/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "libraries.h"
#include "provision.h"
#include "shared.h"

#include "sr/banned.h"

int
main(int argc, char **argv)
{
    static const struct command commands[] = {
        { "completion", completion_command, "make a shell complete commands and options" },
        { "dev", provision_dev, "make a complete local installation in one folder" },
        { "verify", provision_verify,
            "count what its streams hold, and prove that tenants are apart" },
        { "version", version_command, "print versions: this program, libraries, collectors" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-provision",
        "makes the accounts, credentials and streams that collectors publish with",
        commands,
    };

    version_set_libraries(provision_libraries);
    return command_main(&program, argc, argv);
}
