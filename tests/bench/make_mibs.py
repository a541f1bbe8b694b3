#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write many MIB modules as vendors have them, for `serviceradar-cli mib compile` and its bench."""

import argparse
import pathlib
import random


def module(number, enterprise, choice):
    name = f"vendor{number}"
    lines = [f"VENDOR{number}-MIB DEFINITIONS ::= BEGIN",
             "IMPORTS MODULE-IDENTITY, OBJECT-TYPE, NOTIFICATION-TYPE, enterprises, Integer32, "
             "Counter64, Gauge32 FROM SNMPv2-SMI DisplayString, TruthValue FROM SNMPv2-TC;",
             f'{name} MODULE-IDENTITY LAST-UPDATED "202611220000Z" ORGANIZATION "x"',
             f'    CONTACT-INFO "x" DESCRIPTION "x" ::= {{ enterprises {enterprise} }}',
             f"{name}Traps OBJECT IDENTIFIER ::= {{ {name} 0 }}",
             f"{name}Objects OBJECT IDENTIFIER ::= {{ {name} 1 }}"]
    syntaxes = ["Integer32", "Counter64", "Gauge32", "DisplayString", "TruthValue",
                "INTEGER { up(1), down(2), testing(3), unknown(4) }"]
    for table in range(1, 6):
        entry = f"{name}Entry{table}"
        lines += [f"{name}Table{table} OBJECT IDENTIFIER ::= {{ {name}Objects {table} }}",
                  f"{entry} OBJECT IDENTIFIER ::= {{ {name}Table{table} 1 }}"]
        lines += [f"{name}Column{table}x{column} OBJECT-TYPE SYNTAX {choice.choice(syntaxes)}\n"
                  f"    MAX-ACCESS read-only STATUS current DESCRIPTION \"x\"\n"
                  f"    ::= {{ {entry} {column} }}" for column in range(1, 17)]
    lines += [f"{name}Trap{trap} NOTIFICATION-TYPE OBJECTS {{ {name}Column1x1 }}\n"
              f"    STATUS current DESCRIPTION \"x\" ::= {{ {name}Traps {trap} }}"
              for trap in range(1, 11)]
    return "\n".join(lines + ["END", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=5000)
    arguments = parser.parse_args()
    choice = random.Random(7)
    arguments.directory.mkdir(parents=True, exist_ok=True)
    # Numbers of enterprises have gaps, so that no search of them can guess.
    numbers = choice.sample(range(1, 65000), arguments.count)
    for number, enterprise in enumerate(numbers):
        path = arguments.directory / f"VENDOR{number}-MIB.txt"
        path.write_text(module(number, enterprise, choice))


if __name__ == "__main__":
    main()
