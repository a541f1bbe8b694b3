/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_RUNTIME_H_INCLUDED
#define SHELL_RUNTIME_H_INCLUDED

#include "sr/conf.h"
#include "sr/runtime.h"

/*
 * Runs the daemon until SIGTERM or SIGINT, with a configuration that it takes over (*config is
 * nulled). `source` is read again on SIGHUP. Returns the exit code.
 */
int sr_runtime_run(
    const struct sr_program *program, void **config, const struct sr_conf_source *source);

#endif
