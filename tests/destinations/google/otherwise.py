"""Google as nobody has seen it yet: every other way in which it may behave, by a few words."""

from __future__ import annotations

from tests.emulators.google_sheets import Switches

OTHERWISE = {
    "lookups show what matched": Switches(lookups_show_other_metadata=False),
    "no id twice in a batch": Switches(ids_return_within_batch=False),
    "answers show the first range": Switches(answers_show="first"),
    "answers show nothing": Switches(answers_show="nothing"),
    "one block a tab": Switches(blocks="first"),
    "one block over all": Switches(blocks="merged"),
    "a duplicate keeps metadata": Switches(duplicates_keep_metadata=True),
    "pastes pile up": Switches(pastes_pile_up_rules=True, partial_merges_refused=True),
    "formulas alone are pasted": Switches(formulas_paste_values=False),
    "tables grow": Switches(tables_grow=True),
    "all of it": Switches(
        metadata_follows_sort=False,
        formats_count_as_data=True,
        copies_hidden_rows=False,
        unmatched_lookups_refused=True,
        lookups_show_own_metadata=False,
        lookups_show_other_metadata=False,
        ids_return_within_batch=False,
        answers_show="nothing",
        blocks="first",
        duplicates_keep_metadata=True,
        pastes_pile_up_rules=True,
    ),
    "the rest of it": Switches(
        answers_show="first",
        blocks="merged",
        partial_merges_refused=True,
        formulas_paste_values=False,
        tables_grow=True,
    ),
}
TOGETHER = ("all of it", "the rest of it")  # between them they hold every answer
