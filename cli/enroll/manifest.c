/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/manifest.h"

#include <stdio.h>
#include <string.h>

#include "sr/buf.h"

#include "sr/banned.h"

#define HEAD "serviceradar-generation 1"
#define PATH_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+@-"

static const char *const kind_words[] = {
    [MANIFEST_APPLY] = "apply",
    [MANIFEST_ROLLBACK] = "rollback",
};

static bool
part_is_fine(const char *part, size_t len)
{
    return len > 0 && len < MANIFEST_NAME_MAX && !(len == 1 && part[0] == '.') &&
           !(len == 2 && part[0] == '.' && part[1] == '.');
}

bool
manifest_path_is_fine(const char *path)
{
    if (strlen(path) >= MANIFEST_PATH_MAX || path[strspn(path, PATH_LETTERS "/")] != '\0') {
        return false;
    }
    for (;;) {
        size_t len = strcspn(path, "/");
        if (!part_is_fine(path, len)) {
            return false;
        }
        if (path[len] == '\0') {
            return true;
        }
        path += len + 1;
    }
}

bool
manifest_same(const struct manifest_state *a, const struct manifest_state *b)
{
    if (!a->present || !b->present) {
        return a->present == b->present;
    }
    return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->size == b->size &&
           memcmp(a->hash, b->hash, sizeof(a->hash)) == 0;
}

/* ---- Writing ---- */

static void
add_state(struct sr_buf *out, const struct manifest_state *state)
{
    char numbers[96];

    if (!state->present) {
        sr_buf_add_text(out, " -");
        return;
    }
    (void)snprintf(numbers, sizeof(numbers), " %04o:%lu:%lu:%llu:", (unsigned)state->mode,
        (unsigned long)state->uid, (unsigned long)state->gid, (unsigned long long)state->size);
    sr_buf_add_text(out, numbers);
    sr_buf_add_hex(out, (struct sr_span){ state->hash, sizeof(state->hash) });
}

size_t
manifest_write(const struct manifest *m, char out[MANIFEST_TEXT_MAX])
{
    struct sr_buf text = sr_buf_over(out, MANIFEST_TEXT_MAX);

    sr_buf_add_text(&text, HEAD "\n");
    sr_buf_add_text(&text, kind_words[m->kind]);
    sr_buf_add_text(&text, " ");
    sr_buf_add_u64(&text, m->number);
    sr_buf_add_text(&text, " ");
    sr_buf_add_u64(&text, m->time);
    sr_buf_add_text(&text, "\n");
    for (size_t i = 0; i < m->folder_count; i++) {
        sr_buf_add_text(&text, "folder ");
        sr_buf_add_text(&text, m->folders[i]);
        sr_buf_add_text(&text, "\n");
    }
    for (size_t i = 0; i < m->count; i++) {
        const struct manifest_file *f = &m->files[i];
        sr_buf_add_text(&text, "file ");
        sr_buf_add_text(&text, f->path);
        add_state(&text, &f->after);
        add_state(&text, &f->before);
        sr_buf_add_text(&text, " ");
        sr_buf_add_text(&text, f->kept[0] != '\0' ? f->kept : "-");
        sr_buf_add_text(&text, "\n");
    }
    sr_buf_add_text(&text, "end\n");
    return text.overflow ? 0 : text.len;
}

/* ---- Reading ---- */

/* The bytes before the next `stop`, which is taken with them; `failed` when it does not come. */
static struct sr_span
take_until(struct sr_reader *r, char stop)
{
    size_t left = sr_reader_left(r);
    const uint8_t *end = left > 0 ? memchr(r->pos, stop, left) : NULL;
    size_t len = end != NULL ? (size_t)(end - r->pos) : left;
    struct sr_span word = sr_reader_take(r, len);

    (void)sr_reader_u8(r);
    return word;
}

static bool
is_word(struct sr_span span, const char *word)
{
    return span.len == strlen(word) && memcmp(span.data, word, span.len) == 0;
}

/* A number in base 8 or 10, of at most `max`. */
static uint64_t
read_number(struct sr_reader *r, struct sr_span digits, unsigned base, uint64_t max)
{
    uint64_t value = 0;

    if (digits.len == 0 || digits.len > 20) {
        r->failed = true;
    }
    for (size_t i = 0; i < digits.len && !r->failed; i++) {
        unsigned digit = (unsigned)digits.data[i] - '0';
        if (digit >= base || value > (max - digit) / base) {
            r->failed = true;
        } else {
            value = value * base + digit;
        }
    }
    return r->failed ? 0 : value;
}

static void
read_hash(struct sr_reader *r, struct sr_span text, uint8_t hash[MANIFEST_HASH_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    if (text.len != (size_t)2 * MANIFEST_HASH_SIZE) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = memchr(digits, text.data[i], 16);
        if (digit == NULL) {
            r->failed = true;
            return;
        }
        hash[i / 2] = (uint8_t)((unsigned)hash[i / 2] << 4 | (unsigned)(digit - digits));
    }
}

/* A state that ends with a space, which every one in a line does. */
static void
read_state(struct sr_reader *r, struct manifest_state *ret_state)
{
    struct manifest_state state = { .present = false };
    struct sr_span word = take_until(r, ' ');

    if (!r->failed && !is_word(word, "-")) {
        struct sr_reader in = sr_reader_init(word);
        state.present = true;
        state.mode = (mode_t)read_number(&in, take_until(&in, ':'), 8, 07777);
        state.uid = (uid_t)read_number(&in, take_until(&in, ':'), 10, UINT32_MAX);
        state.gid = (gid_t)read_number(&in, take_until(&in, ':'), 10, UINT32_MAX);
        state.size = read_number(&in, take_until(&in, ':'), 10, UINT64_MAX / 16);
        read_hash(&in, sr_reader_take(&in, sr_reader_left(&in)), state.hash);
        r->failed = r->failed || in.failed;
    }
    *ret_state = state;
}

static void
read_path(struct sr_reader *r, struct sr_span word, char out[MANIFEST_PATH_MAX])
{
    if (r->failed || word.len >= MANIFEST_PATH_MAX || memchr(word.data, '\0', word.len) != NULL) {
        r->failed = true;
        return;
    }
    memcpy(out, word.data, word.len);
    out[word.len] = '\0';
    r->failed = !manifest_path_is_fine(out);
}

static void
read_file_line(struct sr_reader *r, struct manifest *m)
{
    if (m->count == MANIFEST_FILES_MAX) {
        r->failed = true;
        return;
    }
    struct manifest_file *f = &m->files[m->count++];
    read_path(r, take_until(r, ' '), f->path);
    read_state(r, &f->after);
    read_state(r, &f->before);
    struct sr_span kept = take_until(r, '\n');
    f->kept[0] = '\0';
    if (!r->failed && !is_word(kept, "-")) {
        read_path(r, kept, f->kept);
        r->failed = r->failed || strchr(f->kept, '/') != NULL;
    }
}

static void
read_head(struct sr_reader *r, struct manifest *m)
{
    r->failed = !is_word(take_until(r, '\n'), HEAD) || r->failed;
    struct sr_span kind = take_until(r, ' ');
    if (is_word(kind, kind_words[MANIFEST_ROLLBACK])) {
        m->kind = MANIFEST_ROLLBACK;
    } else {
        m->kind = MANIFEST_APPLY;
        r->failed = r->failed || !is_word(kind, kind_words[MANIFEST_APPLY]);
    }
    m->number = (unsigned)read_number(r, take_until(r, ' '), 10, UINT32_MAX);
    m->time = read_number(r, take_until(r, '\n'), 10, UINT64_MAX / 16);
}

bool
manifest_read(struct sr_span text, struct manifest *ret_manifest)
{
    struct sr_reader r = sr_reader_init(text);
    struct manifest *m = ret_manifest;

    m->count = 0;
    m->folder_count = 0;
    read_head(&r, m);
    while (!r.failed) {
        size_t left = sr_reader_left(&r);
        if (left == 4 && memcmp(r.pos, "end\n", 4) == 0) {
            return true;
        }
        struct sr_span word = take_until(&r, ' ');
        if (is_word(word, "file")) {
            read_file_line(&r, m);
        } else if (is_word(word, "folder") && m->folder_count < MANIFEST_FOLDERS_MAX) {
            read_path(&r, take_until(&r, '\n'), m->folders[m->folder_count++]);
        } else {
            r.failed = true;
        }
    }
    return false;
}
