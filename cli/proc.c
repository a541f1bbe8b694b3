/* SPDX-License-Identifier: Apache-2.0 */
#include "proc.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

#include "sr/banned.h"

#define STATE_UDP_UNCONNECTED 7
#define STATE_TCP_LISTEN 10
#define INODES_MAX 64
#define LINE_MAX_BYTES 512
#define HEX_DIGITS "0123456789ABCDEFabcdef"
#define SOCKET_LINK "socket:["

/* An address is groups of 8 digits, each a word in the byte order of the host. */
static bool
read_address(const char *text, size_t len, struct proc_socket *s)
{
    if (len != 8 && len != 32) {
        return false;
    }
    for (size_t i = 0; i < len / 8; i++) {
        char group[9] = { 0 };
        memcpy(group, text + i * 8, 8);
        uint32_t word = (uint32_t)strtoul(group, NULL, 16);
        memcpy(s->address + i * 4, &word, 4);
    }
    s->v6 = len == 32;
    return true;
}

/* "0100007F:0202". */
static bool
read_end(char *text, struct proc_socket *s)
{
    char *port = strchr(text, ':');

    if (port == NULL || strlen(port + 1) != 4 || strspn(port + 1, HEX_DIGITS) != 4 ||
        strspn(text, HEX_DIGITS) != (size_t)(port - text)) {
        return false;
    }
    s->port = (uint16_t)strtoul(port + 1, NULL, 16);
    return read_address(text, (size_t)(port - text), s);
}

/* The columns: sl local remote st tx:rx tr:when retransmits uid timeout inode ... */
enum column { COLUMN_LOCAL = 1, COLUMN_STATE = 3, COLUMN_INODE = 9, COLUMNS };

bool
proc_read_socket(const char *line, struct proc_socket *ret_socket)
{
    struct proc_socket s = { .v6 = false };
    char copy[LINE_MAX_BYTES], *rest = NULL, *columns[COLUMNS] = { NULL };
    size_t count = 0;

    (void)snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL && count < COLUMNS;
         word = strtok_r(NULL, " ", &rest)) {
        columns[count++] = word;
    }
    if (count < COLUMNS || columns[0][strspn(columns[0], "0123456789")] != ':' ||
        !read_end(columns[COLUMN_LOCAL], &s)) {
        return false;
    }
    s.state = (unsigned)strtoul(columns[COLUMN_STATE], NULL, 16);
    s.inode = strtoull(columns[COLUMN_INODE], NULL, 10);
    *ret_socket = s;
    return true;
}

bool
proc_read_listen(const char *text, struct proc_listen *ret_listen)
{
    struct proc_listen l = { .tcp = strncmp(text, "udp://", 6) != 0 };
    const char *address = strstr(text, "://");
    const char *colon = strrchr(text, ':');
    char host[64];

    if (address == NULL || colon <= address + 2 ||
        (l.tcp && strncmp(text, "tcp://", 6) != 0 && strncmp(text, "tls://", 6) != 0)) {
        return false;
    }
    address += 3;
    size_t len = (size_t)(colon - address);
    if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
        l.v6 = true;
    }
    long port = strtol(colon + 1, NULL, 10);
    if (len >= sizeof(host) || port < 1 || port > 65535) {
        return false;
    }
    memcpy(host, address, len);
    host[len] = '\0';
    l.port = (uint16_t)port;
    if (inet_pton(l.v6 ? AF_INET6 : AF_INET, host, l.address) != 1) {
        return false;
    }
    *ret_listen = l;
    return true;
}

static bool
is_any(const uint8_t *address, bool v6)
{
    static const uint8_t zeros[16] = { 0 };

    return memcmp(address, zeros, v6 ? 16 : 4) == 0;
}

bool
proc_holds(const struct proc_socket *socket, const struct proc_listen *listen)
{
    if (socket->port != listen->port ||
        socket->state != (listen->tcp ? STATE_TCP_LISTEN : STATE_UDP_UNCONNECTED)) {
        return false;
    }
    if (is_any(socket->address, socket->v6) || is_any(listen->address, listen->v6)) {
        /* An IPv6 socket on any address takes IPv4 too; one on any IPv4 address no IPv6. */
        return socket->v6 == listen->v6 || (socket->v6 && is_any(socket->address, true)) ||
               (listen->v6 && is_any(listen->address, true));
    }
    return socket->v6 == listen->v6 &&
           memcmp(socket->address, listen->address, listen->v6 ? 16 : 4) == 0;
}

/* Adds the inodes of the sockets in one file that hold the port. */
static size_t
find_inodes(const char *file, const struct proc_listen *listen, uint64_t *inodes, size_t count)
{
    FILE *f = fopen(file, "re");
    char line[LINE_MAX_BYTES];

    if (f == NULL) {
        return count;
    }
    while (count < INODES_MAX && fgets(line, sizeof(line), f) != NULL) {
        struct proc_socket s;
        if (proc_read_socket(line, &s) && proc_holds(&s, listen)) {
            inodes[count++] = s.inode;
        }
    }
    (void)fclose(f);
    return count;
}

/* Whether a process has one of the sockets open. */
static bool
has_socket(const char *pid, const uint64_t *inodes, size_t count)
{
    char path[FILES_PATH_MAX], link[FILES_PATH_MAX], target[64];
    bool found = false;
    DIR *dir = files_path(path, "/proc/%s/fd", pid) ? opendir(path) : NULL;
    const struct dirent *entry = NULL;

    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        ssize_t len = files_path(link, "%s/%s", path, entry->d_name)
                          ? readlink(link, target, sizeof(target) - 1)
                          : -1;
        if (len <= 0) {
            continue;
        }
        target[len] = '\0';
        if (strncmp(target, SOCKET_LINK, sizeof(SOCKET_LINK) - 1) != 0) {
            continue;
        }
        unsigned long long inode = strtoull(target + sizeof(SOCKET_LINK) - 1, NULL, 10);
        for (size_t i = 0; i < count; i++) {
            found = found || inodes[i] == inode;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return found;
}

/* The name of a process's program: of its file, or what the kernel calls it. */
static void
name_of(const char *pid, char *out, size_t size)
{
    char path[FILES_PATH_MAX], target[FILES_PATH_MAX];
    ssize_t len =
        files_path(path, "/proc/%s/exe", pid) ? readlink(path, target, sizeof(target) - 1) : -1;

    if (len <= 0) {
        (void)snprintf(out, size, "process %s", pid);
        return;
    }
    target[len] = '\0';
    /* The kernel adds this when the file was replaced, as an upgrade does. */
    char *deleted = strstr(target, " (deleted)");
    if (deleted != NULL) {
        *deleted = '\0';
    }
    const char *base = strrchr(target, '/');
    (void)snprintf(out, size, "%.*s", (int)size - 1, base != NULL ? base + 1 : target);
}

static size_t
find_owners(const uint64_t *inodes, size_t count, struct proc_holder *ret_holders, size_t max)
{
    DIR *dir = opendir("/proc");
    const struct dirent *entry = NULL;
    size_t found = 0;

    while (dir != NULL && found < max && (entry = readdir(dir)) != NULL) {
        if (isdigit((unsigned char)entry->d_name[0]) && has_socket(entry->d_name, inodes, count)) {
            ret_holders[found].pid = strtol(entry->d_name, NULL, 10);
            name_of(entry->d_name, ret_holders[found].name, sizeof(ret_holders[found].name));
            found++;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return found;
}

size_t
proc_find_holders(const struct proc_listen *listen, struct proc_holder *ret_holders, size_t max)
{
    uint64_t inodes[INODES_MAX];
    size_t count = find_inodes(listen->tcp ? "/proc/net/tcp" : "/proc/net/udp", listen, inodes, 0);

    count = find_inodes(listen->tcp ? "/proc/net/tcp6" : "/proc/net/udp6", listen, inodes, count);
    if (count == 0 || max == 0) {
        return 0;
    }
    size_t found = find_owners(inodes, count, ret_holders, max);
    if (found == 0) {
        ret_holders[0].pid = 0;
        (void)snprintf(ret_holders[0].name, sizeof(ret_holders[0].name), "another user's program");
        found = 1;
    }
    return found;
}
