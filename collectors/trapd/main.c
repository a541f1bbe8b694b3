/* SPDX-License-Identifier: Apache-2.0 */
#include "trapd.h"

int
main(int argc, char **argv)
{
    return sr_program_main(&trapd_program, argc, argv);
}
