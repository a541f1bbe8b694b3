/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/http.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

#include "sr/banned.h"

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
    CURL *curl = curl_easy_init();
    int64_t time_s = 0;

    if (curl == NULL) {
        return false;
    }
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
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
