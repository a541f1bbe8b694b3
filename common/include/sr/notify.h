/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_NOTIFY_H_INCLUDED
#define SR_NOTIFY_H_INCLUDED

#include <stdint.h>

/*
 * Tells systemd something, as sd_notify(3): lines "NAME=value". Does nothing outside a service of
 * Type=notify.
 */
void sr_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How often systemd wants WATCHDOG=1, in ns; 0: it does not. Half of WATCHDOG_USEC. */
uint64_t sr_notify_watchdog_ns(void);

#endif
