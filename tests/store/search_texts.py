"""Texts, and what is asked for that finds them: the same on every store."""

TEXTS = {
    "zurich": ("Backup", "Zürich ist gesichert"),
    "disk": ("Disk full", "/dev/sda1 on host-7.example.org: 98% used"),
    "greek": ("Άδεια", "ΜΕΓΆΛΗ ΠΌΡΤΑ"),
    "japanese": ("火災", "東京で火災報知器が作動"),
    "quote": ("Said", 'he said "never mind" AND left'),
    "combined": ("Cafe", "cafe\u0301 on the NEAR side"),
}
"""Name: title and message."""

CASES = [
    ("zur", ["zurich"]),
    ("ZÜR", ["zurich"]),
    ("gesich backup", ["zurich"]),
    ("backup full", []),
    ("urich", []),
    ("μεγ", ["greek"]),
    ("άδε πόρτ", ["greek"]),
    ("αδεια", []),
    ("東京", ["japanese"]),
    ("報知", []),
    ("café", ["combined"]),
    ("caf", ["combined"]),
    ("sda1", ["disk"]),
    ("/dev/sda1", ["disk"]),
    ("host-7.exa", ["disk"]),
    ("98% used", ["disk"]),
    ("dev-host", []),
    ('"disk full"', ["disk"]),
    ('"full disk"', []),
    ('"disk ful"', []),
    ('"full /dev"', []),  # from the title into the message
    ('dis"k full', []),
    ('used"98', []),
    ('98"used', ["disk"]),
    ('"disk full" used', ["disk"]),
    ('used"disk full"dev', ["disk"]),
    ('"disk full', ["disk"]),
    ('full disk"', ["disk"]),
    ('""', []),
    ('"', []),
    ("never AND mind", ["quote"]),
    ("never OR nothing", []),
    ("NOT never", []),
    ("NEAR(side on)", ["combined"]),
    ("NEAR(on side)", []),
    ("near side", ["combined"]),
    ("said AND left", ["quote"]),
    ("ever*", []),
    ("neve*", ["quote"]),
    ("^said", ["quote"]),
    ("^never", ["quote"]),
    ("title:disk", []),
    ("title : disk", []),
    ("{title message}: disk", []),
    ("- disk", ["disk"]),
    ("-disk", ["disk"]),
    ("+disk + used", ["disk"]),
    ("(disk)", ["disk"]),
    ("disk\0used", ["disk"]),
    ("disk\ud800 used", ["disk"]),
    ("", []),
    (" \t\n", []),
    ("*** - ( ) : ^ { }", []),
    ("_", []),
    ("'; DROP TABLE words; --", []),
]
"""What is asked, and the names of what it finds."""

OF_AN_INDEX = [("disk \U0001f525", ["disk"]), ("\U0001f525", [])]
"""The same of what only has the words."""

WITH_SIGNS = {
    "fire": ("\U0001f525Fire", "in the kitchen"),
    "party": ("Party", "tonight\U0001f389\U0001f525!"),
    "thumb": ("Well done", "\U0001f44d\U0001f3fd and \u2764\ufe0f, 20 \u00b0C"),
}
SIGNS = [
    ("\U0001f525", ["party", "fire"]),
    ("\U0001f389\U0001f525", ["party"]),
    ("\U0001f525 \U0001f389", ["party"]),
    ("fire \U0001f525", ["fire"]),
    ("\U0001f525fire", ["fire"]),
    ("kitchen \U0001f389", []),
    ("disk \U0001f525", []),
    ("\U0001f44d", ["thumb"]),
    ("\U0001f44d\U0001f3fd", ["thumb"]),
    ("\U0001f44d\U0001f3ff", []),
    ("\u2764", ["thumb"]),
    ("\u2764\ufe0f", ["thumb"]),
    ("20\u00b0C", ["thumb"]),
    ("\U0001f680", []),
]
"""What is asked with signs in it, and the names of what it finds."""
