/* SPDX-License-Identifier: Apache-2.0 */
#include "disk_bench.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MIB (1024U * 1024U)
#define RUN_ID 0x7001

void
disk_make_dir(struct disk_bench *b)
{
    *b = (struct disk_bench){ .path = "/tmp/test_disk.XXXXXX" };
    assert_non_null(mkdtemp(b->path));
}

static unsigned
each_file(const struct disk_bench *b, const char *suffix, bool removes)
{
    DIR *d = opendir(b->path);
    const struct dirent *e;
    unsigned count = 0;
    char path[400];

    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        size_t len = strlen(e->d_name), end = strlen(suffix);
        if (e->d_name[0] == '.' || len < end || strcmp(e->d_name + len - end, suffix) != 0) {
            continue;
        }
        count++;
        (void)snprintf(path, sizeof(path), "%s/%s", b->path, e->d_name);
        assert_true(!removes || unlink(path) == 0 || rmdir(path) == 0);
    }
    (void)closedir(d);
    return count;
}

void
disk_remove_dir(struct disk_bench *b)
{
    (void)each_file(b, "", true);
    assert_int_equal(rmdir(b->path), 0);
}

unsigned
disk_files(const struct disk_bench *b, const char *suffix)
{
    return each_file(b, suffix, false);
}

void
disk_open(struct disk_bench *b, int durability, uint64_t disk, uint64_t first_number)
{
    char error[256] = "";
    struct sr_lane_options lane = { .listener_name = "udp://x", .subject = "logs.x" };

    b->spool = sr_spool_open(b->path, error, sizeof(error));
    if (b->spool == NULL) {
        fail_msg("%s", error);
    }
    struct sr_queue_options options = {
        .memory = MIB,
        .listeners = 1,
        .run_id = RUN_ID,
        .durability = durability,
        .spool = b->spool,
        .disk = disk,
        .first_number = first_number,
    };
    b->queue = sr_queue_new(&options);
    assert_non_null(b->queue);
    b->lane = sr_queue_add_lane(b->queue, &lane);
    assert_non_null(b->lane);
}

void
disk_close(struct disk_bench *b)
{
    sr_queue_free(b->queue);
    sr_spool_close(b->spool);
}

bool
disk_put(struct disk_bench *b, uint32_t value, size_t len)
{
    uint8_t *room = sr_lane_reserve(b->lane, len, 1);

    if (room == NULL) {
        return false;
    }
    memset(room, (int)(value & 0xff), len);
    memcpy(room, &value, sizeof(value));
    sr_lane_commit(b->lane, len, 0, 1);
    return true;
}

void
disk_fill(struct disk_bench *b, uint32_t first, uint32_t count, size_t len)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_true(disk_put(b, first + i, len));
    }
    assert_int_equal(sr_lane_keep(b->lane), 0);
    sr_lane_flush(b->lane);
}

uint32_t
disk_value(const struct sr_entry *e)
{
    uint32_t value;

    assert_true(e->body.len >= sizeof(value));
    memcpy(&value, e->body.data, sizeof(value));
    for (size_t i = sizeof(value); i < e->body.len; i++) {
        assert_int_equal(e->body.data[i], value & 0xff);
    }
    return value;
}

static FILE *
open_segment(const struct disk_bench *b, uint64_t number)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%016llx.seg", b->path, (unsigned long long)number);
    FILE *f = fopen(path, "r+e");
    assert_non_null(f);
    return f;
}

void
disk_flip(const struct disk_bench *b, uint64_t number, uint64_t offset)
{
    FILE *f = open_segment(b, number);
    int byte;

    assert_int_equal(fseek(f, (long)offset, SEEK_SET), 0);
    byte = fgetc(f);
    assert_true(byte != EOF);
    assert_int_equal(fseek(f, (long)offset, SEEK_SET), 0);
    assert_true(fputc(byte ^ 0x40, f) != EOF);
    assert_int_equal(fclose(f), 0);
}

void
disk_cut(const struct disk_bench *b, uint64_t number, uint64_t size)
{
    FILE *f = open_segment(b, number);

    assert_int_equal(ftruncate(fileno(f), (off_t)size), 0);
    assert_int_equal(fclose(f), 0);
}

size_t
disk_list(const struct disk_bench *b, uint64_t *out, size_t room)
{
    size_t count;
    uint64_t *list = sr_spool_list(b->spool, &count);

    assert_non_null(list);
    assert_true(count <= room);
    memcpy(out, list, count * sizeof(*list));
    free(list);
    return count;
}
