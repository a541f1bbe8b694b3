# SPDX-License-Identifier: Apache-2.0
"""Certificates of senders and listeners, and senders that use them."""

import datetime
import os
import socket
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab import Authority


class Signer(Authority):
    """An authority whose certificates have names of their own, and which takes them back."""

    def make(self, name, dns=None, days=1, self_signed=False):
        """A pair; returns its two paths. With `days` below 0 it is over."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now, day = datetime.datetime.utcnow(), datetime.timedelta(days=1)
        builder = (x509.CertificateBuilder().subject_name(subject)
                   .issuer_name(subject if self_signed else self.subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - 30 * day).not_valid_after(now + days * day)
                   .add_extension(x509.SubjectAlternativeName(
                       [x509.DNSName(dns or name)]), critical=False))
        if self_signed:
            file = self.folder / f"{name}.pem"
            pem = serialization.Encoding.PEM
            file.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(pem))
            (self.folder / f"{name}-key.pem").write_bytes(key.private_bytes(
                pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        else:
            file = self._write(name, key, builder)
        return file, file.with_name(f"{name}-key.pem")

    def revoke(self, *certs):
        """Writes the list of those certificates; returns its path."""
        now, day = datetime.datetime.utcnow(), datetime.timedelta(days=1)
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.subject)
                   .last_update(now - day).next_update(now + day))
        for cert in certs:
            serial = x509.load_pem_x509_certificate(cert.read_bytes()).serial_number
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build())
        new = self.folder / f"{self.name}.crl.new"
        new.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(
            serialization.Encoding.PEM))
        return new.replace(self.folder / f"{self.name}.crl")


def replace(file, other):
    """Puts a copy of another file in its place, as tools that renew certificates do."""
    new = file.with_name(f"{file.name}.new")
    new.write_bytes(other.read_bytes())
    os.replace(new, file)


def fingerprint(cert):
    digest = x509.load_pem_x509_certificate(cert.read_bytes()).fingerprint(hashes.SHA256())
    return "sha-256:" + ":".join(f"{b:02X}" for b in digest)


def connect(lab, address, ca, pair=None, version=None, head=b""):
    """A connection over TLS. Raises what ssl raises; with 1.3 a refusal shows only later."""
    context = ssl.create_default_context(cafile=str(ca))
    context.check_hostname = False
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if pair is not None:
        context.load_cert_chain(*map(str, pair))
    raw = socket.create_connection(address, 10)
    raw.sendall(head)
    s = context.wrap_socket(raw)
    lab.sockets.append(s)
    return s


def is_refused(lab, address, ca, pair=None, version=ssl.TLSVersion.TLSv1_2):
    """True when the listener ends the connection in the handshake, or right behind it."""
    try:
        s = connect(lab, address, ca, pair, version)
        s.settimeout(15)
        return s.recv(1) == b""
    except OSError:
        return True
