"""The bytes of a source file, unpacked when they are gzip, and how many of them have been read."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from clm.errors import SourceError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_GZIP_MAGIC: Final = b"\x1f\x8b"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_BUFFER_BYTES: Final = 256 * 1024


class _Counted(io.RawIOBase):
    """A file that counts what was read of it and ends after `size` bytes, however much it grows meanwhile.

    The end matters: a shop may append while we read, and a row read half would be counted as done.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._size = size
        self.position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        count = self._file.readinto(view[: self._size - self.position])
        self.position += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class SourceFile:
    """A file on disk: its size, whether it is packed, and how far it has been read."""

    def __init__(self, path: Path, size: int | None = None) -> None:
        """Look at `path`; raises SourceError when it cannot be read. `size` hides all bytes after so many."""
        self.path = path
        self._open: _Counted | None = None
        with reading(path):
            if path.is_dir():
                raise SourceError(f"{path}: is a folder; name the file, or a pattern such as {path / '*.csv'}")
            on_disk = path.stat().st_size
            self.size = on_disk if size is None else min(size, on_disk)
            with path.open("rb") as file:
                start = file.read(2)
        self.packed = start == _GZIP_MAGIC
        if not start and path.suffix.lower() == ".gz":
            # Even nothing, packed, is 20 bytes: this is a transfer that failed, and must not read as "no rows".
            raise SourceError(f"{path}: is a damaged gzip file (it is empty); fetch it again")
        if start in _UTF16_MARKS:
            raise SourceError(f"{path}: is UTF-16 text; save it as UTF-8")

    def position(self) -> int:
        """How many of the file's bytes (packed, where it is packed) have been read."""
        return self._open.position if self._open is not None else 0

    @contextmanager
    def unpacked(self) -> Iterator[IO[bytes]]:
        """The content; a file that cannot be read or unpacked raises SourceError, at whatever byte."""
        with reading(self.path):
            self._open = _Counted(self.path, self.size)
            with io.BufferedReader(self._open, _BUFFER_BYTES) as buffered:
                if not self.packed:
                    yield buffered
                    return
                with gzip.GzipFile(fileobj=buffered) as unpacking:
                    yield cast("IO[bytes]", unpacking)

    @contextmanager
    def text(self, newline: str) -> Iterator[io.TextIOWrapper]:
        """The content as UTF-8 text with or without a byte-order mark.

        Bytes that are not UTF-8 become lone surrogates, so that they spoil their own value and not the whole file.
        """
        with (
            self.unpacked() as content,
            io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape", newline=newline) as text,
        ):
            yield text


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever goes wrong while reading `path` is a SourceError that names it."""
    try:
        yield
    except FileNotFoundError:
        raise SourceError(f"{path}: there is no such file") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceError(f"{path}: is a damaged gzip file ({error}); fetch it again") from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from None
