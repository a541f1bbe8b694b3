/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PROVISION_H_INCLUDED
#define CLI_PROVISION_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "nats_admin.h"
#include "sr/suite.h"
#include "world/world.h"

/* The commands of serviceradar-provision. argv[0] is the command's name; they return exit codes. */
int provision_account(int argc, char **argv);
int provision_audit(int argc, char **argv);
int provision_ca(int argc, char **argv);
int provision_collector(int argc, char **argv);
int provision_dev(int argc, char **argv);
int provision_leaf(int argc, char **argv);
int provision_nats_config(int argc, char **argv);
int provision_operator(int argc, char **argv);
int provision_serve(int argc, char **argv);
int provision_stream(int argc, char **argv);
int provision_user(int argc, char **argv);
int provision_token(int argc, char **argv);
int provision_verify(int argc, char **argv);

/* Reads a port, 1 to 65535, in decimal. False for anything else. */
bool provision_port(const char *text, uint16_t *ret_port);

/* Complains about a world in `dir` with the reason, and its remedy where there is one. */
void provision_complain(enum world_err err, const char *dir);

/*
 * Connects to the server of `w` as the tenant's user in creds/`user`.creds: with the tenant's
 * platform certificate when `user` is "platform", else the collector's and its own inbox. Complains
 * on failure.
 */
enum admin_err provision_connect(
    const struct world *w, const char *tenant, const char *user, struct admin **ret_admin);

#endif
