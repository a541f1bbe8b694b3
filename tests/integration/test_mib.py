# SPDX-License-Identifier: Apache-2.0
"""serviceradar-cli mib: tables of names from MIB modules, good ones and broken ones."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SR_BIN", ROOT / "build-dev" / "bin"))
CLI = str(BIN / "serviceradar-cli")

PUMP = """
PUMP-MIB DEFINITIONS ::= BEGIN
IMPORTS
    MODULE-IDENTITY, OBJECT-TYPE, NOTIFICATION-TYPE, enterprises, Integer32, Gauge32, Counter64,
    IpAddress FROM SNMPv2-SMI
    TEXTUAL-CONVENTION, DisplayString, DateAndTime FROM SNMPv2-TC;

pumpMIB MODULE-IDENTITY
    LAST-UPDATED "202611220000Z" ORGANIZATION "x" CONTACT-INFO "x" DESCRIPTION "x"
    ::= { enterprises 99991 }

Tenths ::= TEXTUAL-CONVENTION
    DISPLAY-HINT "d-1" STATUS current DESCRIPTION "x" SYNTAX Integer32
PumpState ::= TEXTUAL-CONVENTION
    STATUS current DESCRIPTION "x" SYNTAX INTEGER { off(0), on(1), broken(-1) }

pumpObjects OBJECT IDENTIFIER ::= { pumpMIB 1 }
pumpTable OBJECT-TYPE
    SYNTAX SEQUENCE OF PumpEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "x"
    ::= { pumpObjects 1 }
pumpEntry OBJECT-TYPE
    SYNTAX PumpEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "x"
    INDEX { pumpIndex } ::= { pumpTable 1 }
PumpEntry ::= SEQUENCE { pumpIndex Integer32, pumpPressure Tenths, pumpState PumpState }
pumpIndex OBJECT-TYPE
    SYNTAX Integer32 (1..9) MAX-ACCESS not-accessible STATUS current DESCRIPTION "x"
    ::= { pumpEntry 1 }
pumpPressure OBJECT-TYPE
    SYNTAX Tenths MAX-ACCESS read-only STATUS current DESCRIPTION "x" ::= { pumpEntry 2 }
pumpState OBJECT-TYPE
    SYNTAX PumpState MAX-ACCESS read-only STATUS current DESCRIPTION "x" ::= { pumpEntry 3 }
pumpFaults OBJECT-TYPE
    SYNTAX BITS { dry(0), hot(1), stuck(9) }
    MAX-ACCESS read-only STATUS current DESCRIPTION "x" ::= { pumpObjects 2 }
pumpName OBJECT-TYPE
    SYNTAX DisplayString MAX-ACCESS read-only STATUS current DESCRIPTION "x"
    ::= { pumpObjects 3 }
pumpAddress OBJECT-TYPE
    SYNTAX IpAddress MAX-ACCESS read-only STATUS current DESCRIPTION "x" ::= { pumpObjects 4 }
pumpLitres OBJECT-TYPE
    SYNTAX Counter64 MAX-ACCESS read-only STATUS current DESCRIPTION "x" ::= { pumpObjects 5 }
pumpSpeed OBJECT-TYPE
    SYNTAX Gauge32 MAX-ACCESS read-only STATUS current DESCRIPTION "x" ::= { pumpObjects 6 }

pumpNotifications OBJECT IDENTIFIER ::= { pumpMIB 0 }
pumpDown NOTIFICATION-TYPE
    OBJECTS { pumpState } STATUS current DESCRIPTION "x" ::= { pumpNotifications 1 }
END
"""

OLD = """
OLD-MIB DEFINITIONS ::= BEGIN
IMPORTS enterprises FROM RFC1155-SMI OBJECT-TYPE FROM RFC-1212 TRAP-TYPE FROM RFC-1215;
old OBJECT IDENTIFIER ::= { enterprises 99992 }
oldLevel OBJECT-TYPE SYNTAX INTEGER { low(1), high(2) }
    ACCESS read-only STATUS mandatory DESCRIPTION "x" ::= { old 1 }
oldAlarm TRAP-TYPE ENTERPRISE old VARIABLES { oldLevel } DESCRIPTION "x" ::= 7
END
"""

# The object identifier of the fifth line has no number, and nothing of the module can be trusted.
BROKEN = """BROKEN-MIB DEFINITIONS ::= BEGIN
IMPORTS enterprises FROM RFC1155-SMI OBJECT-TYPE FROM RFC-1212;
broken OBJECT IDENTIFIER ::= { enterprises 99993 }

brokenLevel OBJECT-TYPE SYNTAX ::= INTEGER { low(1) high }
    ACCESS read-only ::= { broken 1
END
"""

# What it stands under is in a module that is nowhere.
ORPHAN = """ORPHAN-MIB DEFINITIONS ::= BEGIN
IMPORTS nowhere FROM NOWHERE-MIB;
orphan OBJECT IDENTIFIER ::= { nowhere 1 }
END
"""


# What libnetsnmp's parser forgets of a module that is wrong is not ours to free.
SUPPRESSIONS = pathlib.Path(__file__).with_name("libnetsnmp_leaks.txt")
SANITIZER = {"LSAN_OPTIONS": f"suppressions={SUPPRESSIONS}:print_suppressions=0"}


def run(*arguments, env=None):
    return subprocess.run([CLI, "mib", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False, env={**(env or os.environ), **SANITIZER})


def show(table, oid):
    result = run("show", table, oid)
    assert result.stderr == ""
    return result.stdout.rstrip("\n").partition(" ")[2]


@pytest.fixture
def modules(tmp_path):
    folder = tmp_path / "mibs"
    folder.mkdir()
    (folder / "PUMP-MIB.txt").write_text(PUMP)
    (folder / "old.my").write_text(OLD)
    return folder


@pytest.fixture
def table(modules, tmp_path):
    result = run("compile", modules, "-o", tmp_path / "names.mib")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert "0 problems" in result.stdout
    return tmp_path / "names.mib"


@pytest.mark.parametrize("oid, text", [
    ("99991.1.1.1.2.4", "PUMP-MIB::pumpPressure.4 object integer hint=d-1"),
    ("99991.1.1.1.3.4", "PUMP-MIB::pumpState.4 object integer broken=-1 off=0 on=1"),
    ("99991.1.2.0", "PUMP-MIB::pumpFaults.0 object bits dry=0 hot=1 stuck=9"),
    ("99991.1.3.0", "PUMP-MIB::pumpName.0 object octets hint=255a"),
    ("99991.1.4.0", "PUMP-MIB::pumpAddress.0 object address"),
    ("99991.1.5.0", "PUMP-MIB::pumpLitres.0 object counter64"),
    ("99991.1.6.0", "PUMP-MIB::pumpSpeed.0 object unsigned"),
    ("99991.0.1", "PUMP-MIB::pumpDown notification"),
    ("99992.1.0", "OLD-MIB::oldLevel.0 object integer low=1 high=2"),
    ("99992.0.7", "OLD-MIB::oldAlarm notification"),
    ("99992.0", "OLD-MIB::old.0 node"),
])
def test_a_table_says_what_the_modules_say(table, oid, text):
    assert show(table, "1.3.6.1.4.1." + oid) == text


def test_a_module_that_does_not_parse_is_named_and_the_rest_compiles(modules, tmp_path):
    (modules / "BROKEN-MIB.txt").write_text(BROKEN)
    (modules / "ORPHAN-MIB.txt").write_text(ORPHAN)
    (modules / "readme.txt").write_text("These are the modules of our pumps.\n")
    (modules / "noise.bin").write_bytes(bytes(range(256)) * 64)
    table = tmp_path / "names.mib"
    result = run("compile", modules, "-o", table)
    assert result.returncode == 0
    assert f"mib: {modules}/BROKEN-MIB.txt:5: " in result.stderr
    assert f"mib: {modules}/ORPHAN-MIB.txt:2: Cannot find module (NOWHERE-MIB)" in result.stderr
    assert "PUMP-MIB" not in result.stderr
    assert show(table, "1.3.6.1.4.1.99991.0.1") == "PUMP-MIB::pumpDown notification"
    assert "99993" in show(table, "1.3.6.1.4.1.99993.1")


def test_a_table_that_is_there_stays_whole_until_the_next_is(table, tmp_path):
    before = table.read_bytes()
    result = run("compile", tmp_path / "nowhere", "-o", table)
    assert result.returncode == 1
    assert "nowhere" in result.stderr
    assert table.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mibs", "names.mib"]


def test_the_same_modules_make_the_same_bytes(modules, table, tmp_path):
    assert run("compile", modules, "-o", tmp_path / "again.mib").returncode == 0
    assert (tmp_path / "again.mib").read_bytes() == table.read_bytes()


def test_neither_environment_nor_configuration_of_the_library_is_used(modules, table, tmp_path):
    home = tmp_path / "home"
    (home / ".snmp" / "mibs").mkdir(parents=True)
    (home / ".snmp" / "mibs" / "BROKEN-MIB.txt").write_text(BROKEN)
    (home / ".snmp" / "snmp.conf").write_text("mibs ALL\nnonsense here\n")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    result = run("compile", modules, "-o", tmp_path / "again.mib", env={
        "HOME": str(home), "MIBS": "ALL", "MIBDIRS": str(home / ".snmp" / "mibs"),
        "SNMPCONFPATH": str(home / ".snmp"), "SNMP_PERSISTENT_DIR": str(home / "state"),
        "TMPDIR": str(temporary)})
    assert result.stderr == ""
    assert (tmp_path / "again.mib").read_bytes() == table.read_bytes()
    assert not (home / "state").exists()
    assert list(temporary.iterdir()) == []


def test_what_is_no_table_is_refused(table, tmp_path):
    bad = tmp_path / "bad.mib"
    for content in (b"", b"no table", table.read_bytes()[:-1]):
        bad.write_bytes(content)
        result = run("show", bad, "1.3")
        assert result.returncode == 1
        assert f"mib: {bad}: " in result.stderr


def test_the_names_of_the_program_can_be_asked():
    result = run("show", "--standard", "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.8.17")
    assert result.returncode == 0
    assert result.stdout == (
        "1.3.6.1.6.3.1.1.5.3 IF-MIB::linkDown notification\n"
        "1.3.6.1.2.1.2.2.1.8.17 IF-MIB::ifOperStatus.17 object integer up=1 down=2 testing=3 "
        "unknown=4 dormant=5 notPresent=6 lowerLayerDown=7\n")


def test_an_identifier_without_a_name_is_told():
    result = run("show", "--standard", "3.1")
    assert (result.returncode, result.stdout) == (1, "3.1 unknown\n")


@pytest.mark.parametrize("arguments", [
    [], ["compil"], ["compile"], ["compile", "."], ["show"], ["show", "x"],
    ["show", "--standard", "1..3"], ["show", "--standard", "ifIndex"], ["compile", "--bogus"],
])
def test_wrong_usage_exits_with_2(arguments):
    result = run(*arguments)
    assert result.returncode == 2
    assert "mib: " in result.stderr
