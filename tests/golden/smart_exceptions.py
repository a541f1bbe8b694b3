# SPDX-License-Identifier: Apache-2.0
"""Cases whose expectation is no fact of the line, each with the reason.

A case is named by the start of its id, up to the second `/`, or whole; a field or `*` follows.
What the line does state and we read wrong is not here: it counts.
"""

YEAR = "the header states the year 2020, the test has 2026"
ACROSS = "the time is that of an earlier part of a message in several lines"
NO_HOST_SETTING = "the test runs with a setting that says there are no hosts"
OWN_REPORT = "its own record about a malformed message; ours keeps the message"
FIRST_WORD = "takes the first word for a program; it is one of the message"
BAD_HOST_SETTING = "the test runs with a setting that says that `ctld` is no host"

# Lines without a host, whose text the test put its name into, and finds it by: it asks for events
# with the host, or with the name in their text.
NAME_IN_TEXT = {"sc4s/171", "sc4s/174", "sc4s/186", "sc4s/188", "sc4s/191", "sc4s/203", "sc4s/207",
                "sc4s/209", "sc4s/211", "sc4s/213", "sc4s/569"}

# The test runs with a zone for this source; so do we.
ZONE_OF_SOURCE = {"sc4s/289": "America/New_York", "sc4s/294": "America/New_York"}

EXCEPTIONS = {
    ("sc4s/618", "host"): "the name is from a table of SC4S, by the address in the header",
    ("sc4s/174", "time"): YEAR,
    ("sc4s/213", "time"): YEAR,
    ("sc4s/216", "time"): ACROSS,
    ("sc4s/217", "time"): ACROSS,
    ("sc4s/226", "time"): ACROSS,
    ("sc4s/227", "time"): ACROSS,
    ("sc4s/228", "time"): ACROSS,
    ("syslog-ng/test_bad_sd_data_unescaped/1", "*"): OWN_REPORT,
    ("syslog-ng/test_unescaped_too_long_message_parts/52", "*"): OWN_REPORT,
    ("syslog-ng/test_unescaped_too_long_message_parts/57", "*"): OWN_REPORT,
    ("syslog-ng/test_unescaped_too_long_message_parts/53", "app"):
        "cuts the name to 48 bytes; ours is whole",
    ("syslog-ng/test_timestamp/5", "*"): NO_HOST_SETTING,
    ("syslog-ng/test_hostname/20", "*"): FIRST_WORD,
    ("syslog-ng/test_simple_message/61", "*"): FIRST_WORD,
    ("syslog-ng/test_timestamp_others/27", "*"): BAD_HOST_SETTING,
    ("syslog-ng/test_timestamp_others/29", "*"): BAD_HOST_SETTING,
    ("syslog-ng/test_timestamp_others/33", "time"):
        "a date in November read in February is taken for this year's, nine months ahead",
    ("telegraf/octet_counting_best_effort_tcp_1st_underflow_nok", "all"):
        "a frame that was cut off: what is left of it is our message, and lost there",
    ("telegraf/rfc5424_best_effort_toolong_appname", "all"):
        "a name of more than 48 bytes: what follows is lost there",
    ("elastic/cisco_ios/test-syslog-header/2", "host"):
        "the address that a relay put in front; it counts as no name there",
}


def reason_of(case, field):
    """Why the case may be answered in another way, or None."""
    for name in (case, "/".join(case.split("/")[:2])):
        for key in ((name, field), (name, "*")):
            if key in EXCEPTIONS:
                return EXCEPTIONS[key]
    return None
