/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_COMMANDS_H_INCLUDED
#define CLI_COMMANDS_H_INCLUDED

/* The commands of serviceradar-cli, as struct command wants them; each has a file of its name. */
int bundle_command(int argc, char **argv);
int doctor_command(int argc, char **argv);
int enroll_command(int argc, char **argv);
int load_command(int argc, char **argv);
int mib_command(int argc, char **argv);
int renew_command(int argc, char **argv);
int replay_command(int argc, char **argv);
int rollback_command(int argc, char **argv);
int status_command(int argc, char **argv);
int tail_command(int argc, char **argv);
int unenroll_command(int argc, char **argv);

#endif
