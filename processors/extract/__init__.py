"""HTML to text: pages go in as bytes or text, plain text and what the page says of itself come out."""

from processors.extract.limits import HtmlLimits, PageError
from processors.extract.page import EXTRACTORS, Page, check_extractor, extract_page, html_to_text, parse_content_type

__all__ = [
    "EXTRACTORS",
    "HtmlLimits",
    "Page",
    "PageError",
    "check_extractor",
    "extract_page",
    "html_to_text",
    "parse_content_type",
]
