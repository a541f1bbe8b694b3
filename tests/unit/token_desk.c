/* SPDX-License-Identifier: Apache-2.0 */
#include "token_desk.h"

#include "unit.h"

#include <stdio.h>

#include "enroll/trust.h"
#include "sr/base64url.h"
#include "sr/nkeypair.h"

const uint8_t desk_seed[32] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
    19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };

const char desk_v1[] =
    "eyJlIjoxNzAwMDg2NDAwLCJwIjoiM2YyYjhjMWUtNWE0ZC00ZTZmLThhOWItMGMxZDJlM2Y0YTViIiwidCI6InE4WjBjM1"
    "Z3WlhJdGMyVmpjbVYwTFdadmNpMTBaWE4wIiwidSI6Imh0dHBzOi8vY29yZS5leGFtcGxlLmNvbSJ9";

const char desk_v1_f[] =
    "eyJlIjoxNzAwMDg2NDAwLCJmIjoidHJhcGQuanNvbiIsInAiOiIzZjJiOGMxZS01YTRkLTRlNmYtOGE5Yi0wYzFkMmUzZj"
    "RhNWIiLCJ0IjoicThaMGMzVndaWEl0YzJWamNtVjBMV1p2Y2kxMFpYTjAiLCJ1IjoiaHR0cHM6Ly9jb3JlLmV4YW1wbGUu"
    "Y29tIn0";

const char desk_v2[] =
    "collectorpkg-v2:"
    "eyJ1IjoiaHR0cHM6Ly9jb3JlLmV4YW1wbGUuY29tIiwicCI6IjNmMmI4YzFlLTVhNGQtNGU2Zi04YTliLTBjMWQyZTNmNG"
    "E1YiIsInQiOiJxOFowYzNWd1pYSXRjMlZqY21WMExXWnZjaTEwWlhOMCIsImUiOjE3MDAwODY0MDAsImYiOiJ0cmFwZC5q"
    "c29uIn0"
    ".XzLJR1H3FNa7I9xDowL24BST_apBjUZ8hUKWzeKb5WOml0Cfg4Nw5F0su6DD94Znfn0NjV-uLygNd83oDyBNBw";

const char desk_v3[] =
    "collectorpkg-v3:"
    "eyJ1IjoiaHR0cHM6Ly9jb3JlLmV4YW1wbGUuY29tIiwicCI6IjNmMmI4YzFlLTVhNGQtNGU2Zi04YTliLTBjMWQyZTNmNG"
    "E1YiIsInQiOiJxOFowYzNWd1pYSXRjMlZqY21WMExXWnZjaTEwWlhOMCIsImUiOjE3MDAwODY0MDAsImYiOiJ0cmFwZC5q"
    "c29uIiwiYyI6InNoYTI1NjphMGExYTJhM2E0YTVhNmE3YThhOWFhYWJhY2FkYWVhZmIwYjFiMmIzYjRiNWI2YjdiOGI5Ym"
    "FiYmJjYmRiZWJmIiwiayI6IjU2NDc1YWE3NTQ2MzQ3NGMifQ"
    ".iskFLuxMby4wYn382V9Ff7Bk8UBq813EmH0ozyffMGL0mn5p69BXrOIYAA2asl4w64CdI-y3Exx-DLj6Sh8eCA";

void
desk_trust(struct trust *trust)
{
    trust->count = 0;
    assert_int_equal(trust_add_text(trust, span_of(DESK_PUBLIC_HEX), "desk"), TRUST_OK);
}

void
desk_write(int version, const char *json, char out[DESK_TEXT_MAX])
{
    struct sr_buf text = sr_buf_over(out, DESK_TEXT_MAX);
    static char message[DESK_TEXT_MAX];
    struct sr_nkeypair pair;
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES];

    if (version > 1) {
        sr_buf_add_text(&text, version == 2 ? "collectorpkg-v2:" : "collectorpkg-v3:");
    }
    sr_base64url_encode(&text, span_of(json));
    if (version > 1) {
        (void)snprintf(
            message, sizeof(message), "%s%s", version == 2 ? "" : "collectorpkg-v3:", json);
        assert_int_equal(sr_nkeypair_from_seed(SR_NKEY_OPERATOR, desk_seed, &pair), SR_NKEY_OK);
        assert_int_equal(sr_nkeypair_sign(&pair, span_of(message), signature), SR_NKEY_OK);
        sr_buf_put(&text, '.');
        sr_base64url_encode(&text, (struct sr_span){ signature, sizeof(signature) });
    }
    sr_buf_put(&text, '\0');
    assert_false(text.overflow);
}
