/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/bundle_check.h"

#include "sr/banned.h"

#define ISSUE_AGAIN "Have the bundle issued again."
#define DOWNLOAD_AGAIN                                                                             \
    "Download or copy the bundle again; if that does not help, have it issued again."
#define SET_CLOCK "Compare this host's clock with the time; set it, or wait."

bool
bundle_fault_is_fatal(enum bundle_fault fault)
{
    return fault != BUNDLE_PUBLISH_UNMAPPED;
}

const char *
bundle_fault_cause(enum bundle_fault fault)
{
    switch (fault) {
    case BUNDLE_CERT_UNREADABLE: return "collector.pem is not a PEM certificate.";
    case BUNDLE_CERT_EXPIRED: return "The collector's certificate has expired.";
    case BUNDLE_CERT_NOT_YET: return "The collector's certificate is not valid yet.";
    case BUNDLE_CERT_NO_CLIENT:
        return "The collector's certificate may not be used by a client: clientAuth is not among "
               "its extended key usages, or its key usage does not allow signatures.";
    case BUNDLE_KEY_UNREADABLE: return "collector-key.pem is not a PEM private key.";
    case BUNDLE_KEY_ENCRYPTED:
        return "The private key is encrypted, and a service has no password.";
    case BUNDLE_KEY_MISMATCH: return "The private key is not that of the certificate.";
    case BUNDLE_CA_UNREADABLE: return "The CA file holds no PEM certificate, or a damaged one.";
    case BUNDLE_CA_NO_ROOT:
        return "The CA file ends before a self-signed root, so that no server can be verified.";
    case BUNDLE_CA_LEAF_NO_ROOT:
        return "The CA file holds the collector's own certificate and its issuer but no root, so "
               "that no server can be verified: a known mistake of early versions of the platform.";
    case BUNDLE_CA_EXPIRED: return "A certificate of the CA file has expired.";
    case BUNDLE_CA_NOT_YET: return "A certificate of the CA file is not valid yet.";
    case BUNDLE_CHAIN_BROKEN:
        return "The collector's certificate does not chain to a root of the CA file.";
    case BUNDLE_CREDS_DAMAGED:
        return "The credentials hold no intact token and seed: they were cut or altered.";
    case BUNDLE_CREDS_NOT_USER: return "The token in the credentials is not a user's.";
    case BUNDLE_CREDS_MISMATCH: return "Token and seed in the credentials are of two users.";
    case BUNDLE_CREDS_EXPIRED: return "The credentials have expired.";
    case BUNDLE_CREDS_NOT_YET: return "The credentials are not valid yet.";
    case BUNDLE_CREDS_NO_INBOX:
        return "The user may not subscribe to any _INBOX subject, so that no acknowledgement can "
               "reach it.";
    case BUNDLE_PUBLISH_REFUSED:
        return "The user may publish neither on the collector's subject nor on any that an account "
               "may map it to.";
    case BUNDLE_PUBLISH_UNMAPPED:
        return "The user may publish on the collector's subject only as it is; where the account "
               "maps it to the tenant's, the server refuses every record.";
    case BUNDLE_NO_MEMORY: return "A check could not be made for want of memory.";
    }
    return "Unknown fault.";
}

const char *
bundle_fault_remedy(enum bundle_fault fault)
{
    switch (fault) {
    case BUNDLE_CERT_UNREADABLE:
    case BUNDLE_KEY_UNREADABLE:
    case BUNDLE_CA_UNREADABLE:
    case BUNDLE_CREDS_DAMAGED: return DOWNLOAD_AGAIN;
    case BUNDLE_CERT_EXPIRED:
    case BUNDLE_CA_EXPIRED:
    case BUNDLE_CREDS_EXPIRED:
        return "Compare this host's clock with the time; if it is right, have the bundle issued "
               "again.";
    case BUNDLE_CERT_NOT_YET:
    case BUNDLE_CA_NOT_YET:
    case BUNDLE_CREDS_NOT_YET: return SET_CLOCK;
    case BUNDLE_CERT_NO_CLIENT:
        return "Have the certificate issued with clientAuth and digitalSignature.";
    case BUNDLE_KEY_ENCRYPTED: return "Have the bundle issued with a key that is not encrypted.";
    case BUNDLE_KEY_MISMATCH:
    case BUNDLE_CREDS_MISMATCH: return ISSUE_AGAIN;
    case BUNDLE_CA_NO_ROOT:
    case BUNDLE_CA_LEAF_NO_ROOT:
        return "Have the bundle issued with the tenant's CA and the root above it in the CA file.";
    case BUNDLE_CHAIN_BROKEN:
        return "Have the bundle issued with the CA that signed the certificate and its root.";
    case BUNDLE_CREDS_NOT_USER: return "Have the bundle issued with the .creds of a user.";
    case BUNDLE_CREDS_NO_INBOX: return "Have the user issued again with sub.allow _INBOX.<name>.>.";
    case BUNDLE_PUBLISH_REFUSED:
    case BUNDLE_PUBLISH_UNMAPPED:
        return "Have the user issued again with pub.allow <tenant>.<subject>: the server checks "
               "after the account's mapping.";
    case BUNDLE_NO_MEMORY: return "Free some memory and try again.";
    }
    return "Have it looked at.";
}
