/* SPDX-License-Identifier: Apache-2.0 */
#include "pcap_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

static void
write_u32(FILE *stream, uint32_t value)
{
    assert_int_equal(fwrite(&value, sizeof(value), 1, stream), 1);
}

void
pcap_file_start_empty(struct pcap_file *file)
{
    int fd;

    (void)snprintf(file->path, sizeof(file->path), "/tmp/sr_unit_XXXXXX");
    fd = mkstemp(file->path);
    assert_true(fd >= 0);
    file->stream = fdopen(fd, "wb");
    assert_non_null(file->stream);
}

void
pcap_file_start(struct pcap_file *file, uint32_t link_type)
{
    pcap_file_start_empty(file);
    write_u32(file->stream, 0xa1b2c3d4); /* microseconds */
    write_u32(file->stream, 0x00040002); /* version 2.4, on a little-endian host */
    write_u32(file->stream, 0);
    write_u32(file->stream, 0);
    write_u32(file->stream, 65535);
    write_u32(file->stream, link_type);
}

void
pcap_file_add_raw(struct pcap_file *file, const char *hex)
{
    while (*hex != '\0') {
        char pair[3] = { hex[0], hex[1], '\0' };

        if (*hex == ' ') {
            hex++;
            continue;
        }
        putc((int)strtoul(pair, NULL, 16), file->stream);
        hex += 2;
    }
}

void
pcap_file_add(struct pcap_file *file, uint32_t time, const char *hex)
{
    uint32_t digits = 0;

    for (const char *at = hex; *at != '\0'; at++) {
        digits += *at != ' ';
    }
    write_u32(file->stream, time);
    write_u32(file->stream, 250000);
    write_u32(file->stream, digits / 2);
    write_u32(file->stream, digits / 2);
    pcap_file_add_raw(file, hex);
}

void
pcap_file_finish(struct pcap_file *file)
{
    assert_int_equal(fclose(file->stream), 0);
}

void
pcap_file_remove(struct pcap_file *file)
{
    (void)unlink(file->path);
}
