"""Compare a built wheel with the tracked files: under xret/ they must be the same, and nothing else may be installed.

Usage: wheel_files.py WHEEL LISTING, the listing being the output of `git ls-files`.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path


def main(wheel: Path, listing: Path) -> int:
    """Name every difference on stderr; 0 when there is none."""
    with zipfile.ZipFile(wheel) as archive:
        built = {name for name in archive.namelist() if not name.endswith("/")}
    built = {name for name in built if not name.partition("/")[0].endswith(".dist-info")}
    tracked = {name for name in listing.read_text(encoding="utf-8").splitlines() if name.startswith("xret/")}
    for name in sorted(tracked - built):
        sys.stderr.write(f"missing from the wheel: {name}\n")
    for name in sorted(built - tracked):
        sys.stderr.write(f"in the wheel but not tracked: {name}\n")
    if built == tracked:
        sys.stdout.write(f"{wheel.name}: exactly the {len(tracked)} tracked files under xret/\n")
    return int(built != tracked)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
