/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_MIB_SEVERITY_H_INCLUDED
#define TRAPD_MIB_SEVERITY_H_INCLUDED

#include "decode/mib.h"

/*
 * The severity of a notification from the text of its module, which ends with NUL. Vendors write it
 * as a comment between the macro (TRAP-TYPE or NOTIFICATION-TYPE) and its "::=", for the managers
 * that have read it so since the nineties: `--#SEVERITY MAJOR`. The words are INFORMATIONAL (INFO,
 * NORMAL), WARNING, MINOR, MAJOR and CRITICAL; others are no severity.
 */
enum mib_severity mib_severity_find(const char *text, const char *name);

#endif
