"""The ids of notifications: UUIDv7 (RFC 9562 §5.7) in base32hex, behind `notif_`."""

import re
from collections import Counter
from uuid import RFC_4122, UUID

from tocsin.notification import new_id

NOW = 1_800_000_000_123
DIGITS = "0123456789abcdefghijklmnopqrstuv"


def uuid_of(id_: str) -> UUID:
    """The UUID that an id is."""
    number = 0
    for character in id_.removeprefix("notif_"):
        number = number << 5 | DIGITS.index(character)
    return UUID(int=number)


def test_an_id_is_a_uuid_of_version_seven_that_holds_its_time() -> None:
    for ms in (0, 1, NOW, (1 << 48) - 1):
        id_ = new_id(ms)
        assert re.fullmatch(r"notif_[0-7][0-9a-v]{25}", id_)
        assert uuid_of(id_).version == 7
        assert uuid_of(id_).variant == RFC_4122
        assert uuid_of(id_).int >> 80 == ms


def test_ids_sort_by_their_time() -> None:
    ids = [new_id(NOW + passed) for passed in range(2_000)]
    assert ids == sorted(ids)


def test_every_bit_that_is_chance_is_as_often_one_as_zero() -> None:
    count = 4_000
    numbers = [uuid_of(new_id(NOW)).int for _ in range(count)]
    ones = Counter(bit for number in numbers for bit in range(80) if number >> bit & 1)
    settled = {62: 0, 63: count, 76: count, 77: count, 78: count, 79: 0}
    for bit in range(80):
        # Eight standard deviations: a fair bit is outside of it once in 10**15 runs.
        assert ones[bit] == settled[bit] if bit in settled else abs(ones[bit] - count / 2) < 8 * 32
    assert len(set(numbers)) == count
