"""Makes a server serve the folder WEB_FOLDER in place of the web app.

Loaded by the interpreter because the test puts this folder on PYTHONPATH.
"""

import os
from pathlib import Path

if "WEB_FOLDER" in os.environ:
    from tocsin.api import parts

    parts.folder = lambda: Path(os.environ["WEB_FOLDER"])  # type: ignore[attr-defined]
