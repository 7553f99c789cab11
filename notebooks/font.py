"""The font with which plots draw Chinese, cut down to the characters that the translations use.

It is made from Noto Sans CJK SC, which is free under the SIL Open Font License (``mpsearch/locale/zh/OFL.txt``). On
Debian and Ubuntu, the package fonts-noto-cjk has it. The same characters give the same file, to the bit.

python notebooks/font.py          cut the font anew, after a catalogue has got new characters
python notebooks/font.py OTHER    the same, from another copy of NotoSansCJK-Regular.ttc
"""

from __future__ import annotations

import io
import string
import sys
from pathlib import Path

import polib
from fontTools import subset
from fontTools.ttLib import TTFont

from mpsearch.language import FOLDER as LIBRARY
from mpsearch.training.storage import write_atomically

LESSONS = Path(__file__).resolve().parent / "locale"
ORIGINAL = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
FACE = "Noto Sans CJK SC"
NAME = "mpsearch Sans SC"  # another one than the original's, which may also be installed
CUT = LIBRARY / "zh" / "mpsearch-sans-sc.otf"
# Letters, the minus of an axis, and the signs of runners in a film.
ALWAYS = {*string.ascii_letters, *string.digits, *string.punctuation, *" \N{MINUS SIGN}●◆■▲▼✚"}
ON_THE_PAGE = {"⏸", "\n"}  # a browser draws it with a font of its own
NOT_NEEDED = ["BASE", "GPOS", "GSUB", "VORG", "vhea", "vmtx"]  # tables for vertical lines and other forms of letters
NAMES = {1: NAME, 3: NAME, 4: NAME, 6: NAME.replace(" ", "-")}  # by their numbers in the format


def characters(language: str = "zh") -> set[str]:
    """Return the characters of all translations into this language, of the lessons and of the library."""
    paths = [*(LESSONS / language).glob("*.po"), *(LIBRARY / language).rglob("*.po")]
    return {
        character for path in paths for entry in polib.pofile(str(path)) for character in entry.msgstr
    } - ON_THE_PAGE


def face(collection: Path) -> TTFont:
    """Return the Chinese font in a file with several.

    Raises:
        SystemExit: there is no such file, or no such font in it.
    """
    if not collection.is_file():
        sys.exit(f"font.py: there is no {collection}; install fonts-noto-cjk, or name a copy of {ORIGINAL.name}")
    for number in range(TTFont(collection, fontNumber=0).reader.numFonts):
        font = TTFont(collection, fontNumber=number, recalcTimestamp=False)
        if font["name"].getDebugName(4) == FACE:
            return font
    sys.exit(f"font.py: {collection} has no font {FACE}")


def cut(font: TTFont, wanted: set[str]) -> None:
    """Remove from ``font`` all but the ``wanted`` characters, and name it anew."""
    options = subset.Options(layout_features=[], hinting=False, name_IDs=["*"])
    options.drop_tables += NOT_NEEDED
    cutter = subset.Subsetter(options)
    cutter.populate(text="".join(sorted(wanted)))
    cutter.subset(font)
    for number, name in NAMES.items():
        font["name"].setName(name, number, 3, 1, 0x409)


def main() -> None:
    """Run the command line."""
    font = face(Path(*sys.argv[1:]) if sys.argv[1:] else ORIGINAL)
    wanted = characters() | ALWAYS
    cut(font, wanted)
    file = io.BytesIO()
    font.save(file)
    write_atomically(CUT, file.getvalue())  # a notebook that draws with the old one goes on with it
    lacking = sorted(wanted - {chr(code) for code in font.getBestCmap()})
    print(f"{CUT.name}: {len(wanted)} characters, {CUT.stat().st_size / 1000:.0f} kB; it lacks {lacking or 'none'}")


if __name__ == "__main__":
    main()
