"""Writes LICENSES.md: the licence of every pinned package, from the metadata of what is installed.

Run it in the project's environment: ``make licenses``. The same pins give the same file.
"""

import re
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)")
HEAD = """# Licences of the packages that the console installs

The console itself is under the MIT licence ([LICENSE](LICENSE)). Nothing below is part of this repository: `make run`
installs it from the package index. Written by `make licenses` from the packages' own metadata.
"""


def pins(path: Path) -> list[tuple[str, str]]:
    """Return the (name, version) pairs of a requirements file, in alphabetical order."""
    found = (PIN.match(line) for line in path.read_text().splitlines())
    return sorted(((match[1], match[2]) for match in found if match), key=lambda pin: pin[0].lower())


def licence_of(package: Distribution) -> str:
    """Return the licence as an SPDX expression where there is one, else as the package words it."""
    known = package.metadata
    if expression := known.get("License-Expression"):
        return str(expression)
    classified = [line.split(" :: ")[-1] for line in known.get_all("Classifier") or [] if line.startswith("License ::")]
    stated = str(known.get("License") or "").strip().splitlines()
    short = stated[0] if stated and len(stated[0]) <= 60 else ""
    return ", ".join(sorted(set(classified) - {"OSI Approved"})) or short or "not stated in its metadata"


def table(path: Path, title: str) -> str:
    """Return one section. Raises PackageNotFoundError for a pin that is not installed."""
    rows = [f"| {name} | {version} | {licence_of(distribution(name))} |" for name, version in pins(path)]
    return "\n".join([f"\n## {title}\n", "| package | version | licence |", "| --- | --- | --- |", *rows, ""])


def main() -> None:
    """Write the file, or with --check fail if it is not up to date."""
    text = HEAD + table(ROOT / "requirements.txt", "To run it")
    text += table(ROOT / "requirements-dev.txt", "To test and lint it")
    target = ROOT / "LICENSES.md"
    if "--check" in sys.argv[1:]:
        sys.exit(0 if target.read_text() == text else "LICENSES.md is out of date: run `make licenses`.")
    target.write_text(text)


if __name__ == "__main__":
    main()
