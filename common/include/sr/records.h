/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_RECORDS_H_INCLUDED
#define SR_RECORDS_H_INCLUDED

#include <stdbool.h>

#include "sr/span.h"

/* How the records of one message are told apart (publish.batch). */
enum sr_records_form {
    SR_RECORDS_ONE = 0,   /* the message is a record */
    SR_RECORDS_LINES,     /* a newline behind each */
    SR_RECORDS_DELIMITED, /* its length as a varint before each */
};

/*
 * The form of a message with these headers, either empty when it is missing: `count` is Sr-Records,
 * `content_type` Content-Type. Without a count it is one record, whatever its type.
 */
enum sr_records_form sr_records_form(struct sr_span count, struct sr_span content_type);

/*
 * The next record of *rest, which moves past it; both borrow the message. False at the end. The
 * bytes may come from anywhere: a record that goes on past their end is what is there of it, and
 * what follows a length that is none is a record as it stands.
 */
bool sr_records_next(struct sr_span *rest, enum sr_records_form form, struct sr_span *ret_record);

#endif
