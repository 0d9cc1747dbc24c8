"""Which messages of failures have one cause: those that differ in numbers and paths only."""

import re

_NUMBER = r"[-+]?(?:\d[\d_,]*)(?:\.\d+)?(?:[eE][-+]?\d+)?(?:\s?(?:[kKMGT]i?B|bytes|B)\b)?|\b(?:nan|inf)\b"
# What differs between two messages of one cause: paths, addresses in memory, numbers with their units.
VARIABLE = re.compile(rf"((?:[\w.~-]*/)+[\w.~-]+|0x[0-9a-fA-F]+|{_NUMBER})")
