/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/nats_config.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "sr/banned.h"

#define LEFT_S (30 * 86400) /* certificates are made anew so long before their end */

static X509 *
read_file(const char *path)
{
    FILE *f = fopen(path, "rbe");
    X509 *cert = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

    if (f != NULL) {
        (void)fclose(f);
    }
    return cert;
}

static X509 *
read_text(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    (void)BIO_free(bio);
    return cert;
}

bool
nats_config_certificate_holds(
    const char *cert_file, const char *root_pem, const char *name, uint64_t now_s)
{
    X509 *cert = read_file(cert_file);
    X509 *root = read_text(root_pem);
    time_t then = (time_t)now_s + LEFT_S;

    bool ok = cert != NULL && root != NULL && X509_verify(cert, X509_get0_pubkey(root)) == 1 &&
              X509_cmp_time(X509_get0_notAfter(cert), &then) > 0 &&
              (X509_check_host(cert, name, strlen(name), 0, NULL) == 1 ||
                  X509_check_ip_asc(cert, name, 0) == 1);
    X509_free(cert);
    X509_free(root);
    return ok;
}
