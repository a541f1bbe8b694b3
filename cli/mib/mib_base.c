/* SPDX-License-Identifier: Apache-2.0 */
#include "mib/mib_base.h"

#include <stddef.h>

#include "sr/banned.h"

#define CONVENTION(name, hint, syntax)                                                             \
    name " ::= TEXTUAL-CONVENTION " hint " STATUS current DESCRIPTION \"\" SYNTAX " syntax "\n"
#define OBJECT(name, syntax, number)                                                               \
    name " OBJECT-TYPE SYNTAX " syntax                                                             \
         " MAX-ACCESS read-only STATUS current DESCRIPTION \"\" ::= { " number " }\n"

/* RFC 2578 and, for version 1, RFC 1155. */
#define TREE                                                                                       \
    "org OBJECT IDENTIFIER ::= { iso 3 }\n"                                                        \
    "dod OBJECT IDENTIFIER ::= { org 6 }\n"                                                        \
    "internet OBJECT IDENTIFIER ::= { dod 1 }\n"                                                   \
    "directory OBJECT IDENTIFIER ::= { internet 1 }\n"                                             \
    "mgmt OBJECT IDENTIFIER ::= { internet 2 }\n"                                                  \
    "experimental OBJECT IDENTIFIER ::= { internet 3 }\n"                                          \
    "private OBJECT IDENTIFIER ::= { internet 4 }\n"                                               \
    "enterprises OBJECT IDENTIFIER ::= { private 1 }\n"

/* RFC 2579 sections 2 and 3. */
static const char conventions[] =
    "SNMPv2-TC DEFINITIONS ::= BEGIN\n"
    "IMPORTS TimeTicks FROM SNMPv2-SMI;\n"
    "TEXTUAL-CONVENTION MACRO ::= BEGIN TYPE NOTATION ::= \"x\" VALUE NOTATION ::= value "
    "END\n" CONVENTION("DisplayString", "DISPLAY-HINT \"255a\"",
        "OCTET STRING (SIZE (0..255))") CONVENTION("PhysAddress", "DISPLAY-HINT \"1x:\"",
        "OCTET STRING") CONVENTION("MacAddress", "DISPLAY-HINT \"1x:\"", "OCTET STRING (SIZE (6))")
        CONVENTION("TruthValue", "", "INTEGER { true(1), false(2) }") CONVENTION(
            "TestAndIncr", "", "INTEGER (0..2147483647)") CONVENTION("AutonomousType", "",
            "OBJECT IDENTIFIER") CONVENTION("InstancePointer", "",
            "OBJECT IDENTIFIER") CONVENTION("VariablePointer", "",
            "OBJECT IDENTIFIER") CONVENTION("RowPointer", "",
            "OBJECT IDENTIFIER") CONVENTION("RowStatus", "",
            "INTEGER { active(1), notInService(2), notReady(3), createAndGo(4), createAndWait(5), "
            "destroy(6) }") CONVENTION("TimeStamp", "", "TimeTicks")
            CONVENTION("TimeInterval", "", "INTEGER (0..2147483647)") CONVENTION("DateAndTime",
                "DISPLAY-HINT \"2d-1d-1d,1d:1d:1d.1d,1a1d:1d\"", "OCTET STRING (SIZE (8 | 11))")
                CONVENTION("StorageType", "",
                    "INTEGER { other(1), volatile(2), nonVolatile(3), permanent(4), readOnly(5) }")
                    CONVENTION("TDomain", "", "OBJECT IDENTIFIER")
                        CONVENTION("TAddress", "", "OCTET STRING (SIZE (1..255))") "END\n";

static const char smi[] =
    "SNMPv2-SMI DEFINITIONS ::= BEGIN\n" TREE "mib-2 OBJECT IDENTIFIER ::= { mgmt 1 }\n"
    "transmission OBJECT IDENTIFIER ::= { mib-2 10 }\n"
    "security OBJECT IDENTIFIER ::= { internet 5 }\n"
    "snmpV2 OBJECT IDENTIFIER ::= { internet 6 }\n"
    "snmpDomains OBJECT IDENTIFIER ::= { snmpV2 1 }\n"
    "snmpProxys OBJECT IDENTIFIER ::= { snmpV2 2 }\n"
    "snmpModules OBJECT IDENTIFIER ::= { snmpV2 3 }\n"
    "END\n";

/* RFC 1213 as far as modules of version 1 import it. */
static const char mib_2[] = "RFC1213-MIB DEFINITIONS ::= BEGIN\n"
                            "IMPORTS mgmt FROM RFC1155-SMI;\n"
                            "mib-2 OBJECT IDENTIFIER ::= { mgmt 1 }\n"
                            "DisplayString ::= OCTET STRING\n"
                            "PhysAddress ::= OCTET STRING\n"
                            "system OBJECT IDENTIFIER ::= { mib-2 1 }\n"
                            "interfaces OBJECT IDENTIFIER ::= { mib-2 2 }\n"
                            "at OBJECT IDENTIFIER ::= { mib-2 3 }\n"
                            "ip OBJECT IDENTIFIER ::= { mib-2 4 }\n"
                            "icmp OBJECT IDENTIFIER ::= { mib-2 5 }\n"
                            "tcp OBJECT IDENTIFIER ::= { mib-2 6 }\n"
                            "udp OBJECT IDENTIFIER ::= { mib-2 7 }\n"
                            "egp OBJECT IDENTIFIER ::= { mib-2 8 }\n"
                            "transmission OBJECT IDENTIFIER ::= { mib-2 10 }\n"
                            "snmp OBJECT IDENTIFIER ::= { mib-2 11 }\n"
                            "END\n";

/* RFC 3418: what notifications of other modules carry. */
static const char snmp[] =
    "SNMPv2-MIB DEFINITIONS ::= BEGIN\n"
    "IMPORTS mib-2, snmpModules FROM SNMPv2-SMI DisplayString FROM SNMPv2-TC;\n"
    "system OBJECT IDENTIFIER ::= { mib-2 1 }\n" OBJECT("sysDescr", "DisplayString", "system 1")
        OBJECT("sysObjectID", "OBJECT IDENTIFIER", "system 2") OBJECT("sysUpTime", "TimeTicks",
            "system 3") OBJECT("sysContact", "DisplayString", "system 4") OBJECT("sysName",
            "DisplayString", "system 5") OBJECT("sysLocation", "DisplayString",
            "system 6") "snmp OBJECT IDENTIFIER ::= { mib-2 11 }\n"
                        "snmpMIB OBJECT IDENTIFIER ::= { snmpModules 1 }\n"
                        "snmpMIBObjects OBJECT IDENTIFIER ::= { snmpMIB 1 }\n"
                        "snmpTrap OBJECT IDENTIFIER ::= { snmpMIBObjects 4 }\n"
                        "snmpTraps OBJECT IDENTIFIER ::= { snmpMIBObjects 5 }\n" OBJECT(
                            "snmpTrapOID", "OBJECT IDENTIFIER", "snmpTrap 1")
                            OBJECT("snmpTrapEnterprise", "OBJECT IDENTIFIER", "snmpTrap 3") "END\n";

/* RFC 2863. */
static const char interfaces[] =
    "IF-MIB DEFINITIONS ::= BEGIN\n"
    "IMPORTS mib-2, Integer32 FROM SNMPv2-SMI DisplayString FROM SNMPv2-TC;\n" CONVENTION(
        "OwnerString", "DISPLAY-HINT \"255a\"", "OCTET STRING (SIZE (0..255))")
        CONVENTION("InterfaceIndex", "DISPLAY-HINT \"d\"", "Integer32 (1..2147483647)")
            CONVENTION("InterfaceIndexOrZero", "DISPLAY-HINT \"d\"",
                "Integer32 (0..2147483647)") "ifMIB OBJECT IDENTIFIER ::= { mib-2 31 }\n"
                                             "ifMIBObjects OBJECT IDENTIFIER ::= { ifMIB 1 }\n"
                                             "interfaces OBJECT IDENTIFIER ::= { mib-2 2 }\n"
                                             "ifTable OBJECT IDENTIFIER ::= { interfaces 2 }\n"
                                             "ifEntry OBJECT IDENTIFIER ::= { ifTable 1 }\n" OBJECT(
                                                 "ifIndex", "InterfaceIndex", "ifEntry 1")
                                                 OBJECT("ifDescr", "DisplayString",
                                                     "ifEntry 2") "ifXTable OBJECT IDENTIFIER ::= "
                                                                  "{ ifMIBObjects 1 }\n"
                                                                  "ifXEntry OBJECT IDENTIFIER ::= "
                                                                  "{ ifXTable 1 }\n" OBJECT(
                                                                      "ifName", "DisplayString",
                                                                      "ifXEntry 1") "END\n";

/* RFC 3411. */
static const char framework[] =
    "SNMP-FRAMEWORK-MIB DEFINITIONS ::= BEGIN\n"
    "IMPORTS snmpModules FROM SNMPv2-SMI;\n"
    "snmpFrameworkMIB OBJECT IDENTIFIER ::= { snmpModules 10 }\n" CONVENTION(
        "SnmpEngineID", "", "OCTET STRING (SIZE (5..32))")
        CONVENTION("SnmpSecurityModel", "", "INTEGER (0..2147483647)")
            CONVENTION("SnmpMessageProcessingModel", "", "INTEGER (0..2147483647)") CONVENTION(
                "SnmpSecurityLevel", "", "INTEGER { noAuthNoPriv(1), authNoPriv(2), authPriv(3) }")
                CONVENTION("SnmpAdminString", "DISPLAY-HINT \"255t\"",
                    "OCTET STRING (SIZE (0..255))") "END\n";

/* RFC 4001. */
static const char addresses[] =
    "INET-ADDRESS-MIB DEFINITIONS ::= BEGIN\n"
    "IMPORTS mib-2, Unsigned32 FROM SNMPv2-SMI;\n"
    "inetAddressMIB OBJECT IDENTIFIER ::= { mib-2 76 }\n" CONVENTION("InetAddressType", "",
        "INTEGER { unknown(0), ipv4(1), ipv6(2), ipv4z(3), ipv6z(4), dns(16) }")
        CONVENTION("InetAddress", "", "OCTET STRING (SIZE (0..255))") CONVENTION("InetAddressIPv4",
            "DISPLAY-HINT \"1d.1d.1d.1d\"", "OCTET STRING (SIZE (4))") CONVENTION("InetAddressIPv6",
            "DISPLAY-HINT \"2x:2x:2x:2x:2x:2x:2x:2x\"", "OCTET STRING (SIZE (16))")
            CONVENTION("InetAddressPrefixLength", "DISPLAY-HINT \"d\"", "Unsigned32 (0..2040)")
                CONVENTION("InetPortNumber", "DISPLAY-HINT \"d\"", "Unsigned32 (0..65535)")
                    CONVENTION(
                        "InetAutonomousSystemNumber", "DISPLAY-HINT \"d\"", "Unsigned32") "END\n";

const struct mib_base_module mib_base_modules[] = {
    { "SNMPv2-SMI", smi },
    { "SNMPv2-TC", conventions },
    { "SNMPv2-CONF", "SNMPv2-CONF DEFINITIONS ::= BEGIN\nEND\n" },
    { "RFC1155-SMI", "RFC1155-SMI DEFINITIONS ::= BEGIN\n" TREE "END\n" },
    { "RFC-1212", "RFC-1212 DEFINITIONS ::= BEGIN\nEND\n" },
    { "RFC-1215", "RFC-1215 DEFINITIONS ::= BEGIN\nEND\n" },
    { "RFC1213-MIB", mib_2 },
    { "SNMPv2-MIB", snmp },
    { "IF-MIB", interfaces },
    { "SNMP-FRAMEWORK-MIB", framework },
    { "INET-ADDRESS-MIB", addresses },
    { NULL, NULL },
};
