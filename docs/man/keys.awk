# SPDX-License-Identifier: Apache-2.0
# The page of a configuration from `PROGRAM --describe-config`: of each key a line with its path, one
# with type, range, default and what a change needs, and one with its help.

/^[^ ]/ {
    path = $0
    next
}
path != "" {
    kind = substr($0, 5)
    path_now = path
    path = ""
    next
}
{
    if (path_now == "listeners[].listen" && match(kind, /default [^;]+/)) {
        listen = substr(kind, RSTART + 8, RLENGTH - 8)
    }
    keys = keys ".TP\n\\fB" escaped(path_now) "\\fR\n" wrapped(prose(substr($0, 5)))
    keys = keys (kind == "section" ? "" : ".br\n" wrapped("\\fI" breakable(plain(kind)) "\\fR"))
}
END {
    program = "serviceradar-" collector
    name = program ".yaml"
    read_text(name, 5)
    file = out "/" name ".5"
    printf "%s.SH DESCRIPTION\n%s.SH KEYS\n%s%s", head(name, 5, "configuration of " program), lead,
        keys, sections > file
    close(file)
}
