# SPDX-License-Identifier: Apache-2.0
"""The bills of materials say what the packages are made of, in the form of CycloneDX 1.5."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import uuid

import pytest

from lab import ROOT

KINDS = {"application", "library", "file"}
PURL = re.compile(r"pkg:(deb|rpm|generic)/[^@? ]+@[^@? ]+(\?arch=[a-z0-9_]+&distro=[a-z]+-[0-9.]+)?")
REQUIRED = {"bomFormat", "specVersion", "version", "serialNumber", "metadata", "components", "dependencies",
            "formulation"}


@pytest.fixture(params=["deb", "rpm"])
def family(request):
    return request.param


@pytest.fixture
def bill(packages, family):
    (file,) = (packages / "sbom").glob(f"*.{family}.cdx.json")
    return json.loads(file.read_text())


def all_components(bill):
    todo = [bill["metadata"]["component"], *bill["components"]]
    for made in todo:
        todo += made.get("components", [])
    return todo


def test_it_has_the_form_of_cyclonedx(bill):
    assert set(bill) == REQUIRED
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.5", 1)
    assert uuid.UUID(bill["serialNumber"].removeprefix("urn:uuid:")).version == 5
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", bill["metadata"]["timestamp"])
    for made in all_components(bill):
        assert made["type"] in KINDS and made["name"] and made["bom-ref"]
        assert set(made) <= {"type", "name", "bom-ref", "version", "purl", "licenses", "hashes", "components"}
        if made["type"] != "file":
            assert made["version"] and PURL.fullmatch(made["purl"]), made
        for one in made.get("hashes", []):
            assert one["alg"] == "SHA-256" and re.fullmatch("[0-9a-f]{64}", one["content"])
        for one in made.get("licenses", []):
            assert len(one["license"]) == 1 and set(one["license"]) <= {"id", "name"}


def test_every_reference_names_one_component(bill):
    refs = [made["bom-ref"] for made in all_components(bill)]
    refs += [made["bom-ref"] for part in bill["formulation"] for made in part["components"]]
    assert len(refs) == len(set(refs))
    linked = [one["ref"] for one in bill["dependencies"]]
    assert len(linked) == len(set(linked))
    for one in bill["dependencies"]:
        assert one["ref"] in refs and set(one["dependsOn"]) <= set(refs)
        assert one["ref"] not in one["dependsOn"]


def test_it_has_the_hash_of_every_package(packages, bill, family):
    hashes = {made["hashes"][0]["content"] for made in bill["components"] if "hashes" in made}
    files = list((packages / family).glob(f"*.{family}"))
    assert {hashlib.sha256(file.read_bytes()).hexdigest() for file in files} == hashes
    assert len(files) == len(hashes)


def test_it_has_the_hash_of_every_program(packages, bill, tmp_path, family):
    programs = {}
    for package in (packages / family).glob(f"serviceradar-*.{family}"):
        unpack = ["dpkg-deb", "-x", package, tmp_path] if family == "deb" else \
            ["sh", "-c", 'rpm2cpio "$0" | cpio -idm --quiet', package]
        subprocess.run(unpack, check=True, timeout=30, cwd=tmp_path)
    for folder in ("usr/bin", "usr/sbin"):
        for file in (tmp_path / folder).iterdir():
            programs[f"/{folder}/{file.name}"] = hashlib.sha256(file.read_bytes()).hexdigest()
    said = {made["name"]: made["hashes"][0]["content"] for made in all_components(bill)
            if made["type"] == "file"}
    assert len(programs) == 5 and said == programs


def test_it_has_what_the_programs_are_linked_with_and_what_that_needs(bill):
    depends = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    names = {made["bom-ref"]: made["name"] for made in all_components(bill)}
    netflow = next(ref for ref, name in names.items() if name == "serviceradar-netflow")
    direct = {re.sub(r"[0-9.-]+$", "", names[ref]) for ref in depends[netflow]}
    assert {"libc", "libnats", "libuv", "libssl", "libyaml"} <= direct
    nats = next(ref for ref in depends[netflow] if names[ref].startswith("libnats"))
    assert any(names[ref].startswith("libssl") for ref in depends[nats])
    assert next(made for made in bill["components"] if made["bom-ref"] == nats)["licenses"] == \
        [{"license": {"id": "Apache-2.0"}}]
    # One of many parts has the licence that the file gives to the rest.
    errors = next(made for made in bill["components"] if made["name"] == "libcom-err2")
    assert len(errors["licenses"]) > 1
    # Everything can be reached from the product: nothing is listed that is not used.
    reached, todo = set(), [bill["metadata"]["component"]["bom-ref"]]
    while todo:
        ref = todo.pop()
        if ref not in reached:
            reached.add(ref)
            todo += depends.get(ref, [])
    assert {made["bom-ref"] for made in bill["components"]} <= reached


def test_it_has_the_versions_that_are_installed_here(bill):
    for made in bill["components"]:
        if made["type"] == "library":
            installed = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", made["name"]], timeout=20,
                                       capture_output=True, text=True, check=True).stdout
            assert made["version"] == installed, made["name"]


def test_it_has_the_compiler(bill):
    assert any(re.match("gcc", made["name"]) for part in bill["formulation"] for made in part["components"])


def test_the_same_packages_make_the_same_bytes_and_others_another_number(packages, tmp_path):
    made = []
    (tmp_path / "deb").mkdir()
    for file in (packages / "deb").glob("serviceradar-syslog_*"):
        shutil.copy(file, tmp_path / "deb")
    for number, epoch in enumerate((1700000000, 1700000000, 1700000001)):
        subprocess.run([ROOT / "packaging/sbom", tmp_path / "deb", tmp_path / str(number)], check=True,
                       timeout=120, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}, capture_output=True)
        (file,) = (tmp_path / str(number)).iterdir()
        made.append(file.read_bytes())
    assert made[0] == made[1]
    assert json.loads(made[0])["serialNumber"] != json.loads(made[2])["serialNumber"]


@pytest.mark.parametrize("case", ["empty", "broken", "no time"])
def test_a_failure_has_one_cause_and_one_remedy(tmp_path, case):
    if case == "broken":
        (tmp_path / "x.deb").write_text("no package\n")
    env = {key: value for key, value in os.environ.items() if key != "SOURCE_DATE_EPOCH"}
    if case != "no time":
        env["SOURCE_DATE_EPOCH"] = "1700000000"
    done = subprocess.run([ROOT / "packaging/sbom", tmp_path, tmp_path / "out"], env=env, timeout=60,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and ";" in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()
