"""XML with a digital signature, read as it passes by: that it is whole and has one, not whether the signature is valid."""

from __future__ import annotations

from xml.parsers import expat

from services.intake.domain.structure import DamagedError

_SIGNATURE = "http://www.w3.org/2000/09/xmldsig# Signature"
_DEEPEST = 200
# A name, an attribute or a comment; longer ones would be held, and looked through again with each chunk.
_LONGEST_TOKEN = 256 * 1024


class SignedXml:
    """Feed it chunks; `whole` when the root element has ended, `signed` when a signature (XML-DSig) stood in it.

    Documents that declare types are refused: entities are how small files become large ones. Raises DamagedError.
    """

    def __init__(self) -> None:
        self.signed = self.whole = False
        self._depth = self._size = 0
        parser = self._parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._declares

    def feed(self, chunk: bytes) -> None:
        self._size += len(chunk)
        try:
            self._parser.Parse(chunk, False)
        except expat.ExpatError as error:
            raise DamagedError(f"XML, line {error.lineno}: {expat.ErrorString(error.code)}") from None
        except (LookupError, ValueError):
            # From Python's codecs, which expat asks about encodings that it does not know.
            raise DamagedError("XML: an encoding that is unknown, or not taken") from None
        if not self.whole and self._size - self._parser.CurrentByteIndex > _LONGEST_TOKEN:
            raise DamagedError("XML: a name, an attribute or a comment is too long")

    def _begin(self, name: str, _: dict[str, str]) -> None:
        self._depth += 1
        self.signed |= name == _SIGNATURE
        if self._depth > _DEEPEST:
            raise DamagedError("XML: elements within elements, too deep")

    def _end(self, _: str) -> None:
        self._depth -= 1
        self.whole = self._depth == 0

    def _declares(self, *_: object) -> None:
        raise DamagedError("XML: a document type is declared, which is not taken")
