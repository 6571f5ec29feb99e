"""What the scratch tab says of the last batch that overwrote cells: where, and for which rows it was meant.

A run that dies after a write never learns whether the rows stood where it had seen them. The notes, and
the copies beside them, let the next run find out, and put right what hit another row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cqs_sheets.core.cells import same
from cqs_sheets.destinations.google.read.cells import decode
from cqs_sheets.destinations.google.read.layout import Cell, Layout
from cqs_sheets.destinations.google.write.patches import Misplaced, Patch
from cqs_sheets.destinations.google.write.scratch import is_missing, kept_key
from cqs_sheets.destinations.google.write.witness import misplaced

Json = dict[str, Any]


def note(nonce: str, patches: Sequence[Patch]) -> str:
    """The note on the patches of one row, by the batch that `nonce` names."""
    return json.dumps([nonce, [_listed(patch) for patch in patches]], separators=(",", ":"), default=float)


def noted(layout: Layout) -> list[Patch]:
    """The patches of the newest batch, if it overwrote cells."""
    if not layout.scratch or not layout.marks:
        return []
    found = []
    for text in layout.scratch.notes:
        try:
            nonce, listed = json.loads(text)
            found += [_patch(each) for each in listed] if nonce == layout.marks[-1].nonce else []
        except (ValueError, TypeError):
            continue  # typed by a person
    return [patch for patch in found if not _settled(patch, layout)]


def mistakes_among(
    patches: Sequence[Patch], layout: Layout, cells: Mapping[Cell, Json]
) -> tuple[Misplaced, ...]:
    """What those patches did to other rows and must be taken back, the oldest first; by cells seen today.

    What cannot be known any more counts as right: a row whose copy a filter kept from being made.
    """
    known = [
        patch
        for patch in patches
        if not (place := kept_key(patch, layout)) or not is_missing(cells.get(place, {}))
    ]
    wrong = [
        each for each in misplaced(known, layout, cells, layout.names, later=True) if each.before is not None
    ]
    still = [each.patch.undoes for each in wrong if each.patch.undoes]
    return (*still, *wrong)


def _settled(patch: Patch, layout: Layout) -> bool:
    """A setting that shows what was written: its cell may have moved since."""
    cell = layout.names.get(patch.key.lower())
    if patch.key_column is not None or patch.undoes or cell is None:
        return False
    return same(decode(next(iter(patch.content.values()), None)), layout.values.get(cell))


def _listed(patch: Patch) -> list[Any]:
    cell, wrong = patch.cell, patch.undoes
    return [
        [patch.tab, patch.key, patch.column],
        [cell.sheet_id, cell.row, cell.column, patch.key_column],
        patch.content,
        patch.slot,
        [_listed(wrong.patch), wrong.found, wrong.before, wrong.at] if wrong else None,
    ]


def _patch(listed: Sequence[Any]) -> Patch:
    (tab, key, column), (sheet_id, row, at, key_column), content, slot, wrong = listed
    undoes = None
    if wrong:
        mistake, found, before, *at = wrong
        undoes = Misplaced(patch=_patch(mistake), found=found, before=before, at=at[0] if at else None)
    return Patch(
        tab=tab,
        key=key,
        column=column,
        cell=Cell(sheet_id=sheet_id, row=row, column=at),
        key_column=key_column,
        content=content,
        slot=slot,
        undoes=undoes,
    )
