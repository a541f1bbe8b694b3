# SPDX-License-Identifier: Apache-2.0
# Pages of a program from its help: of `PROGRAM help --all`, a page for each command, with those
# below it as sections; of the --help of a program without commands, one page. `section` is 1 or 8.

/^==== / || NR == 1 {
    end_help()
    begin_help($0)
    next
}
{ take($0) }
END {
    end_help()
    end_page()
}

# "==== PROGRAM COMMAND: PURPOSE", or the first line of a help without such lines.
function begin_help(line,    n, words, page, at) {
    sub(/^==== /, "", line)
    at = index(line, ": ")
    title = substr(line, 1, at - 1)
    purpose = substr(line, at + 2)
    n = split(title, words, " ")
    page = n > 1 ? words[1] "-" words[2] : words[1]
    depth = n
    if (page != name) {
        end_page()
        name = page
        whole = n > 1 ? words[1] : ""
        name_purpose = purpose
    }
    usage = description = options = exits = paragraph = item = ""
    in_usage = 0
}

# ---- The lines of one help ----

function take(line) {
    if (line == "") {
        end_paragraph()
    } else if (index(line, title ": ") == 1) { # a group of commands says its purpose once more
        paragraph = capitalised(substr(line, length(title) + 3)) "."
    } else if (line ~ /^[Uu]sage: /) {
        sub(/^[Uu]sage: /, "", line)
        take_usage(line)
    } else if (in_usage && line ~ /^       [^ ]/) {
        take_usage(substr(line, 8))
    } else if (line ~ /^ ? ? ? ? ? ?[^ ]/ && line ~ /^  /) {
        end_paragraph()
        begin_item(line)
    } else if (item != "") {
        sub(/^ +/, "", line)
        # Of several values each has a line of its own.
        item_text = item_text (line ~ /^[a-z0-9]+: / ? "\n" : " ") line
    } else {
        in_usage = 0
        paragraph = paragraph (paragraph == "" ? "" : " ") line
    }
}

# Words of the command and options in bold, what stands for something else in italics.
function take_usage(line,    n, words, i, text) {
    n = split(line, words, " ")
    for (i = 1; i <= n; i++) {
        text = text (i > 1 ? " " : "") marked(words[i])
    }
    usage = usage (usage == "" ? "" : ".br\n") text "\n"
    in_usage = 1
}

function marked(word,    before, behind) {
    if (match(word, /^[[<|]+/)) {
        before = substr(word, 1, RLENGTH)
        word = substr(word, RLENGTH + 1)
    }
    if (match(word, /[].>|]+$/) && word !~ /\.pcap$/) {
        behind = substr(word, RSTART)
        word = substr(word, 1, RSTART - 1)
    }
    if (word == "") {
        return before behind
    }
    return before (word ~ /^[A-Z]/ ? "\\fI" : "\\fB") escaped(word) "\\fR" behind
}

# An option, an argument or a command. Its value stands one space behind the name; what stands two
# behind is its text.
function begin_item(line,    at, rest, value) {
    sub(/^ +/, "", line)
    item = ""
    while (match(line, /^-[-a-z0-9]+,? ?/)) {
        at = RLENGTH
        item = item "\\fB" escaped(substr(line, 1, at)) "\\fR"
        line = substr(line, at + 1)
        if (item !~ /,[ ]?\\fR$/) {
            break
        }
    }
    if (item == "") {
        at = index(line, "  ")
        item = line ~ /^[A-Z]/ ? "\\fI" : "\\fB"
        item = item escaped(at > 0 ? substr(line, 1, at - 1) : line) "\\fR"
        if (depth == 1 && item ~ /^\\fB/) {
            page_commands_named = page_commands_named " " substr(line, 1, at - 1)
        }
        line = at > 0 ? substr(line, at) : ""
    } else if (line !~ /^ / && line != "") {
        at = index(line, " ")
        value = at > 0 ? substr(line, 1, at - 1) : line
        rest = at > 0 ? substr(line, at) : ""
        if (value ~ /[A-Z]/ || rest ~ /^  /) {
            item = item "\\fI" escaped(value) "\\fR"
            line = rest
        }
    }
    sub(/ \\fR$/, "\\fR", item)
    sub(/^ +/, "", line)
    item_text = line
}

function end_item(    n, lines, i) {
    if (item == "") {
        return
    }
    options = options ".TP\n" guarded(item) "\n"
    n = split(item_text, lines, "\n")
    for (i = 1; i <= n; i++) {
        options = options (i > 1 ? ".br\n" : "") wrapped(prose(lines[i]))
    }
    item = item_text = ""
}

function end_paragraph() {
    end_item()
    in_usage = 0
    if (paragraph == "") {
        return
    }
    if (paragraph ~ /^Exit codes?:? /) {
        exits = exits exit_codes(paragraph)
    } else if (paragraph ~ /:$/ && options != "") { # what the next options have in common
        options = options ".PP\n" wrapped(prose(paragraph))
    } else {
        description = description ".PP\n" wrapped(prose(paragraph))
    }
    paragraph = ""
}

# "Exit codes: 0 done, 1 failed; 2 wrong usage." as a list; other words about them as they are.
function exit_codes(text,    list, at) {
    if (text !~ /^Exit codes?: [0-9] /) {
        return wrapped(prose(text))
    }
    sub(/^Exit codes?: /, "", text)
    while (match(text, /[,;] [0-9] /)) {
        at = RSTART
        list = list one_code(substr(text, 1, at - 1))
        text = substr(text, at + 2)
    }
    return list one_code(text)
}

function one_code(text) {
    sub(/\.$/, "", text)
    return ".TP\n\\fB" substr(text, 1, 1) "\\fR\n" wrapped(prose(capitalised(substr(text, 3))))
}

# ---- Pages ----

function end_help() {
    if (title == "") {
        return
    }
    end_paragraph()
    usage = usage != "" ? usage : "\\fB" escaped(title) "\\fR\n"
    if (depth <= 2) {
        page_usage = usage
        page_description = description
        page_options = options
        page_exits = exits
    } else {
        page_commands = page_commands ".SS \"" escaped(title) "\"\n" usage description options exits
    }
    title = ""
}

function end_page(    page, file) {
    if (name == "") {
        return
    }
    read_text(name, section)
    page = head(name, section, name_purpose) ".SH SYNOPSIS\n" page_usage ".SH DESCRIPTION\n"
    if (collector != "") {
        lead = wrapped(capitalised(name_purpose) ".") lead
    }
    page = page without_first_break(lead page_description)
    page = page (page_options == "" ? "" : ".SH " (page_options ~ /\\fB\\-/ ? "OPTIONS" : "COMMANDS"))
    page = page (page_options == "" ? "" : "\n" page_options)
    page = page (page_commands == "" ? "" : ".SH \"COMMANDS IN DETAIL\"\n" page_commands)
    # Commands that do not say it have the exit codes of their program.
    if (whole == "") {
        program_exits = page_exits
    }
    page = page ".SH \"EXIT STATUS\"\n" (page_exits == "" ? program_exits : page_exits) sections
    file = out "/" name "." section
    printf "%s.SH \"SEE ALSO\"\n%s", page, see_also() > file
    close(file)
    name = page_commands = page_commands_named = ""
}

function without_first_break(text) {
    sub(/^\.PP\n/, "", text)
    return text
}

# The program of a command; of a program its commands, the page of a daemon's configuration.
function see_also(    list, i, n) {
    if (whole != "") {
        list = reference(whole, section)
    } else if (page_commands_named == "") {
        list = reference(name ".yaml", 5)
    }
    n = whole == "" ? split(page_commands_named, command_names, " ") : 0
    for (i = 1; i <= n; i++) {
        list = list reference(name "-" command_names[i], section)
    }
    return list "\\fBserviceradar\\-collectors\\fR(7)\n"
}

function reference(page, of_section) {
    return "\\fB" escaped(page) "\\fR(" of_section "),\n"
}
