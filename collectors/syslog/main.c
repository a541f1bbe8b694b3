/* SPDX-License-Identifier: Apache-2.0 */
#include "syslog.h"

int
main(int argc, char **argv)
{
    return sr_program_main(&syslog_program, argc, argv);
}
