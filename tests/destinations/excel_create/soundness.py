"""What Excel wants of a workbook and offers to repair otherwise, checked without Excel."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections import Counter
from collections.abc import Iterator

from lxml import etree

from cqs_sheets.destinations.excel.parts.package import Draft

STRICT = "http://purl.oclc.org/ooxml/"
WORKBOOK_ORDER = (
    "fileVersion", "fileSharing", "workbookPr", "AlternateContent", "workbookProtection", "bookViews", "sheets",
    "functionGroups", "externalReferences", "definedNames", "calcPr", "oleSize", "customWorkbookViews",
    "pivotCaches", "smartTagPr", "smartTagTypes", "webPublishing", "fileRecoveryPr", "webPublishObjects", "extLst",
)  # fmt: skip
STYLES_ORDER = (
    "numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs", "tableStyles",
    "colors", "extLst",
)  # fmt: skip


def written(draft: Draft) -> bytes:
    """The workbook a draft would be written as."""
    buffer = io.BytesIO()
    draft.write(buffer)
    return buffer.getvalue()


class Parts:
    """The parts of a workbook as parsed XML, looked at without regard to their namespaces."""

    def __init__(self, workbook: bytes) -> None:
        self.archive = zipfile.ZipFile(io.BytesIO(workbook))
        self.names = self.archive.namelist()

    def xml(self, name: str) -> etree._Element:
        return etree.fromstring(self.archive.read(name))

    def links(self, owner: str) -> dict[str, tuple[str, str]]:
        folder, name = posixpath.split(owner)
        source = posixpath.join(folder, "_rels", f"{name}.rels")
        if source not in self.names:
            return {}
        found = [each for each in self.xml(source) if each.get("TargetMode") != "External"]
        ids = Counter(each.get("Id") for each in found)
        assert max(ids.values(), default=1) == 1, f"{source} has two links of one id"
        return {
            str(each.get("Id")): (
                str(each.get("Type")).rsplit("/", 1)[-1],
                posixpath.normpath(posixpath.join("/", folder, str(each.get("Target")))).lstrip("/"),
            )
            for each in found
        }

    def linked(self, owner: str, kind: str) -> list[str]:
        return [target for what, target in self.links(owner).values() if what == kind]


def tag(element: etree._Element) -> str:
    return str(etree.QName(element).localname)


def all_of(root: etree._Element, name: str) -> list[etree._Element]:
    return [each for each in root.iter(etree.Element) if tag(each) == name]


def link_id(element: etree._Element) -> str | None:
    return next((str(text) for name, text in element.attrib.items() if str(name).endswith("}id")), None)


def assert_sound(workbook: bytes) -> None:
    """Fails with what Excel would complain about."""
    parts = Parts(workbook)
    (main,) = parts.linked("", "officeDocument")
    assert max(Counter(name.lower() for name in parts.names).values()) == 1, "two parts of one name"
    _check_types(parts)
    book = parts.xml(main)
    _check_order([tag(each) for each in book], WORKBOOK_ORDER)
    sheets = all_of(book, "sheet")
    for key in ("name", "sheetId"):
        seen = Counter(str(each.get(key)).lower() for each in sheets)
        assert max(seen.values()) == 1, f"two sheets of one {key}: {seen}"
    assert all(len(str(each.get("name"))) <= 31 for each in sheets)
    links = parts.links(main)
    assert all(link_id(each) in links for each in sheets), "a sheet without a part"
    _check_names(book, parts, main)
    counts = _check_styles(parts, main)
    tables: list[etree._Element] = []
    for target in [target for kind, target in links.values() if kind == "worksheet"]:
        tables += _check_sheet(parts, target, counts)
    for key in ("id", "displayName"):
        seen = Counter(str(each.get(key)).lower() for each in tables)
        assert max(seen.values(), default=1) == 1, f"two tables of one {key}: {seen}"


def _check_types(parts: Parts) -> None:
    types = parts.xml("[Content_Types].xml")
    defaults = {str(each.get("Extension")).lower() for each in types if tag(each) == "Default"}
    overrides = Counter(str(each.get("PartName")).lower() for each in types if tag(each) == "Override")
    assert max(overrides.values(), default=1) == 1, "two content types of one part"
    for name in parts.names:
        known = f"/{name}".lower() in overrides or name.rsplit(".", 1)[-1].lower() in defaults
        assert known or name == "[Content_Types].xml", f"{name} has no content type"


def _check_order(found: list[str], order: tuple[str, ...]) -> None:
    places = [order.index(each) for each in found if each in order]
    assert places == sorted(places), f"elements out of order: {found}"


def _check_names(book: etree._Element, parts: Parts, main: str) -> None:
    names = Counter(
        (str(each.get("name")).lower(), each.get("localSheetId")) for each in all_of(book, "definedName")
    )
    assert max(names.values(), default=1) == 1, "two names alike"
    tables = {
        str(parts.xml(table).get("displayName")).lower()
        for sheet in parts.linked(main, "worksheet")
        for table in parts.linked(sheet, "table")
    }
    assert not tables & {name for name, _ in names}, "a table has the name of a defined name"


def _check_styles(parts: Parts, main: str) -> dict[str, int]:
    (part,) = parts.linked(main, "styles")
    root = parts.xml(part)
    _check_order([tag(each) for each in root], STYLES_ORDER)
    held = {tag(each): each for each in root}
    counts = {name: len(container) for name, container in held.items()}
    for name, container in held.items():
        assert container.get("count") in (None, str(len(container))), f"{name} counts wrong"
    assert counts["fills"] >= 2
    for cell_format in held["cellXfs"]:
        for key, container in (("fontId", "fonts"), ("fillId", "fills"), ("borderId", "borders")):
            assert int(cell_format.get(key, "0")) < counts[container], f"no such {key}"
        assert int(cell_format.get("xfId", "0")) < counts["cellStyleXfs"]
    codes = [each.get("numFmtId") for each in held.get("numFmts", [])]
    assert len(codes) == len(set(codes)), "two number formats of one id"
    return counts


def _check_sheet(parts: Parts, part: str, counts: dict[str, int]) -> Iterator[etree._Element]:
    root, links = parts.xml(part), parts.links(part)
    for element in root.iter(etree.Element):
        style = element.get("s") if tag(element) in ("c", "row") else element.get("style")
        if style and tag(element) in ("c", "row", "col"):
            assert int(style) < counts["cellXfs"], f"{part}: no cell format {style}"
        if element.get("dxfId"):
            assert int(str(element.get("dxfId"))) < counts["dxfs"]
        wanted = link_id(element)
        assert wanted is None or wanted in links or tag(element) == "hyperlink", f"{part}: no link {wanted}"
    for kind, target in links.values():
        assert target in parts.names, f"{part} links to {target}, which is not there"
        if kind == "table":
            table = parts.xml(target)
            assert _header_texts(parts, root, str(table.get("ref"))) == [
                str(each.get("name")) for each in all_of(table, "tableColumn")
            ], f"{target}: headers and cells differ"
            yield table


def _header_texts(parts: Parts, sheet: etree._Element, area: str) -> list[str]:
    row = "".join(filter(str.isdigit, area.split(":", maxsplit=1)[0]))
    cells = [
        each for each in all_of(sheet, "c") if str(each.get("r")).lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == row
    ]
    shared = all_of(parts.xml("xl/sharedStrings.xml"), "si") if "xl/sharedStrings.xml" in parts.names else []
    texts = [shared[int(each.findtext("{*}v") or 0)] if each.get("t") == "s" else each for each in cells]
    return ["".join(inner.text or "" for inner in all_of(text, "t")) for text in texts]
