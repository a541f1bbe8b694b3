/* SPDX-License-Identifier: Apache-2.0 */
#include "netflow.h"

int
main(int argc, char **argv)
{
    return sr_program_main(&netflow_program, argc, argv);
}
