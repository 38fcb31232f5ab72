# SPDX-License-Identifier: MIT
"""The manual pages of this tree: tests run their examples as they stand there."""
import os
import re

MANUAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../man")


def examples(page, section):
    """The commands of a section, as a reader sees them."""
    with open(os.path.join(MANUAL, page), encoding="utf-8") as file:
        text = file.read()
    found = re.search(rf"^\.SH {section}$(.*?)(?=^\.SH )", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(re.findall(r"^\.EX$\n(.*?)^\.EE$", found.group(1), re.MULTILINE | re.DOTALL))
    return lines.replace("\\-", "-").replace("\\(aq", "'").replace("\\(ti", "~").replace("\\e", "\\")
