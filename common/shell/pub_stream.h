/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_PUB_STREAM_H_INCLUDED
#define SHELL_PUB_STREAM_H_INCLUDED

#include <stdint.h>

#include "sr/conf_common.h"
#include "sr/queue.h"

/* Sends a request and waits for the reply: owned text, or NULL. */
typedef char *(*pub_request)(void *arg, const char *subject, const char *body, int64_t timeout_ms);

/*
 * Design decision D5, for a user that may call the JetStream API: asks for the stream
 * conf->stream. If there is none and manage_stream is `create`, makes it with all subjects of the
 * queue's lanes and of the suite's other collectors. If there is one that lacks some of the lanes'
 * and manage_stream is `append` or `create`, adds those and changes nothing else of its
 * configuration. Logs what it did or why not. Takes some seconds at worst.
 */
void pub_stream_manage(
    const struct sr_conf_nats *conf, const struct sr_queue *queue, pub_request request, void *arg);

#endif
