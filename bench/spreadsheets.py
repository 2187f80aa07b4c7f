"""Opens exports in LibreOffice, without a window, and says of which kind each cell is then.

    python -m bench.spreadsheets [FILE.csv …]

Without a file it takes one with all that spreadsheets are known to change. Needs soffice (libreoffice-calc-nogui).
"""

import csv
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

from core.export import BYTE_ORDER_MARK, csv_lines

NAMES = {
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
}
TYPE, FORMULA, REPEATED = (
    f"{{{NAMES['office']}}}value-type",
    f"{{{NAMES['table']}}}formula",
    f"{{{NAMES['table']}}}number-columns-repeated",
)
TEXTS = [
    "Ünal 株式会社", "00420", "4930123456789012345", "12e5", "3-4", "2026-05-03", "1/2", "27.11.2026", "10:30",
    "+49 30 12345", "=1+1", "  =1+1", "@SUM(A1)", "-A1", "\t=1", "|calc", "%1", "it's", "203.0.113.7", "enrich-7",
    "TRUE", "May 2026", "MAR1", "5-Dec", "March", "a,b;c\td",
]  # fmt: skip
# Comma, double quotes, UTF-8, from the first line on, no column formats, English; numbers and dates are recognized.
FILTER = "CSV:44,34,76,1,,1033,false,true,false"


def main(paths: list[str]) -> int:
    """Check each file, or the one with everything; return 1 if a cell is not what it should be."""
    with tempfile.TemporaryDirectory() as folder:
        if not paths:
            sample = Path(folder, "sample.csv")
            at = datetime(2026, 11, 27, 14, 30, 7, 999999, tzinfo=UTC)
            rows = [[text, at, number, Decimal("4820.5")] for number, text in enumerate(TEXTS)]
            sample.write_text("".join(csv_lines(["text", "read_at", "count", "credits"], rows)), newline="")
            paths = [str(sample)]
        return max(check(Path(path), Path(folder)) for path in paths)


def check(path: Path, folder: Path) -> int:
    """Print how many cells of each column are of which kind, and each that is not as the file has it."""
    command = ["soffice", "--headless", f"--infilter={FILTER}", "--convert-to", "fods", "--outdir", str(folder), path]
    subprocess.run(command, check=True, capture_output=True, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"})  # noqa: S603
    text = path.read_bytes().decode()
    assert text.startswith(BYTE_ORDER_MARK), path
    header, *rows = csv.reader(text.removeprefix(BYTE_ORDER_MARK).splitlines())
    shown = list(cells_of(folder / f"{path.stem}.fods"))
    assert [cell[1] for cell in shown[0]] == header, shown[0]
    kinds = {name: Counter() for name in header}
    wrong = []
    for row, cells in zip(rows, shown[1:], strict=True):
        for name, written, (kind, value) in zip(header, row, cells, strict=False):
            kinds[name][kind] += 1
            is_time = name.endswith(" (UTC)") and written
            if kind == "formula" or (is_time and kind != "date") or (not is_time and not is_same(kind, value, written)):
                wrong.append(f"{name}: {written!r} is {kind} {value!r}")
    print(path.name, len(rows), "rows", {name: dict(found) for name, found in kinds.items()})
    print("\n".join(wrong[:20]) or "All cells are as they should be.")
    return int(bool(wrong))


def is_same(kind: str, value: str, written: str) -> bool:
    """Return whether what is shown is what is in the file; numbers may lose zeros at their end."""
    if kind == "float":
        return Decimal(value) == Decimal(written)
    return value.split() == written.split() if kind != "boolean" else value.lower() == written.lower()


def cells_of(path: Path) -> list[list[tuple[str, str]]]:
    """Return kind and text of each cell of the first sheet."""
    table = ET.parse(path).getroot().find(".//table:table", NAMES)  # noqa: S314 — LibreOffice wrote it
    rows = []
    for row in table.findall("table:table-row", NAMES):
        cells = []
        for cell in row.findall("table:table-cell", NAMES):
            text = "\n".join("".join(each.itertext()) for each in cell.findall("text:p", NAMES))
            kind = "formula" if cell.get(FORMULA) else cell.get(TYPE, "empty")
            value = cell.get(f"{{{NAMES['office']}}}value", text) if kind == "float" else text
            cells += [(kind, value)] * int(cell.get(REPEATED, "1"))
        rows.append(cells)
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
