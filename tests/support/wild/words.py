"""What wild entries are made of: keys, and values as JSON text, each of which has broken some reader."""

import json


def quoted(text: str) -> str:
    """The text as JSON, with all but the syntax's own characters as they are."""
    return json.dumps(text, ensure_ascii=False)


KEYS = (
    *(
        "account_id",
        "customer_id",
        "status",
        "current_balance",
        "payments",
        "dpd",
        "facts",
        "utterance",
        "amount",
    ),
    *("timestamp", "changed_at", "created_at", "conversation_id", "application_number", "reason", "notes"),
    *("customer", "residential_address", "payment_number", "due_date", "schedule_id", "blocked_until"),
    *("loanAccountId", "requestedBy", "approvedBy", "new_status", "agentName", "linked_transaction_ids"),
    *(
        "",
        " ",
        "$gt",
        "$set",
        "$",
        ".",
        "a.b",
        ".a",
        "a.",
        "$a.b",
        "\0",
        "a\0b",
        "_id",
        "_position",
        "__class__",
    ),
    *("＄", "．", "＿", "␀", "\ufeff", "é", "e\u0301", "\U0001f600", "k" * 300, "model_config", "self", "0"),
)

_NUMBERS = (
    *(
        "0",
        "-0",
        "-0.0",
        "1.50",
        "1.005",
        "1e2",
        "1E+2",
        "1e-400",
        "1e308",
        "1e999",
        "1e999999999",
        "-1e999999999",
    ),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809"),
    *("18446744073709551615", "18446744073709551616", "2147483648", "-2147483649", "999999999999.99", "1e12"),
    *(
        "9" * 40,
        "9" * 4_301,
        "-" + "9" * 5_000,
        "0." + "1" * 5_000,
        "1" * 5_000 + ".5",
        "1" * 5_000 + "e-4999",
    ),
    *("NaN", "Infinity", "-Infinity", "+1", "01", ".5", "1.", "0x10", "1_000", "１", "١"),
)
_WORDS = (
    *(
        "ACTIVE",
        "AccountStatus.ACTIVE",
        "accountstatus.active",
        "A.B",
        ".",
        "CLOSED",
        "paid",
        "HARDSHIP",
        "true",
    ),
    *(
        "",
        " ",
        "\0",
        "a\0b",
        "\ufeff",
        "\ufeffACTIVE",
        "\u00a0",
        "\u2028",
        "\u200b",
        "\x0b\x0c",
        "\t\r\n",
        "\x7f",
    ),
    *(
        "null",
        "None",
        "undefined",
        "[]",
        "{}",
        "[",
        "{",
        "NaN",
        "inf",
        "-Infinity",
        "💸",
        "e\u0301",
        "ﷺ",
        "İ",
        "ß",
    ),
    *(
        "＄100",
        "$1,000.00",
        "1.000,00",
        " 12.50 ",
        "+12.50",
        "-0.00",
        "1e999999999",
        "1E-999999999",
        "1e5",
        "12.",
    ),
    *(
        "١٢٣",
        "१२.५०",
        "１２．５０",
        "Ⅷ",
        "²",
        "1_000",
        "0x1F",
        "9" * 5_000,
        "0." + "0" * 5_000 + "1",
        "x" * 300,
    ),
    *("x" * 5_000, "base64:", "base64:????", "id:e-1", "entry:inbox/0-0", "'; DROP TABLE stored_events; --"),
)
_TIMES = (
    *("2026-03-01", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00.123456789Z", "2026-03-01T10:00:00+10:30"),
    *("0000-01-01", "0000-00-00T00:00:00Z", "0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31"),
    *("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-14:00", "10000-01-01", "-0001-01-01", "2026-02-30"),
    *("2026-03-01T24:00", "2026-03-01T24:00:00Z", "2026-03-01T23:59:60Z", "2026-03-01T10:00+24:00", "24:00"),
    *(
        "20260301",
        "2026-W10-1",
        "2026-060",
        "01/03/2026",
        "2026-03-01T10:00:00 Z",
        "2026-03-01T10",
        "1772366400",
    ),
    *(
        "٢٠٢٦-٠٣-٠١",
        "２０２６-０３-０１",
        " 2026-03-01 ",
        "2026-03-01é10:00",
        "1969-12-31T23:59:59.999999+00:00:01",
    ),
)
_ESCAPED = (
    *(
        r'"\ud800"',
        r'"\udfff!"',
        r'"\ud83d\ude00"',
        r'"\ude00\ud83d"',
        r'"\u0000"',
        r'"a\u0000b"',
        r'"\u0022"',
    ),
    *(r'"\x41"', '"\x01"', '"line\nfeed"', r'"\uD83D"', r'"\u00"', '"open', "'single'", '"\udc80"'),
)
_TREES = (
    *(
        "null",
        "true",
        "false",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "[null]",
        '[""]',
        '{"":""}',
        '{"":{"":1}}',
        "[1,]",
        "{,}",
    ),
    *('{"a":1,"a":2}', '{"a":{"b":1},"a":null}', '{"$gt":""}', '{"$date":"2026-03-01"}', '{"$oid":"0"}'),
    *(
        '{"$numberDecimal":"NaN"}',
        '{"a.b":1,"a":{"b":2}}',
        '{"$":1,"＄":2}',
        '{"\\u0000t":"x"}',
        '{"\\u0000d":"x"}',
    ),
    *('[{"payment_number":0,"status":"PAID"},{"payment_number":0,"status":"MISSED"}]', '{"__proto__":{}}'),
    *('[{"payment_number":100000,"status":"PARTIAL","amountPaid":999999999999.99}]', '{"customer_id":""}'),
    *(
        '[{"payment_number":100001,"status":"PAID"}]',
        '{"full_address":[]}',
        '{"customer_id":{"customer_id":1}}',
    ),
)
VALUES = (*map(quoted, (*_WORDS, *_TIMES)), *_NUMBERS, *_ESCAPED, *_TREES)
"""Of a payload's keys, as JSON; some of them are none."""

ENVELOPE_WORDS = (
    *_WORDS,
    *_TIMES,
    "\ud800",
    "\udcff",
    '["billie-srv"]',
    "user_input",
    "CUS-1",
    "e-1",
    "c" * 257,
)
"""Of an entry's own fields, which hold plain text. Half a pair becomes bytes that are not UTF-8."""


def _nested(start: str, end: str, depth: int) -> str:
    return start * depth + "1" + end * depth


DEEP = (
    *(_nested("[", "]", depth) for depth in (61, 62, 63, 64, 65, 300, 1_023, 1_024, 10_000, 60_000)),
    *(_nested('{"a":', "}", depth) for depth in (61, 62, 63, 64, 65, 300, 10_000, 30_000)),
    *(_nested('[{"a.$":', "}]", depth) for depth in (31, 32, 10_000)),
    *(
        "[" * 100_000,
        '{"a":' * 20_000,
        "[1e999," + "[" * 50_000,
        "[" + "9" * 400 + "," + _nested("[", "]", 900) + "]",
    ),
)
"""Nested to the bound, just beyond it, and a thousand times as deep; closed, and left open."""

VAST = (
    '"' + "x" * 240_000 + '"',
    '"' + "é" * 125_000 + '"',
    "[" + ",".join(["1"] * 100_000) + "]",
    "{" + ",".join(f'"{number}":{number}' for number in range(15_000)) + "}",
    "9" * 250_000,
    '"' + "x" * 1_100_000 + '"',
    "9" * 1_200_000,
    "[" * 1_300_000,
)
"""Just below the most bytes that an entry may have, and far beyond."""

BEFORE = ("", "\ufeff", "\u00a0", " \t\r\n", "\x0b", "\x0c", "\u2028", "\0", "//", ")]}',\n", "\x1b[2J")
"""Before and after JSON: only spaces, tabs and line ends may stand there."""
