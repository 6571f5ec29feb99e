"""What a target's lineage says: a later version, an older one, or a fork."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.plan.facts import (
    NEVER,
    Lineage,
    Write,
    followed_by,
    held_up_to,
    lineage_from,
    lineage_text,
    word_of,
    written_by_others,
)

A, B, C = Write(1, "aaaa1"), Write(2, "aaaa2"), Write(3, "bbbb3")


def test_a_target_that_descends_from_what_we_saw_holds_all_we_gave_it() -> None:
    assert held_up_to((A, B, C), B, {A, B}, 2) == 2


def test_an_older_version_holds_what_came_before_it() -> None:
    assert held_up_to((A,), B, {A}, 2) == 1


def test_the_same_number_with_another_word_is_a_fork() -> None:
    assert held_up_to((A, Write(2, "bbbb2")), B, {A}, 2) == 1


def test_a_higher_number_that_does_not_descend_from_ours_is_a_fork() -> None:
    assert held_up_to((A, Write(2, "bbbb2"), C), B, {A}, 2) == 1


def test_a_stranger_holds_nothing() -> None:
    assert held_up_to((C,), B, set(), 2) == 0


def test_numbers_of_version_0_1_0_count_by_themselves() -> None:
    old = Write(5)
    assert held_up_to((Write(7),), old, {old}, 5) == 5
    assert held_up_to((Write(5), Write(6, "bbbb6")), old, {old}, 5) == 5
    assert held_up_to((Write(4),), old, {old}, 5) == 4
    assert held_up_to((Write(5), Write(6, "bbbb6")), Write(6, "aaaa6"), {old}, 6) == 5
    assert held_up_to((), NEVER, set(), 0) == 0


def test_who_wrote_last() -> None:
    assert written_by_others((A, B, C), B, {A, B})
    assert not written_by_others((A, B), B, {A, B})
    assert not written_by_others((A,), B, {A})
    assert written_by_others((Write(6),), Write(5), {Write(5)})
    assert not written_by_others((Write(4),), Write(5), {Write(5)})
    assert not written_by_others((), NEVER, set())


def test_the_last_write_of_a_machine_is_remembered_however_often_another_writes() -> None:
    lineage: Lineage = (Write(1, "bbbb1"),)
    for number in range(2, 2000):
        lineage = followed_by(lineage, Write(number, word_of("aaaa", f"xxxx{number}")))
    assert lineage[0] == Write(1, "bbbb1")
    assert len(lineage) == 25
    for number in range(2000, 3000):
        lineage = followed_by(lineage, Write(number, f"{number}"))
    assert len(lineage) == 48


@given(
    st.lists(st.builds(Write, st.integers(0, 10**15 - 1), st.from_regex(r"[0-9a-f]{0,13}", fullmatch=True)))
)
def test_a_lineage_is_read_as_it_was_written(writes: list[Write]) -> None:
    assert lineage_from(lineage_text(tuple(writes))) == tuple(writes)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert all(write.number >= 0 for write in lineage_from(text))
