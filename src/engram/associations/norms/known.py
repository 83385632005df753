"""Tables of norms that Engram knows by name, and fetches."""

from __future__ import annotations

from dataclasses import dataclass

#: What norms are, where nothing is known of the table.
DESCRIBED = "associations of people to single words, not to this story"


@dataclass(frozen=True)
class Known:
    """A published table of norms.

    Attributes
    ----------
    file : str
        Its path in `engram.paths.NORMS_PINS`, which has its address and checksum.
    described : str
        What it is, in the words of tables, figures and the report.
    source : str
        What to cite, and the licence.
    """

    file: str
    described: str
    source: str


KNOWN_NORMS = {
    "kiss1973": Known(
        "Kiss-1973-EAT.tsv",
        "associations of people to single words, 1970s, not to this story",
        "Kiss, G. R., Armstrong, C., Milroy, R. & Piper, J. (1973). An associative thesaurus of "
        "English and its computer analysis. The Edinburgh Associative Thesaurus as mapped by "
        "NoRaRe (concepticon/norare-data). CC BY-NC 4.0.",
    )
}
