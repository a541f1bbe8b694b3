/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "provision.h"

#include "sr/banned.h"

int
main(int argc, char **argv)
{
    static const struct command commands[] = {
        { "dev", provision_dev, "make a complete local installation in one folder" },
        { "serve", provision_serve, "answer those who enroll, over HTTPS" },
        { "verify", provision_verify,
            "count what its streams hold, and prove that tenants are apart" },
        { NULL, NULL, NULL },
    };
    static const struct program program = {
        "serviceradar-provision",
        "makes the accounts, credentials and streams that collectors publish with",
        commands,
    };

    return command_main(&program, argc, argv);
}
