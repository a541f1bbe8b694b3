/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_MEMORY_H_INCLUDED
#define NETFLOW_DECODE_MEMORY_H_INCLUDED

#include <stddef.h>

/*
 * Where the state of exporters gets memory from. Pure code does not allocate: the shell passes
 * malloc behind a cap, a test what it likes. Called with the lock of the exporter held.
 */
struct nf_memory {
    void *arg;
    void *(*take)(void *arg, size_t size); /* aligned as malloc's; NULL: there is no more */
    void (*give)(void *arg, void *memory, size_t size); /* the size that was taken */
};

#endif
