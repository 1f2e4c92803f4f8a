"""The tables in SECURITY.md of faults that were tried, which the tests that try them write."""

import os
import re

from helpers import ROOT

SECURITY = ROOT / "SECURITY.md"


def assert_table(section, rows):
    """Asserts that a table of SECURITY.md says what was seen, or writes it where ZOO_WRITE_TABLES is set.

    Args:
        section: the name between the marks that enclose the table, `<!-- section -->` and `<!-- end -->`.
        rows: dict of what was answered by what was tried.
    """
    lines = [f"| {tried} | {answered.replace('|', '/')} |" for tried, answered in rows.items()]
    table = "\n".join(["| tried | answered |", "|---|---|", *lines])
    text = SECURITY.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {section} -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    assert found, f"SECURITY.md has no table {section!r}"
    if os.environ.get("ZOO_WRITE_TABLES"):
        SECURITY.write_text(text[: found.start(1)] + table + text[found.end(1) :], encoding="utf-8")
    else:
        assert found[1] == table, "ZOO_WRITE_TABLES=1 pytest tests/hostile writes the tables anew"
