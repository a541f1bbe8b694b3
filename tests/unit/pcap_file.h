/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_PCAP_FILE_H_INCLUDED
#define TESTS_UNIT_PCAP_FILE_H_INCLUDED

#include <stdint.h>
#include <stdio.h>

/* A capture that a test writes frame by frame into a temporary file. */
struct pcap_file {
    char path[64];
    FILE *stream;
};

/* Starts a classic pcap file with microseconds and `snaplen` 65,535. */
void pcap_file_start(struct pcap_file *file, uint32_t link_type);

/* A file without any header, for what is no classic pcap. */
void pcap_file_start_empty(struct pcap_file *file);

/* Adds the frame given in hexadecimal (blanks are skipped), captured at second `time`. */
void pcap_file_add(struct pcap_file *file, uint32_t time, const char *hex);

/* Adds bytes given in hexadecimal as they are. */
void pcap_file_add_raw(struct pcap_file *file, const char *hex);

/* All is written; the file can be read at `path` until pcap_file_remove. */
void pcap_file_finish(struct pcap_file *file);
void pcap_file_remove(struct pcap_file *file);

#endif
