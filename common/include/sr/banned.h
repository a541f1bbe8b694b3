/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_BANNED_H_INCLUDED
#define SR_BANNED_H_INCLUDED

/* glibc makes these macros under _GNU_SOURCE or _FORTIFY_SOURCE. */
#undef alloca
#undef sprintf
#undef vsprintf

/*
 * Functions that cannot be used safely, or whose result depends on hidden state. Using one is a
 * compile error in every file that includes this header; implementation files include it last.
 */
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof gmtime localtime alloca gets

#endif
