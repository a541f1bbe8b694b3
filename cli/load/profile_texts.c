/* SPDX-License-Identifier: Apache-2.0 */
#include "load/profile.h"

#include "sr/banned.h"

/* Many makers' devices, as a larger site has them. */
static const char vendor_mix[] = "syslog:\n"
                                 "  hosts: 2000\n"
                                 "  mix:\n"
                                 "    - {format: cisco, weight: 30, size: 150, size_max: 220}\n"
                                 "    - {format: rfc3164, weight: 30, size: 90, size_max: 400}\n"
                                 "    - {format: rfc5424, weight: 20, size: 180, size_max: 700}\n"
                                 "    - {format: cef, weight: 10, size: 300, size_max: 900}\n"
                                 "    - {format: json, weight: 10, size: 300, size_max: 1400}\n"
                                 "trap:\n"
                                 "  mix:\n"
                                 "    - {version: v2c, weight: 6, varbinds: 3}\n"
                                 "    - {version: v2c, weight: 3, varbinds: 12}\n"
                                 "    - {version: v1, weight: 1, varbinds: 3}\n"
                                 "netflow:\n"
                                 "  sampling: 1000\n"
                                 "  mix:\n"
                                 "    - {format: v9, weight: 5}\n"
                                 "    - {format: ipfix, weight: 4}\n"
                                 "    - {format: v5, weight: 1}\n";

/* What queues and buffers are for. */
static const char storm[] = "bursts: {every: 10s, of: 5000}\n"
                            "syslog:\n"
                            "  severities: [error, critical, warning, error]\n"
                            "  mix:\n"
                            "    - {format: rfc5424, weight: 3, size: 200, size_max: 500}\n"
                            "    - {format: cisco, weight: 1, size: 180}\n"
                            "trap:\n"
                            "  mix:\n"
                            "    - {version: v2c, varbinds: 5}\n";

/* From small messages to such as only just fit into a datagram. */
static const char sizes[] = "syslog:\n"
                            "  mix:\n"
                            "    - {format: rfc5424, weight: 80, size: 128, size_max: 1KiB}\n"
                            "    - {format: json, weight: 15, size: 1KiB, size_max: 8KiB}\n"
                            "    - {format: rfc5424, weight: 5, size: 8KiB, size_max: 60KiB}\n"
                            "trap:\n"
                            "  mix:\n"
                            "    - {version: v2c, weight: 8, varbinds: 1}\n"
                            "    - {version: v2c, weight: 2, varbinds: 40}\n"
                            "    - {version: v2c, weight: 1, size: 8KiB}\n"
                            "netflow:\n"
                            "  mix:\n"
                            "    - {format: ipfix, weight: 8}\n"
                            "    - {format: v9, weight: 2, size: 300}\n"
                            "    - {format: ipfix, weight: 1, size: 9000}\n";

const struct profile_text profile_texts[] = {
    { "vendor-mix", "many makers' devices, as a larger site has them", vendor_mix },
    { "storm", "bursts of 5000 every 10 s beside --rate", storm },
    { "sizes", "from small messages to 60 KiB", sizes },
    { NULL, NULL, NULL },
};
