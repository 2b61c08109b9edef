"""The lines of a text file, whatever its encoding, gzip or not.

A line that is not valid in the file's encoding is rejected, and only that line. The encoding is found out in this order: byte order
mark, UTF-16 by where its zero bytes stand, UTF-8 if most lines with other than ASCII characters are valid in it, charset-normalizer.

Not covered: encodings outside `CANDIDATES` that are not named (ISO 8859-2, KOI8-R), files of two encodings.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from data.readers.row import library, rejected
from data.records import Reject

GZIP = b"\x1f\x8b"  # RFC 1952
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)  # what reading a cut or changed gzip file raises
BLOCK = 1 << 18  # bytes read at once; four times as many are no faster (measured)
LONGEST_LINE = 1_000_000  # bytes; a longer line is a file of another kind, or an unclosed quote
SEARCHED = 64 << 20  # bytes searched for characters beyond ASCII: a tenth of a second's work
SAMPLE = 1 << 16  # bytes of such lines to tell the encoding by
FEWEST_BROKEN = 3  # lines broken in UTF-8 that make another encoding likelier, unless they are half of the file
BROKEN_PERCENT = 1.0  # of all lines, likewise: English in Windows-1252 has some dashes and quotes in every hundred
MARKS = {  # UTF-32's begins with UTF-16's
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
USUAL = "\n\t ,."  # characters that stand in any text file
MARK = "\ufeff"  # what the byte order mark is decoded to
CANDIDATES = ("cp1252", "gb18030", "cp932", "euc_jp", "cp949", "big5", "cp1250", "cp1251")  # of two as likely the first is taken
AS_LIKELY = 0.02  # charset-normalizer's chaos, 0..1, by which two candidates may differ: 10 languages, one to three lines each (measured)


def open_bytes(path: Path) -> BufferedIOBase:
    """A file open for reading, unpacked if it is gzip by its first bytes, whatever its name.

    Of a damaged gzip file `read1` gives all that stands before the damage; `read` loses up to a block of it.
    """
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    return gzip.open(path, "rb") if packed else path.open("rb")


@dataclass(frozen=True)
class TextFile:
    r"""A text file of known encoding; it is open only while it is iterated.

    Attributes:
        path: where it lies.
        encoding: its name in Python.
        newline: what ends a line: `\r` in files of old Macintosh programs, else `\n`, with or without `\r` before it.
    """

    path: Path
    encoding: str
    newline: str = "\n"

    def lines(self) -> Iterator[str | Reject]:
        """One item a line, without its end; a line that cannot be read is a reject, and so is the place where a gzip file breaks off."""
        number = 1
        try:
            for block in self.blocks():
                lines = self._decoded(block, number)
                number += len(lines)
                yield from lines
        except DAMAGED:
            yield rejected(self.path, number, "the gzip file is cut off or damaged from here on")

    def count(self) -> int:
        """How many items `lines` gives, without decoding them."""
        newline, found, last = self.newline.encode(), 0, b""
        try:
            for block in self._bytes():
                found += block.count(newline)
                last = block
        except DAMAGED:
            return found + 1
        return found + bool(last and not last.endswith(newline))

    def blocks(self) -> Iterator[bytes]:
        """Blocks of whole lines; of a line that is too long one byte more than allowed."""
        newline, rest = self.newline.encode(), b""
        for block in self._bytes():
            rest += block
            cut = rest.rfind(newline) + 1
            if cut:
                yield rest[:cut]
            rest = rest[cut : cut + LONGEST_LINE + 1]
        if rest:
            yield rest

    @property
    def _wide(self) -> bool:
        return self.encoding.startswith(("utf-16", "utf-32"))

    def _bytes(self) -> Iterator[bytes]:
        """The unpacked bytes; UTF-16 and UTF-32 come as UTF-8, in which a broken character stays broken."""
        with open_bytes(self.path) as file:
            if not self._wide:
                while block := file.read1(BLOCK):
                    yield block
                return
            decoder = codecs.getincrementaldecoder(self.encoding)("surrogatepass")
            while block := file.read1(BLOCK):
                yield decoder.decode(block).encode("utf-8", "surrogatepass")
            if decoder.getstate()[0]:
                yield b"\xff"

    def _decoded(self, block: bytes, number: int) -> Sequence[str | Reject]:
        """The lines of a block: all at once if they are good, else one by one."""
        try:
            text = block.decode("utf-8" if self._wide else self.encoding)
        except UnicodeDecodeError:
            return self._one_by_one(block, number)
        if "\0" in text or len(block) > LONGEST_LINE:
            return self._one_by_one(block, number)
        lines = text.removeprefix(MARK if number == 1 else "").removesuffix(self.newline).split(self.newline)
        return [line.removesuffix("\r") for line in lines] if "\r" in text else lines

    def _one_by_one(self, block: bytes, number: int) -> list[str | Reject]:
        newline = self.newline.encode()
        return [self._line(line, at) for at, line in enumerate(block.removesuffix(newline).split(newline), number)]

    def _line(self, line: bytes, number: int) -> str | Reject:
        """One line by itself, or what is wrong with it."""
        encoding = "utf-8" if self._wide else self.encoding
        shown = line[:1000].decode(encoding, "backslashreplace")
        if len(line) > LONGEST_LINE:
            return rejected(self.path, number, f"longer than {LONGEST_LINE:,} bytes", shown)
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError as error:
            return rejected(self.path, number, f"not {self.encoding} at byte {error.start + 1} of the line", shown)
        if "\0" in text:
            return rejected(self.path, number, "holds a NUL character", shown.replace("\0", "\\x00"))
        return text.removeprefix(MARK if number == 1 else "").removesuffix("\r")


def open_text(path: Path, encoding: str | None = None) -> TextFile:
    """A text file, its encoding as named or else found out.

    Raises:
        ValueError: there is no encoding of that name.
        OSError: the file cannot be read.
    """
    if encoding is not None:
        encoding = _known(path, encoding)
    head = _head(path)
    found = encoding or _marked(head) or _unmarked_wide(head) or _narrow(path)
    returns = b"\r" in head and b"\n" not in head and not found.startswith(("utf-16", "utf-32"))
    return TextFile(path, found, "\r" if returns else "\n")


def _known(path: Path, encoding: str) -> str:
    """Python's name of an encoding.

    Raises:
        ValueError: it has none.
    """
    try:
        "".encode(encoding)  # refuses codecs that are no text encodings, such as rot13
        return codecs.lookup(encoding).name
    except LookupError:
        raise ValueError(
            f"{path}: encoding {encoding!r} is unknown; valid are utf-8, utf-16, gb18030, shift_jis, cp1252 and Python's others"
        ) from None


def _head(path: Path) -> bytes:
    with open_bytes(path) as file:
        try:
            return file.read1(SAMPLE)
        except DAMAGED:
            return b""


def _marked(head: bytes) -> str | None:
    return next((encoding for mark, encoding in MARKS.items() if head.startswith(mark)), None)


def _unmarked_wide(head: bytes) -> str | None:
    """UTF-16 without mark, in the byte order that gives more line ends, spaces and the like; the other makes rare characters of them."""
    if not head.count(0) or (4 * head.count(0) < len(head) and _begun(head, "utf-8")):
        return None
    counts = {encoding: sum(map(_begun(head, encoding).count, USUAL)) for encoding in ("utf-16-le", "utf-16-be")}
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] else None


def _begun(head: bytes, encoding: str) -> str:
    """The text that begins with these bytes; nothing if they are not of the encoding."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return ""


def _narrow(path: Path) -> str:
    """The encoding of a file in which one byte ends a line."""
    lines, valid, broken = _beyond_ascii(path)
    many = len(broken) >= FEWEST_BROKEN and 100 * len(broken) >= BROKEN_PERCENT * lines
    if len(broken) <= len(valid) or not (many or 2 * len(broken) >= lines):
        return "utf-8"
    return _likeliest(path, b"\n".join(broken + valid)) or "utf-8"


def _beyond_ascii(path: Path) -> tuple[int, list[bytes], list[bytes]]:
    """How many lines were searched, and those beyond ASCII: valid in UTF-8, and not."""
    searched = 0
    valid: list[bytes] = []
    broken: list[bytes] = []
    for lines in _searched(path):
        searched += len(lines)
        for line in lines:
            if not line.isascii():
                (valid if _is_utf8(line) else broken).append(line)
        if sum(map(len, valid)) + sum(map(len, broken)) >= SAMPLE:
            break
    return searched, valid, broken


def _searched(path: Path) -> Iterator[list[bytes]]:
    """The file's lines in blocks, up to where the search ends or a gzip file breaks off."""
    searched = 0
    try:
        for block in TextFile(path, "latin-1").blocks():
            yield block.removesuffix(b"\n").split(b"\n")
            searched += len(block)
            if searched >= SEARCHED:
                return
    except DAMAGED:
        return


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _likeliest(path: Path, sample: bytes) -> str | None:
    """charset-normalizer's choice among `CANDIDATES`; of those that are as likely, the first of them."""
    matches = library("charset_normalizer", path).from_bytes(sample, cp_isolation=list(CANDIDATES))
    if not matches:
        return None
    least = min(match.chaos for match in matches)
    likely = {name for match in matches if match.chaos <= least + AS_LIKELY for name in match.could_be_from_charset}
    return next((name for name in CANDIDATES if name in likely), None)
