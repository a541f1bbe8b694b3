/* SPDX-License-Identifier: Apache-2.0 */
#include "trouble.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sr/json.h"

#include "sr/banned.h"

struct words {
    int error;
    const char *cause, *remedy;
};

/* In the words of the person at the keyboard. What is not here is told as the system tells it. */
static const struct words table[] = {
    { EACCES, "permission denied", "run it as root" },
    { EPERM, "the system does not allow it",
        "run it as root, and look for the attribute `immutable` (lsattr)" },
    { EROFS, "its file system is read-only",
        "make the file system writable (mount -o remount,rw)" },
    { ENOSPC, "the disk is full", "free space on its disk (df) and run it again" },
    { EDQUOT, "the disk quota is used up", "raise the quota or free space, and run it again" },
    { EIO, "the disk reports an error", "look at the kernel's log (dmesg) and replace the disk" },
    { ENOENT, "it is not there", "make it, or run it again" },
    { EISDIR, "it is a folder", "move the folder away" },
    { ENOTDIR, "a part of the path is not a folder", "move away what is in the folder's place" },
    { ELOOP, "a part of the path is a symbolic link",
        "put a real folder or a bind mount in the link's place" },
    { ENAMETOOLONG, "the path is too long", "use a shorter --root" },
    { EMFILE, "too many files are open", "raise the limit of open files (ulimit -n)" },
    { ENFILE, "the system has too many open files", "raise the limit fs.file-max" },
    { ENOMEM, "there is no memory left", "free memory and run it again" },
    { EBUSY, "it is in use", "stop what uses it, or unmount what is mounted there" },
    { EFBIG, "it is larger than any such file is", "move the file away" },
    { EMLINK, "it has too many names (hard links)", "remove some of its hard links" },
    { EINVAL, "the file system does not support it", "use a local file system of Linux" },
    { EOPNOTSUPP, "the file system does not support it", "use a local file system of Linux" },
    { EAGAIN, "it was changed in this moment", "run it again when nobody changes it" },
    { ESTALE, "its content is not what was written there", "restore it from a backup" },
    { TROUBLE_EVERYBODY, "everybody may write to a folder on the way",
        "take that away (chmod o-w) and look at who put what there" },
    { ETXTBSY, "it is running", "stop what runs" },
};

static const struct words *
find(int error)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].error == error) {
            return &table[i];
        }
    }
    return NULL;
}

bool
trouble_errno(struct trouble *trouble, int error, const char *doing, const char *path)
{
    const struct words *words = find(error);

    return trouble_say(trouble, error,
        words != NULL ? words->remedy : "look at the disk and at the kernel's log (dmesg)",
        "cannot %s /%s: %s", doing, path, words != NULL ? words->cause : strerror(error));
}

/* The bytes of the printable character that `text` begins with; 0 for none. */
static size_t
character(const char *text)
{
    const uint8_t *b = (const uint8_t *)text;

    if (b[0] < 0x80) {
        return b[0] >= 0x20 && b[0] != 0x7f ? 1 : 0;
    }
    for (size_t len = 2; len <= 4 && b[len - 1] != '\0'; len++) {
        if (sr_utf8_valid((struct sr_span){ b, len })) {
            return b[0] == 0xc2 && b[1] < 0xa0 ? 0 : len;
        }
    }
    return 0;
}

void
trouble_clean(char *text)
{
    while (*text != '\0') {
        size_t len = character(text);
        if (len == 0) {
            *text = '?';
            len = 1;
        }
        text += len;
    }
}

bool
trouble_say(struct trouble *trouble, int error, const char *remedy, const char *cause, ...)
{
    va_list args;

    trouble->error = error;
    va_start(args, cause);
    (void)vsnprintf(trouble->cause, sizeof(trouble->cause), cause, args);
    va_end(args);
    trouble_clean(trouble->cause);
    trouble_remedy(trouble, remedy);
    return false;
}

void
trouble_remedy(struct trouble *trouble, const char *remedy)
{
    (void)snprintf(trouble->remedy, sizeof(trouble->remedy), "%s", remedy);
    trouble_clean(trouble->remedy);
}
