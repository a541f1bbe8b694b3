/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/template.h"

#include "sr/banned.h"

const char *
nf_template_reason(enum nf_template_err err)
{
    switch (err) {
    case NF_TEMPLATE_OK:
    case NF_TEMPLATE_END: break;
    case NF_TEMPLATE_TRUNCATED: return "template_truncated";
    case NF_TEMPLATE_ID: return "template_id";
    case NF_TEMPLATE_EMPTY: return "template_empty";
    case NF_TEMPLATE_FIELDS: return "template_fields";
    case NF_TEMPLATE_SCOPE: return "template_scope";
    case NF_TEMPLATE_LENGTH: return "template_length";
    }
    return "template";
}
