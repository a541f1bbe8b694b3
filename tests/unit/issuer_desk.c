/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer_desk.h"

#include "unit.h"

#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sqlite3.h>

#include "files.h"
#include "folder.h"
#include "issuer/account.h"
#include "issuer/operator.h"

static char base[] = "/tmp/sr_issuer_XXXXXX";
static char dir[FILES_PATH_MAX];

struct store *desk_store;
struct trouble desk_trouble;

void
desk_good(bool ok)
{
    if (!ok) {
        fail_msg("%s; try: %s", desk_trouble.cause, desk_trouble.remedy);
    }
}

int
desk_open(void **state)
{
    const struct store_place place = { dir, NULL };
    const struct operator_draft draft = { "test", DESK_SERVER_URL, DESK_API_URL };
    struct account account;

    (void)state;
    bool ok = mkdtemp(base) != NULL && files_path(dir, "%s/issuer", base) &&
              store_create(&place, &desk_store, &desk_trouble) &&
              operator_create(desk_store, &draft, &desk_trouble) &&
              account_create(desk_store, "acme", &account, &desk_trouble) &&
              account_create(desk_store, "globex", &account, &desk_trouble);
    if (!ok) {
        print_error("%s; try: %s\n", desk_trouble.cause, desk_trouble.remedy);
    }
    return ok ? 0 : -1;
}

int
desk_close(void **state)
{
    (void)state;
    store_close(desk_store);
    return folder_remove(base);
}

static bool
take_number(void *arg, struct sqlite3_stmt *row)
{
    *(int64_t *)arg = sqlite3_column_int64(row, 0);
    return true;
}

int64_t
desk_number(const char *sql, const char *value)
{
    int64_t number = -1;

    desk_good(store_query(desk_store, &desk_trouble, take_number, &number, NULL, sql, "t", value));
    return number;
}

STACK_OF(X509) * desk_certificates(const char *pem)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = NULL;

    while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        sk_X509_push(certs, cert);
    }
    BIO_free(bio);
    return certs;
}

int
desk_verify(const char *sent, const char *ca_file, int purpose)
{
    STACK_OF(X509) *chain = desk_certificates(sent);
    STACK_OF(X509) *anchors = desk_certificates(ca_file);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();

    for (int i = 0; i < sk_X509_num(anchors); i++) {
        X509_STORE_add_cert(store, sk_X509_value(anchors, i));
    }
    X509_STORE_CTX_init(context, store, sk_X509_value(chain, 0), chain);
    X509_STORE_CTX_set_purpose(context, purpose);
    X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
    (void)X509_verify_cert(context);
    int error = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    sk_X509_pop_free(anchors, X509_free);
    sk_X509_pop_free(chain, X509_free);
    return error;
}

char *
desk_csr(const char *kind)
{
    EVP_PKEY *key =
        strncmp(kind, "RSA-", 4) == 0 ? EVP_RSA_gen(strtoul(kind + 4, NULL, 10)) : EVP_EC_gen(kind);
    X509_REQ *request = X509_REQ_new();
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;

    X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_ASC,
        (const unsigned char *)"somebody else", -1, -1, 0);
    X509_REQ_set_pubkey(request, key);
    X509_REQ_sign(request, key, EVP_sha256());
    PEM_write_bio_X509_REQ(bio, request);
    size_t len = (size_t)BIO_get_mem_data(bio, &data);
    char *pem = strndup(data, len);
    BIO_free(bio);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return pem;
}
