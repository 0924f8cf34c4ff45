"""Identify files that are neither a picture nor a video we read, regardless of their names.

Going by signatures alone: nothing of the file is interpreted. Most are listed in file(1)'s magic.
"""

from __future__ import annotations

import re

_HEAD_BYTES = 4096
# Each at the file's first byte, and of a kind that no format we read begins with.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript (EPS with a preview)"),
    (b"\x04%!PS", "PostScript"),
    (b"%PDF-", "a PDF document"),
    (b"8BPS", "a Photoshop document (PSD)"),
    (b"8BPB", "a Photoshop document (PSB)"),
    (b"gimp xcf", "a GIMP document (XCF)"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"II\xbc\x01", "a JPEG XR picture"),
    (b"BPG\xfb", "a BPG picture"),
    (b"FLIF", "a FLIF picture"),
    (b"AT&TFORM", "a DjVu document"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"#?RGBE", "a Radiance HDR picture"),
    (b"DDS ", "a DDS texture"),
    (b"SIMPLE  =", "a FITS file"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)"),
    (b"\x01\x00\x09\x00\x00\x03", "a Windows metafile (WMF)"),
    (b"P7 332", "an XV thumbnail"),
    (b"icns", "a set of macOS icons (ICNS)"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE file (FlashPix, MIC or an Office document)"),
    (b"PK\x03\x04", "a ZIP archive (or an Office document)"),
    (b"\x1f\x8b\x08", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x7fELF", "a program (ELF)"),
    (b"#!", "a script"),
    (b"\x00\x05\x16\x07", "macOS's notes about another file (AppleDouble)"),
    (b"\x00\x05\x16\x00", "macOS's notes about another file (AppleSingle)"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself (fetch it: git lfs pull)"),
)
_MARKUP = (
    (re.compile(rb"<svg[\s>]", re.IGNORECASE), "an SVG drawing"),
    (
        re.compile(rb"<!doctype\s+html|<html[\s>]", re.IGNORECASE),
        "an HTML page (perhaps an error page in place of the file)",
    ),
    (re.compile(rb"<x:xmpmeta[\s>]"), "an XMP side file"),
    (re.compile(rb"<\?xml\s"), "an XML document"),
)


def foreign_kind(path: str) -> str:
    """Return what a file is, if its first bytes say that it is nothing we read; else nothing."""
    with open(path, "rb") as file:
        head = file.read(_HEAD_BYTES)
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[128:132] == b"DICM":
        return "a DICOM picture"
    return _markup(head)


def unreadable_kind(path: str) -> str:
    """Return what a file that nothing could open seems to be, or nothing where that is not clear.

    Less certain than `foreign_kind`: a damaged file may look like one of these as well.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD_BYTES)
    if head and not any(head):
        return "nothing but zeros at its beginning (an unfinished copy?)"
    if head[:2] == b"MZ":
        return "a Windows program"
    if head and _is_text(head):
        return "text"
    return ""


def _markup(head: bytes) -> str:
    """Return what kind of markup it is; UTF-16 is read as well."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head[2:].replace(b"\x00", b"")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith(b"<"):
        return ""
    return next((name for pattern, name in _MARKUP if pattern.search(text)), "")


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # a character may be cut in two at the end
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n\f" for character in text)
