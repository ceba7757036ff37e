"""A benchmark of several sections as a command: `python benchmarks/NAME.py [SECTION …]`."""

import argparse
import importlib
import sys
from pathlib import Path


def run_sections(told: str | None, prefix: str, sections: dict[str, str]) -> None:
    """Run the sections that the command line names, or all: ``main()`` of the module ``<prefix>_<section>``."""
    parser = argparse.ArgumentParser(description=told, formatter_class=argparse.RawDescriptionHelpFormatter)
    each = "; ".join(f"{name}: {what}" for name, what in sections.items())
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=each)
    wanted = parser.parse_args().sections or list(sections)
    for name in wanted:
        if name not in sections:
            parser.error(f"no section {name}; there are: {', '.join(sections)}")
    here = Path(__file__).parent
    sys.path[:0] = [str(here.parent), str(here)]
    for name in wanted:
        print(f"\n{name}: {sections[name]}", flush=True)
        importlib.import_module(f"{prefix}_{name}").main()
