/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LIBRARIES_H_INCLUDED
#define CLI_LIBRARIES_H_INCLUDED

#include "shared.h"

/* The libraries that serviceradar-cli and serviceradar-provision run with. */
extern const struct version_library cli_libraries[];
extern const struct version_library provision_libraries[];

#endif
