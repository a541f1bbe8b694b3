/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_WORLD_WORLD_PARTS_H_INCLUDED
#define CLI_WORLD_WORLD_PARTS_H_INCLUDED

#include "world/world.h"

/* The steps of world_write. They find their folders made; all fail with WORLD_EFILE or
 * WORLD_ECRYPTO. */

/* README.txt begins with this. It is how a world is told from other folders. */
#define WORLD_MARK "A local ServiceRadar world, made by serviceradar-provision."

/* Makes the keys in `w`; writes seeds, account tokens and credentials. */
enum world_err world_write_keys(struct world *w);

/* The root in D/tls, the server's certificate, and two per tenant: collector and platform. */
enum world_err world_write_certificates(const struct world *w);

/* The server's and the collectors' configuration, and world.json last. */
enum world_err world_write_settings(const struct world *w);

/* README.txt, which needs no folder but D. */
enum world_err world_write_readme(const struct world *w);

#endif
