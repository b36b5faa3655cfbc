"""A closer look: of notifications that hold words that begin alike, those that hold the words that were asked for.

The index has lists of some lengths of beginnings only (`index.BEGINNINGS`). For any other it is asked for the next
shorter one, and what that finds is looked at here: FTS5 itself reads the texts in the log, in an index of a moment.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import cast

import apsw

from tocsin.store.search_words import Part
from tocsin.store.sqlite.file import connect
from tocsin.store.sqlite.index import BEGINNINGS, TOKENIZE, TOKENIZER, LogUnreadable

_SCHEMA = f"""CREATE VIRTUAL TABLE words USING fts5 (title, message, content = '', tokenize = "{TOKENIZE}")"""
_TEXTS = """
SELECT jsonb_group_array(jsonb_array(first, body ->> '$.title', body ->> '$.message'))
FROM notifications WHERE first IN (SELECT value FROM json_each(?)) AND withdrawn_at IS NULL AND json_valid(body)
"""
_INSERT = "INSERT INTO words (rowid, title, message) SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)"
_FIND = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC"


class CloserLook:
    """Belongs to one thread at a time.

    Parameters:
        log_path: of the log; only ever read.

    Raises:
        LogUnreadable: it cannot be opened.
    """

    def __init__(self, log_path: Path) -> None:
        try:
            self._log = connect(log_path, read_only=True)
        except apsw.Error as error:
            raise LogUnreadable(str(error)) from error
        self._moment = apsw.Connection(":memory:")
        self._moment.execute(_SCHEMA)
        name, *arguments = TOKENIZER
        self._tokenizer = self._moment.fts5_tokenizer(name, arguments)

    def close(self) -> None:
        """Let go of the log."""
        self._moment.close()
        self._log.close()

    def interrupt(self) -> None:
        """End the statement that runs now, from another thread."""
        with suppress(apsw.ConnectionClosedError):
            self._log.interrupt()
            self._moment.interrupt()

    def shortened(self, wanted: list[Part]) -> list[Part]:
        """The same, with beginnings that the index has lists of; equal where it has them all."""
        return [(self._shortened(text) if open_ else text, open_) for text, open_ in wanted]

    def having(self, match: str, numbers: list[int]) -> list[int]:
        """Those whose texts an expression finds, newest first.

        Parameters:
            match: of FTS5.
            numbers: `first` of notifications.

        Raises:
            LogUnreadable: the texts could not be read. apsw.InterruptError.
        """
        try:
            texts = self._log.execute(_TEXTS, (json.dumps(numbers),)).get
        except apsw.InterruptError:
            raise
        except apsw.Error as error:
            raise LogUnreadable(str(error)) from error
        self._empty()
        self._moment.execute("BEGIN")
        try:
            self._moment.execute(_INSERT, (texts,))
            return [number for (number,) in self._moment.execute(_FIND, (match,))]
        finally:
            self._empty()

    def _empty(self) -> None:
        # An insertion that is interrupted has done it already.
        if self._moment.in_transaction:
            self._moment.execute("ROLLBACK")

    def _shortened(self, text: str) -> str:
        words = cast(
            "list[str]",
            self._tokenizer(
                text.encode(), apsw.FTS5_TOKENIZE_QUERY, None, include_offsets=False, include_colocated=False
            ),
        )
        if not words or len(words[-1]) in BEGINNINGS:
            return text
        length = max(length for length in BEGINNINGS if length < len(words[-1]))
        return " ".join([*words[:-1], words[-1][:length]])
