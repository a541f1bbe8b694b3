/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_SECURITY_H_INCLUDED
#define TRAPD_SECURITY_H_INCLUDED

#include <stddef.h>

#include "trapd.h"
#include "usm/usm.h"

/* The users of a configuration, ready to receive messages of v3. */

/* Makes the keys of all users, some ms for each password. Returns owned; NULL with `error`. */
struct usm_users *trapd_security_new(
    const struct trapd_users *users, char *error, size_t error_size);

#endif
