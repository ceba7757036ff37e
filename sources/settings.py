"""What decides how input files are read. Every field changes documents, so every one is part of their identity."""

from dataclasses import dataclass, field
from typing import Literal

from processors.extract import EXTRACTORS, HtmlLimits, check_extractor

FileKind = Literal[
    "lock", "minified", "generated", "vendored", "licence", "documentation", "configuration", "data", "source"
]  # `processors.code.kind.KINDS`


@dataclass(frozen=True)
class ReadSettings:
    """One source's reading: its kind, the extractor for HTML, column names for tables, and counted limits.

    The limits are in bytes unless their name says otherwise; what exceeds one is quarantined with a reason that names
    it. Raises ValueError for an unknown extractor and for a limit below one.
    """

    kind: str
    """`web`: WARC, WET, HTML files; `books`: EPUB, plain text, zip of texts; `code`: tar, zip, git, Parquet, files;
    `tabular`: Parquet, Arrow, JSONL, CSV, TSV; `file.py:function`: a reader of one's own beside the recipe
    (`corpus.own`)."""
    reader: str = field(default="", metadata={"key": False})
    """Of such a kind, the text of the file."""
    extractor: str = "main"
    """HTML to text: `main` leaves out navigation and the like, `whole` keeps all that a browser shows, `trafilatura` is
    that package's choice; `none` takes text records only."""
    licence: str | None = None
    """Licence of every document that states none of its own."""
    block_hosts: str = ""
    """A list of hosts, relative to the recipe, whose documents are skipped (`sources.hosts`)."""
    block_hosts_sha256: str = field(default="", metadata={"key": False})
    """Of its content: what identifies it, for it may be moved."""
    check_digests: bool = True
    """Of WARC records: whether what the digests of a record contradict is quarantined."""
    unwrap: bool = True
    """Plain-text books: whether hard-wrapped lines are joined into paragraphs (`processors.prose`)."""

    text_column: str = "text"
    id_column: str | None = None
    url_column: str | None = None
    title_column: str | None = None
    author_column: str | None = None
    date_column: str | None = None
    language_column: str | None = None
    licence_column: str | None = None
    meta_columns: tuple[str, ...] = ()
    """Further columns, kept as JSON in `meta`. Every column may lead with dots through structs: `meta.url`."""
    table_format: Literal["auto", "parquet", "arrow", "jsonl", "csv", "tsv"] = "auto"
    """What first bytes do not tell; `auto`: what the name says, else JSONL."""
    csv_delimiter: str = ""
    """Between cells; default: a comma, in files named .tsv or .tab a tab."""
    csv_quote: str = '"'
    """Around cells, doubled within them; empty where quotes mean nothing."""
    csv_columns: tuple[str, ...] = ()
    """Names of the columns where the file has no header."""

    per: Literal["file", "repository"] = "file"
    """Source code: what is one document."""
    leave_out: tuple[FileKind, ...] = ("generated", "minified", "vendored", "lock", "data", "licence")
    """Kinds of files (`processors.code.kind`) that the document of a whole repository leaves out."""
    revision: str | None = None
    """Commit, tag or branch of git bundles and repositories; default: HEAD."""
    path_column: str = "path"
    """Source code in a table, a file a row: its path. The text is in `text_column`."""
    repository_column: str | None = None
    code_language_column: str | None = None
    """Default: the language is found by path and text."""

    max_document_bytes: int = 20 * 2**20
    """Text of one document, and the expanded bytes of a plain-text file."""
    max_book_bytes: int = 512 * 2**20
    """All pages of one EPUB, expanded."""
    max_record_bytes: int = 20 * 2**20
    """One WARC record, archive member or JSONL line, expanded."""
    max_file_bytes: int = 8 * 2**20
    """One file of source code, where that is less than `max_record_bytes`."""
    max_held_bytes: int = 32 * 2**20
    """Text of one source archive that is held until its licences are known; a larger archive is read twice."""
    max_repository_bytes: int = 8 * 2**20
    """Text of one document of several files; a larger repository gives several documents."""
    max_value_bytes: int = 64 * 2**10
    """One value of a table other than its text, and all of a row's `meta_columns` together."""
    max_page_bytes: int = 32 * 2**20
    """The largest pages of a Parquet file's named columns together, expanded: no value is larger than its page."""
    max_batch_bytes: int = 96 * 2**20
    """A compressed batch of an Arrow file, expanded, with the compressed dictionaries of all."""
    max_head_bytes: int = 64 * 2**10
    """The head of a WARC record or of an HTTP response."""
    max_body_bytes: int = 64 * 2**20
    """An HTTP body after its encodings are undone."""
    max_expanded_bytes: int = 64 * 2**30
    """All that one compressed file expands to."""
    max_members: int = 1_000_000
    """Members of one archive."""
    max_html_bytes: int = 12 * 2**20
    """UTF-8 bytes of one page's HTML, or of its text in a WET file."""
    max_html_depth: int = 512
    """Elements within elements; the limit that Chromium's parser sets (`Settings::kMaximumHTMLParserDOMTreeDepth`)."""
    max_html_tags: int = 250_000
    """Tags of one page, closing ones counted."""

    def __post_init__(self) -> None:
        if self.extractor not in EXTRACTORS:
            raise ValueError(f"`extractor` is {self.extractor!r}, it must be one of {', '.join(EXTRACTORS)}")
        check_extractor(self.extractor)
        for name, value in vars(self).items():
            if name.startswith("max_") and value < 1:
                raise ValueError(f"`{name}` is {value}, it must be at least 1")

        for name, value in (("csv_delimiter", self.csv_delimiter), ("csv_quote", self.csv_quote)):
            if len(value) > 1 or value in ("\n", "\r", "\0"):
                raise ValueError(f"`{name}` is {value!r}, it must be one character and no line end")
        if self.csv_quote and self.csv_quote == self.csv_delimiter:
            raise ValueError(f"`csv_quote` and `csv_delimiter` are both {self.csv_quote!r}, they must differ")

    @property
    def html_limits(self) -> HtmlLimits:
        """The three limits on a page, as `processors.extract` takes them."""
        return HtmlLimits(self.max_html_bytes, self.max_html_depth, self.max_html_tags)
