/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/smart_zone.h"

#include <stddef.h>

#include "decode/words.h"

#include "sr/banned.h"

#define H(hours, minutes) ((hours)*60 + (minutes))

static const struct {
    char name[6];
    int16_t minutes;
} zones[] = {
    { "UTC", 0 }, { "GMT", 0 }, { "Z", 0 }, { "UCT", 0 }, { "WET", 0 }, /* Europe */
    { "BST", H(1, 0) }, { "CET", H(1, 0) }, { "MEZ", H(1, 0) }, { "MET", H(1, 0) },
    { "WEST", H(1, 0) }, { "CEST", H(2, 0) }, { "MESZ", H(2, 0) }, { "MEST", H(2, 0) },
    { "EET", H(2, 0) }, { "EEST", H(3, 0) }, { "MSK", H(3, 0) }, { "TRT", H(3, 0) },
    { "SAST", H(2, 0) }, { "CAT", H(2, 0) }, { "WAT", H(1, 0) }, { "EAT", H(3, 0) },  /* Africa */
    { "IDT", H(3, 0) }, { "IRST", H(3, 30) }, { "GST", H(4, 0) }, { "PKT", H(5, 0) }, /* Asia */
    { "IST", H(5, 30) }, { "NPT", H(5, 45) }, { "ICT", H(7, 0) }, { "WIB", H(7, 0) },
    { "HKT", H(8, 0) }, { "SGT", H(8, 0) }, { "PHT", H(8, 0) }, { "MYT", H(8, 0) },
    { "JST", H(9, 0) }, { "KST", H(9, 0) }, { "AWST", H(8, 0) }, { "ACST", H(9, 30) },
    { "ACDT", H(10, 30) }, { "AEST", H(10, 0) }, { "AEDT", H(11, 0) }, { "NZST", H(12, 0) },
    { "NZDT", H(13, 0) }, /* Oceania */
    { "NST", -H(3, 30) }, { "NDT", -H(2, 30) }, { "AST", -H(4, 0) }, { "ADT", -H(3, 0) },
    { "EST", -H(5, 0) }, { "EDT", -H(4, 0) }, { "CST", -H(6, 0) }, { "CDT", -H(5, 0) },
    { "MST", -H(7, 0) }, { "MDT", -H(6, 0) }, { "PST", -H(8, 0) }, { "PDT", -H(7, 0) },
    { "AKST", -H(9, 0) }, { "AKDT", -H(8, 0) }, { "HST", -H(10, 0) }, { "HDT", -H(9, 0) },
    { "BRT", -H(3, 0) }, { "BRST", -H(2, 0) }, { "ART", -H(3, 0) }, { "CLT", -H(4, 0) },
    { "CLST", -H(3, 0) }, { "COT", -H(5, 0) }, { "PET", -H(5, 0) }, /* America */
};

bool
smart_zone_find(struct sr_span name, int32_t *ret_seconds)
{
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        if (words_equal(name, zones[i].name)) {
            *ret_seconds = zones[i].minutes * 60;
            return true;
        }
    }
    return false;
}
