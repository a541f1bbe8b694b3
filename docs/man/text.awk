# SPDX-License-Identifier: Apache-2.0
# Text for the macros of man(7): what commands.awk and keys.awk share. Set from outside: `version`
# and `date` of the pages, `texts`, the folder of what people wrote, `out`, the folder to write to,
# and of collectors their `collector`: trapd, syslog or netflow.

function escaped(s) {
    gsub(/\\/, "\\e", s)
    gsub(/-/, "\\-", s)
    return s
}

# Running text: what stands between backticks, and the names of options, in bold.
function prose(s,    done, word) {
    while (match(s, /`[^`]*`|--[a-z][a-z0-9-]*/)) {
        word = substr(s, RSTART, RLENGTH)
        gsub(/`/, "", word)
        done = done plain(substr(s, 1, RSTART - 1)) "\\fB" escaped(word) "\\fR"
        s = substr(s, RSTART + RLENGTH)
    }
    return done plain(s)
}

function plain(s) {
    gsub(/\\/, "\\e", s)
    return s
}

# Lists in one word, so that they may go on in the next line.
function breakable(s) {
    while (match(s, /[A-Z0-9]:[A-Z]/)) {
        s = substr(s, 1, RSTART + 1) "\\:" substr(s, RSTART + 2)
    }
    return s
}

# Lines of at most 78 bytes, none of which is taken for a macro.
function wrapped(s,    n, words, i, line, all) {
    n = split(s, words, / +/)
    for (i = 1; i <= n; i++) {
        if (line != "" && length(line) + 1 + length(words[i]) > 78) {
            all = all guarded(line) "\n"
            line = words[i]
        } else {
            line = line (line == "" ? "" : " ") words[i]
        }
    }
    return line == "" ? all : all guarded(line) "\n"
}

function guarded(line) {
    return line ~ /^[.']/ ? "\\&" line : line
}

function capitalised(s) {
    return toupper(substr(s, 1, 1)) substr(s, 2)
}

# The text that people wrote for a page: `lead` before its first .SH, the sections behind it.
# Collectors share theirs; `listen` is the default of one.
function read_text(page, section,    line, file) {
    lead = sections = ""
    file = texts "/" (collector != "" ? "collector" : page) "." section
    while ((getline line < file) > 0) {
        if (line ~ /^\.\\"/) {
            continue
        }
        gsub(/@name@/, collector, line)
        gsub(/@listen@/, listen, line)
        if (sections != "" || line ~ /^\.SH /) {
            sections = sections line "\n"
        } else {
            lead = lead line "\n"
        }
    }
    close(file)
}

# Neither names of files nor options may be broken, and words are not spread over a line.
function head(name, section, purpose) {
    return ".\\\" Made by docs/man of what the program says of itself.\n" \
        ".TH " toupper(escaped(name)) " " section " " date " \"" version "\" \"ServiceRadar\"\n" \
        ".nh\n.ad l\n.SH NAME\n" wrapped(escaped(name) " \\- " plain(purpose))
}
