"""For tests of what a closed stream leaves behind: no collector, and a count of what lives, by type, when asked.

Who asks makes the file named by COUNTED_IN with `.ask` at its end; the answer is JSON in the file itself.
Loaded by the interpreter because the test puts this folder on PYTHONPATH.
"""

import gc
import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path


def _answer(path: Path) -> None:
    asked = path.with_suffix(".ask")
    while True:
        time.sleep(0.02)
        if asked.exists():
            asked.unlink()
            counts = Counter(f"{type(found).__module__}.{type(found).__qualname__}" for found in gc.get_objects())
            partial = path.with_suffix(".part")
            partial.write_text(json.dumps(counts))
            partial.replace(path)


if "serve" in sys.orig_argv and "COUNTED_IN" in os.environ:
    gc.disable()
    threading.Thread(target=_answer, args=(Path(os.environ["COUNTED_IN"]),), daemon=True).start()
