/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

#include "sr/banned.h"

struct page {
    char *text;
    size_t len;
};

static size_t
on_data(char *data, size_t size, size_t count, void *arg)
{
    struct page *page = arg;
    size_t len = size * count;

    if (len > DOCTOR_HTTP_MAX - page->len) {
        return 0;
    }
    char *text = realloc(page->text, page->len + len + 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text + page->len, data, len);
    page->len += len;
    text[page->len] = '\0';
    page->text = text;
    return len;
}

static CURL *
open_url(const char *url, unsigned timeout_ms)
{
    CURL *curl = curl_easy_init();

    if (curl != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_URL, url);
        (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
        (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    }
    return curl;
}

bool
doctor_http_get(const char *url, unsigned timeout_ms, char **ret_text)
{
    CURL *curl = open_url(url, timeout_ms);
    struct page page = { NULL, 0 };
    long status = 0;

    if (curl == NULL) {
        return false;
    }
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*"); /* it is on this host */
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &page);
    bool ok = curl_easy_perform(curl) == CURLE_OK &&
              curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
              status == 200 && page.text != NULL;
    curl_easy_cleanup(curl);
    if (!ok) {
        free(page.text);
        return false;
    }
    *ret_text = page.text;
    return true;
}

/* Takes "Date: ..." (RFC 9110, section 6.6.1). */
static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
    char line[64];
    size_t len = size * count;
    int64_t *time_s = arg;

    if (len > 6 && len < sizeof(line) && strncasecmp(data, "Date: ", 6) == 0) {
        memcpy(line, data + 6, len - 6);
        line[len - 6] = '\0';
        time_t when = curl_getdate(line, NULL);
        *time_s = when > 0 ? (int64_t)when : *time_s;
    }
    return len;
}

bool
doctor_http_date(const char *url, unsigned timeout_ms, int64_t *ret_time_s)
{
    CURL *curl = open_url(url, timeout_ms);
    int64_t time_s = 0;

    if (curl == NULL) {
        return false;
    }
    (void)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, &time_s);
    bool ok = curl_easy_perform(curl) == CURLE_OK && time_s != 0;
    curl_easy_cleanup(curl);
    if (ok) {
        *ret_time_s = time_s;
    }
    return ok;
}

/* Finds the next sample of the family at or behind `text`; `*ret_labels` is what follows its name.
 */
static bool
next_sample(const char *text, const char *name, const char **ret_labels)
{
    size_t len = strlen(name);

    while (*text != '\0') {
        if (strncmp(text, name, len) == 0 && (text[len] == ' ' || text[len] == '{')) {
            *ret_labels = text + len;
            return true;
        }
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return false;
}

/* The value at the end of a line. Counters may be written as floating point, ours are not. */
static uint64_t
value_of(const char *labels, size_t len)
{
    const char *end = labels + len;
    const char *start = end;

    while (start > labels && start[-1] != ' ') {
        start--;
    }
    return strtoull(start, NULL, 10);
}

bool
doctor_metric(const char *text, const char *name, const char *label, uint64_t *ret_sum)
{
    const char *labels = NULL;
    uint64_t sum = 0;
    bool found = false;

    while (next_sample(text, name, &labels)) {
        size_t len = strcspn(labels, "\n");
        if (label == NULL || memmem(labels, len, label, strlen(label)) != NULL) {
            found = true;
            sum += value_of(labels, len);
        }
        text = labels + len;
    }
    if (found) {
        *ret_sum = sum;
    }
    return found;
}

void
doctor_metric_reasons(const char *text, const char *name, doctor_reason_cb *cb, void *arg)
{
    static const char key[] = "reason=\"";
    const char *labels = NULL;

    while (next_sample(text, name, &labels)) {
        size_t len = strcspn(labels, "\n");
        const char *start = memmem(labels, len, key, sizeof(key) - 1);
        uint64_t count = value_of(labels, len);
        char reason[64];
        text = labels + len;
        if (start == NULL || count == 0) {
            continue;
        }
        start += sizeof(key) - 1;
        size_t used = strcspn(start, "\"\n");
        if (used < sizeof(reason)) {
            memcpy(reason, start, used);
            reason[used] = '\0';
            cb(arg, reason, count);
        }
    }
}
