#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the corpus of fuzz_bundle: bundles in each form, hostile archives, and content to check.

The first byte of a file says what it is; see fuzz_bundle.c. Keys are of this corpus only: each run
makes new ones.
"""

import argparse
import datetime
import gzip
import io
import json
import pathlib
import tarfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HERE = pathlib.Path(__file__).parent
NOW = datetime.datetime.fromtimestamp(1_800_000_000, datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
FILES = ("creds/nats.creds", "certs/collector.pem", "certs/collector-key.pem", "certs/ca-chain.pem",
         "config/trapd.json")
FLAT = ("nats.creds", "certs/collector.pem", "certs/collector-key.pem", "certs/ca.pem",
        "config.json")


def issue(name, issuer=None, usage=None, days=9):
    """A certificate and its key, from NOW less a day on; `issuer` is such a pair."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer or (None, key)
    builder = (x509.CertificateBuilder().subject_name(subject)
               .issuer_name(signer[0].subject if issuer else subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(NOW - DAY).not_valid_after(NOW + days * DAY)
               .add_extension(x509.BasicConstraints(usage is None, None), True))
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
    return builder.sign(signer[1], hashes.SHA256()), key


def pem(*certificates):
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c, _ in certificates)


def key_pem(pair, password=None):
    method = serialization.BestAvailableEncryption(password) if password \
        else serialization.NoEncryption()
    return pair[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                 method)


def archive(entries, form=tarfile.USTAR_FORMAT):
    """Entries are (name, content) or TarInfo objects."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
            else:
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                tar.addfile(info, io.BytesIO(entry[1]))
    # Without the padding to records: what is behind the two blocks of zeros is not needed.
    return out.getvalue().rstrip(b"\0") + bytes(512 - len(out.getvalue().rstrip(b"\0")) % 512) \
        + bytes(1024)


def special(kind, name, target=""):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def corpus():
    creds = (HERE / "corpus/creds/good").read_bytes()
    root = issue("root")
    tenant = issue("tenant", root)
    leaf = issue("leaf", tenant, ExtendedKeyUsageOID.CLIENT_AUTH)
    server = issue("server", tenant, ExtendedKeyUsageOID.SERVER_AUTH)
    short = [b"c", b"l", b"k", b"a", b"{}"]
    whole = [creds, pem(leaf), key_pem(leaf), pem(tenant, root), b'{"listen_addr": "x"}']
    top = "collector-package-0a1b2c3d/"
    built = [(top + name, text) for name, text in zip(FILES, short)]
    flat = list(zip(FLAT, short))
    answer = {"collector_type": "flowgger", "nats_creds": creds.decode(), "config": "site: x\n",
              "install_hints": {"config_path": "/etc/serviceradar/config/config.yaml"}}
    yield "built.gz", gzip.compress(
        archive([(top + name, text) for name, text in zip(FILES, whole)]), mtime=0)
    yield "not_packed.gz", gzip.compress(archive(flat), 0, mtime=0)
    yield "bomb.gz", gzip.compress(bytes(4 * 1024 * 1024 + 1), mtime=0)
    yield "answer.json", json.dumps(answer).encode()
    shape = ("collector_id: x\nsite: north\nnats:\n  url: u\nodd: {a: b}\n"
             "netflow:\n  listen: l\n  protocols: [a, b]\n")
    yield "answer_in_yaml.json", json.dumps(
        {"collector_type": "netflow", "nats_creds": "c\n", "config": shape}).encode()
    yield "answer_of_other.json", b'{"collector_type": "otel"}'
    yield "page.html", b"<html>502</html>"
    yield "tar_built", b"T" + archive(built)
    yield "tar_flat", b"T" + archive(flat)
    yield "tar_pax", b"T" + archive([("x" * 120, b"y")], tarfile.PAX_FORMAT)
    yield "tar_gnu", b"T" + archive([("x" * 120, b"y")], tarfile.GNU_FORMAT)
    yield "tar_link", b"T" + archive([special(tarfile.SYMTYPE, "nats.creds", "/etc/shadow")])
    yield "tar_device", b"T" + archive([special(tarfile.CHRTYPE, "nats.creds")])
    yield "tar_folder", b"T" + archive([special(tarfile.DIRTYPE, "certs/")])
    yield "tar_climb", b"T" + archive([("../../etc/cron.d/x", b"y")])
    yield "tar_twice", b"T" + archive([("a", b"y"), ("./a", b"z")])
    yield "tar_cut", b"T" + archive(flat)[:-1024]
    for name, parts in {
        "good": [creds, pem(leaf), key_pem(leaf), pem(tenant, root)],
        "no_root": [creds, pem(leaf), key_pem(leaf), pem(leaf, tenant)],
        "mismatch": [b"x", pem(server), key_pem(leaf), pem(root)],
        "locked": [b"x", pem(leaf, tenant), key_pem(leaf, b"p"), pem(root)],
    }.items():
        yield "parts_" + name, b"P" + b"\0".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=HERE / "corpus/bundle")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in corpus():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
