import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.code.language import HEAD, language_of


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("src/main.py", "", "Python"),
        ("a/b/Makefile", "all:\n", "Makefile"),
        ("CMakeLists.txt", "project(x)\n", "CMake"),
        ("notes.txt", "some words\n", "Text"),
        ("x.d.ts", "export const a: number;\n", "TypeScript"),
        ("qt_de.ts", '<?xml version="1.0"?>\n<!DOCTYPE TS>\n<TS version="2.1"></TS>\n', "XML"),
        ("point.h", "struct point { int x; };\n", "C"),
        ("point.h", "#include <vector>\nclass P { public: std::vector<int> x; };\n", "C++"),
        ("View.h", "#import <UIKit/UIKit.h>\n@interface View : UIView\n@end\n", "Objective-C"),
        ("f.m", "#import <Foundation/Foundation.h>\n@implementation F\n@end\n", "Objective-C"),
        ("f.m", "function y = f(x)\n% twice\ny = 2 * x;\nend\n", "MATLAB"),
        ("s.pl", "#!/usr/bin/perl\nuse strict;\nmy $x = 1;\n", "Perl"),
        ("s.pl", ":- module(s, [p/1]).\np(X) :- q(X), !.\n", "Prolog"),
        ("lib.rs", "use std::fmt;\nfn main() {}\n", "Rust"),
        ("run", "#!/usr/bin/env bash\necho hi\n", "Shell"),
        ("run", "#!/usr/bin/env python3\nprint(1)\n", "Python"),
        ("noname", "# -*- mode: ruby -*-\nputs 1\n", "Ruby"),
        ("n.ipynb", "{}", "Jupyter Notebook"),
        ("noname", "nothing to go by\n", None),
        ("x.unknownextension", "words\n", None),
        ("", "", None),
    ],
)
def test_linguists_name(path: str, text: str, language: str | None) -> None:
    assert language_of(path, text) == language


def test_a_modeline_at_the_end_of_a_long_file_counts() -> None:
    assert language_of("noname", "x = 1\n" * HEAD + "# vim: set ft=ruby :\n") == "Ruby"


def test_a_name_with_bytes_that_are_no_utf_8_is_read() -> None:
    assert language_of("caf\udce9\0.py", "\udce9") == "Python"


@given(st.text(), st.text())
def test_any_name_and_text_gives_a_name_or_none(path: str, text: str) -> None:
    assert language_of(path, text) != ""
