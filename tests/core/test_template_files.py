"""Templates are found by name or path, with what they include, and refused with every mistake by its line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cqs_sheets.core.signals.fields import API_FIELDS, SOURCES
from cqs_sheets.core.signals.signal import FeedTable
from cqs_sheets.core.templates.template import TableTab
from cqs_sheets.errors import DataRefused, UsageError
from cqs_sheets.template_files import built_in, load_template, problems_of, read_built_in, schema

TEMPLATES = Path(__file__).parents[2] / "templates"
TABLE = '[[tabs]]\nname = "Mine"\nkind = "table"\ncolumns = [{ id = "a", header = "A", input = true }]\n'


def fed(name: str) -> list[TableTab]:
    return list(load_template(name).fed_tabs)


class TestBuiltInTemplates:
    def test_are_listed_without_those_that_are_only_included(self) -> None:
        assert {"raw", "signals"} <= set(built_in())
        assert not [name for name in built_in() if name.startswith("_")]

    @pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.toml")), ids=lambda path: path.stem)
    def test_are_as_good_as_a_users_must_be(self, path: Path, tmp_path: Path) -> None:
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        assert problems_of(copy) == ()

    @pytest.mark.parametrize("name", built_in())
    def test_are_called_like_their_file_and_have_a_title(self, name: str) -> None:
        assert load_template(name).name == name
        assert load_template(name).title != name

    @pytest.mark.parametrize("name", built_in())
    def test_show_the_signals_of_each_table_once(self, name: str) -> None:
        shown = sorted(table for tab in fed(name) for table in tab.tables)
        assert shown == sorted(FeedTable)

    def test_take_no_slow_library_to_load(self) -> None:
        code = (
            "import sys; from cqs_sheets.template_files import load_template; load_template('signals');"
            "print({'jsonschema', 'openpyxl'} & set(sys.modules))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "set()"


class TestRaw:
    def test_has_the_fields_of_the_guide_then_what_the_sync_adds(self) -> None:
        main, scalping = fed("raw")
        assert [column.header for column in main.columns] == [
            *API_FIELDS,
            "status",
            "first_seen",
            "last_seen",
        ]
        assert [column.source for column in main.columns] == [column.header for column in main.columns]
        assert scalping.columns == main.columns
        assert (main.plain, scalping.plain, scalping.when_needed) == (True, True, True)

    def test_has_no_settings_so_that_a_sync_without_news_writes_nothing(self) -> None:
        assert load_template("raw").settings_tab is None


class TestSignals:
    def test_show_whether_a_signal_is_still_open(self) -> None:
        for tab in fed("signals"):
            assert not tab.column("status").hidden
            (rule,) = [rule for rule in tab.rules if "closed" in rule.when]
            assert rule.on == tuple(column.id for column in tab.columns)

    def test_have_a_tab_for_scalps_with_their_one_target(self) -> None:
        _, scalping = fed("signals")
        sources = {column.source for column in scalping.columns}
        assert scalping.when_needed
        assert {"target1", "rr1"} <= sources
        assert not {"target2", "target3", "rr2", "rr3"} & sources


class TestAFile:
    def test_is_read_by_its_path(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        path.write_text("format = 1\n" + TABLE, encoding="utf-8-sig")
        assert load_template(str(path)).name == "mine"

    def test_of_a_built_in_template_copied_is_the_same_template(self, tmp_path: Path) -> None:
        path = tmp_path / "signals.toml"
        path.write_text(read_built_in("signals"), encoding="utf-8")
        assert load_template(str(path)) == load_template("signals")

    def test_includes_files_beside_it_before_built_in_ones(self, tmp_path: Path) -> None:
        (tmp_path / "_base.toml").write_text("format = 1\n[theme]\nsize = 23\n", encoding="utf-8")
        path = tmp_path / "mine.toml"
        path.write_text('format = 1\ninclude = ["_base", "_look"]\n' + TABLE, encoding="utf-8")
        assert load_template(str(path)).theme.font == "Arial"
        assert load_template(str(path)).settings_tab is None

    def test_is_refused_with_its_mistakes_by_line(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        path.write_text("format = 1\ntitel = 'x'\n" + TABLE.replace("input", "inptu"), encoding="utf-8")
        with pytest.raises(DataRefused) as refused:
            load_template(str(path))
        told = str(refused.value)
        assert "line 2 (titel): unknown key `titel`: did you mean `title`?" in told
        assert "line 6 (tabs 1 > columns 1 > inptu): unknown key `inptu`: did you mean `input`?" in told
        assert refused.value.exit_code == 65
        assert [problem.line for problem in problems_of(path)] == [2, 6]

    def test_that_it_includes_is_named_where_that_is_wrong(self, tmp_path: Path) -> None:
        (tmp_path / "look.toml").write_text("format = 1\n[theme]\nfonts = 'x'\n", encoding="utf-8")
        path = tmp_path / "mine.toml"
        path.write_text('format = 1\ninclude = ["look"]\n' + TABLE, encoding="utf-8")
        with pytest.raises(DataRefused, match=r"look\.toml has 1 problem"):
            load_template(str(path))

    def test_may_not_include_itself(self, tmp_path: Path) -> None:
        for name, other in (("one", "two"), ("two", "one")):
            (tmp_path / f"{name}.toml").write_text(f'format = 1\ninclude = ["{other}"]\n', encoding="utf-8")
        with pytest.raises(DataRefused, match='"one" includes itself'):
            load_template(str(tmp_path / "one.toml"))

    def test_may_not_include_without_end_what_includes_twice(self, tmp_path: Path) -> None:
        for at in range(12):
            both = f'include = ["./{at + 1}.toml", "././{at + 1}.toml"]'
            (tmp_path / f"{at}.toml").write_text(f"format = 1\n{both}\n", encoding="utf-8")
        (tmp_path / "12.toml").write_text("format = 1\n", encoding="utf-8")
        with pytest.raises(DataRefused, match="more than 100 files"):
            load_template(str(tmp_path / "0.toml"))

    def test_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="There is no template file"):
            load_template(str(tmp_path / "none.toml"))

    def test_that_is_a_folder_or_no_text_or_too_large_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "folder.toml").mkdir()
        (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
        (tmp_path / "large.toml").write_bytes(b"#" * (1 << 20 | 1))
        for name, words in (("folder", "cannot be read"), ("bytes", "not UTF-8"), ("large", "larger than")):
            with pytest.raises(UsageError, match=words):
                load_template(str(tmp_path / f"{name}.toml"))


def test_a_name_that_is_not_known_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean signals"):
        load_template("signal")
    with pytest.raises(UsageError, match="There are: "):
        read_built_in("zzz")
    with pytest.raises(UsageError):
        load_template("_base")


class TestTheSchema:
    def test_is_one(self) -> None:
        Draft202012Validator.check_schema(schema())

    def test_explains_every_key_so_that_editors_can(self) -> None:
        silent = [path for path, value in keys(schema()) if not value.get("description")]
        assert silent == []

    def test_names_every_field_and_calc(self) -> None:
        column = dict(keys(schema()))["$defs.table.columns.items"]["properties"]
        for source in SOURCES.values():
            assert source.name in column[source.kind]["description"]


def keys(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that a template may have, by its path in the schema."""
    if not isinstance(value, dict):
        return
    for name, inner in value.get("properties", {}).items():
        yield f"{path}.{name}".strip("."), inner
        yield from keys(inner, f"{path}.{name}")
    for part in ("items", "additionalProperties"):
        if isinstance(value.get(part), dict):
            if "properties" in value[part]:
                yield f"{path}.{part}".strip("."), value[part]
            yield from keys(value[part], f"{path}.{part}")
    for name, inner in value.get("$defs", {}).items():
        yield from keys(inner, f"$defs.{name}")
