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
        { "account", provision_account, "make tenants, and say what they may use" },
        { "audit", provision_audit, "list who did what" },
        { "ca", provision_ca, "issue and revoke certificates" },
        { "collector", provision_collector, "make, list, revoke and bundle collectors" },
        { "completion", completion_command, "make a shell complete commands and options" },
        { "dev", provision_dev, "make a complete local installation in one folder" },
        { "leaf", provision_leaf, "set up NATS servers of sites" },
        { "nats-config", provision_nats_config, "write the configuration of a NATS server" },
        { "operator", provision_operator, "make, show, back up and restore the issuer" },
        { "serve", provision_serve, "answer those who enroll, over HTTPS" },
        { "stream", provision_stream, "make the streams of a tenant" },
        { "token", provision_token, "make what a host enrolls with" },
        { "user", provision_user, "make users of a tenant, and revoke them" },
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
