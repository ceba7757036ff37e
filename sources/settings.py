"""What decides how input files are read. Every field changes documents, so every one is part of their identity."""

from dataclasses import dataclass

from processors.extract import EXTRACTORS, HtmlLimits


@dataclass(frozen=True)
class ReadSettings:
    """One source's reading: its kind, the extractor for HTML, column names for tables, and counted limits.

    The limits are in bytes unless their name says otherwise; what exceeds one is quarantined with a reason that names
    it. Raises ValueError for an unknown extractor and for a limit below one.
    """

    kind: str
    """`web`: WARC, WET, HTML files; `books`: EPUB, plain text, zip of texts; `code`: tar, zip, files; `tabular`:
    Parquet, JSONL."""
    extractor: str = "main"
    """HTML to text: `main` leaves out navigation and the like, `whole` keeps all text."""
    licence: str | None = None
    """Licence of every document that states none of its own."""

    text_column: str = "text"
    id_column: str | None = None
    url_column: str | None = None
    title_column: str | None = None
    author_column: str | None = None
    date_column: str | None = None
    language_column: str | None = None
    licence_column: str | None = None

    max_document_bytes: int = 256 * 2**20
    """Text of one document, and the expanded bytes of a plain-text file."""
    max_record_bytes: int = 64 * 2**20
    """One WARC record, archive member or JSONL line, expanded."""
    max_head_bytes: int = 64 * 2**10
    """The head of a WARC record or of an HTTP response."""
    max_body_bytes: int = 64 * 2**20
    """An HTTP body after its encodings are undone."""
    max_expanded_bytes: int = 64 * 2**30
    """All that one compressed file expands to."""
    max_members: int = 1_000_000
    """Members of one archive."""
    max_html_bytes: int = 16 * 2**20
    """UTF-8 bytes of one page's HTML."""
    max_html_depth: int = 512
    """Elements within elements; the limit that Chromium's parser sets (`Settings::kMaximumHTMLParserDOMTreeDepth`)."""
    max_html_tags: int = 250_000
    """Tags of one page, closing ones counted."""

    def __post_init__(self) -> None:
        if self.extractor not in EXTRACTORS:
            raise ValueError(f"`extractor` is {self.extractor!r}, it must be one of {', '.join(EXTRACTORS)}")
        for name, value in vars(self).items():
            if name.startswith("max_") and value < 1:
                raise ValueError(f"`{name}` is {value}, it must be at least 1")

    @property
    def html_limits(self) -> HtmlLimits:
        """The three limits on a page, as `processors.extract` takes them."""
        return HtmlLimits(self.max_html_bytes, self.max_html_depth, self.max_html_tags)
