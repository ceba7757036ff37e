"""The names by which kinds of files are known: facts of Linguist's `vendor.yml` and `generated.rb` and of the tools.

Patterns ending in `_NAME` are for the whole last part of a path, those ending in `_PATH` for anywhere in it; sets hold
extensions, lower case, without the dot.
"""

import re

import re2


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


LOCK_NAME = re.compile(
    r"(?:package-lock|npm-shrinkwrap)\.json|(?:yarn|cargo|poetry|pdm|uv|pixi|composer|gemfile|pipfile|gopkg|glide|deno"
    r"|flake|bun|esy|mix|podfile|pubspec|berksfile|conan|stack\.yaml|module\.bazel|paket|chart|mise|buf|\w+\.esy)\.lock"
    r"|requirements\.lock|pnpm-lock\.yaml|go\.(?:work\.)?sum|bun\.lockb|package\.resolved|\.terraform\.lock\.hcl"
    r"|cartfile\.resolved|gradle\.lockfile|packages\.lock\.json|project\.assets\.json|conda-lock\.ya?ml|lake-manifest\.json"
    r"|(?-i:(?:Julia)?Manifest(?:-v[\d.]+)?\.toml)|elm-stuff/exact-dependencies\.json",
    re.I,
)
VENDORED_PATH = re2.compile(
    r"(?i)(?:^|/)(?:node_modules|bower_components|jspm_packages|godeps|vendors?|_vendor|vendored|site-packages|externals?|extern"
    r"|(?:3rd|third)[-_]?part(?:y|ies)|pods|carthage|\.yarn|\.mvn/wrapper|gradle/wrapper|web_modules|flow-typed"
    r"|ace-builds|mathjax|tiny_?mce|ckeditor|extjs|codemirror/\d[\d.]*)/"
    r"|(?:^|/)(?:jquery|bootstrap|prototype|mootools|angular|react|vue|d3|modernizr|underscore|lodash|backbone|ember|dojo"
    r"|html5shiv|moment|raphael|knockout|handlebars|require|socket\.io|three|leaflet|select2|ckeditor|yui|jquery[.-]ui)"
    r"[-.]v?\d+(?:\.\d+)+(?:[-.]\w+)*\.(?:js|css)$"
    r"|(?:^|/)(?:dotnet-install\.(?:ps1|sh)|cpplint\.py|erlang\.mk|ppport\.h|catch\.hpp|ez_setup\.py|versioneer\.py"
    r"|get-pip\.py)$",
)
BUILD_SCRIPT_NAME = re.compile(
    r"configure|config\.(?:guess|sub|status)|aclocal\.m4|lib?tool(?:\.m4)?|lt(?:options|sugar|version)\.m4|lt~obsolete\.m4"
    r"|ltmain\.sh|depcomp|install-sh|missing|mkinstalldirs|ylwrap|compile|test-driver|makefile\.in|gradlew(?:\.bat)?"
    r"|mvnw(?:\.cmd)?",
    re.I,
)
BUILD_SCRIPT_SAYS = re.compile(
    r"autoconf|automake|libtool|GNU [Cc]onfig|FSF changes to this file|scripts? to (?:guess|install)|Gradle|[Mm]aven"
)

BUILT_PATH = re2.compile(
    r"(?i)\.(?:egg|dist)-info/|(?:^|/)PKG-INFO$|(?:^|/)(?:htmlcov|__pycache__|__generated__)/|\.designer\.(?:cs|vb)$|\.feature\.cs$"
    r"|_pb2(?:_grpc)?\.pyi?$|\.pb(?:\.gw)?\.go$|\.g\.(?:cs|dart)$|\.zep\.(?:c|h|php)$|_tlb\.pas$"
    r"|\.(?:[cm]?[jt]sx?|css)\.map$|\.sqlx/query-[a-f0-9]{64}\.json$"
)

WEB = frozenset({"js", "mjs", "cjs", "css"})
DECLARATIONS_NAME = re.compile(r"\.d\.[cm]?ts$", re.I)
DEBIAN_NAME = re.compile(r"(?:debian-)?copyright", re.I)
DOCUMENTATION = _set(
    """
    md markdown mdown mkd rst txt text adoc asciidoc asc pod texi texinfo org textile rdoc mediawiki creole tex latex
    bib man 1 2 3 4 5 6 7 8 9 rd mdx wiki me ms typ
    """
)
CONFIGURATION = _set(
    """
    toml yml yaml ini cfg conf config properties env editorconfig gitignore gitattributes cnf desktop service reg plist
    gemspec nuspec csproj vbproj fsproj sln vcxproj pbxproj props targets iml xcscheme prefs rc hcl tfvars npmignore
    dockerignore eslintrc prettierrc babelrc cabal opam pc spec rockspec
    """
)
DATA = _set(
    """
    csv tsv svg po pot mo geojson topojson jsonl ndjson json json5 xml xsd dtd rss atom wsdl xpm xbm eps ps ppm pgm obj
    stl ply gltf dat data log out diff patch pem crt key csr srl pub asc der arff sav gml kml gpx wkt pdb fasta fa fastq
    vcf bed gff snap ics vcard rdf ttl nt n3 owl har sarif lst tab psv avsc map stdout stderr sum
    """
)
SETTINGS_NAME = re.compile(
    r"(?:package|composer|bower|tsconfig[\w.-]*|jsconfig|manifest|lerna|nx|turbo|vercel|now|renovate|deno|component|app"
    r"|angular|firebase|nodemon|[\w.-]*config|[\w.-]*settings|launch|tasks|extensions|cgmanifest|global|project|metadata"
    r"|vcpkg|library|typedoc|tslint|biome|jest|babel|devcontainer|info|language-configuration)\.jsonc?"
    r"|\.\w[\w.-]*|(?:pom|build|ivy|web|app|log4j2?|logback|checkstyle|phpunit|AndroidManifest|persistence|beans|plugin)\.xml"
    r"|[\w.-]*config\.xml",
    re.I,
)
PROSE_NAME = re.compile(
    r"(?:readme|changelog|changes|history|news|authors|contributors|maintainers|todo|install|hacking|thanks|credits"
    r"|contributing|code_of_conduct|security|notice|about|faq|upgrading|roadmap|bugs)(?:[-._]\w+)*",
    re.I,
)
TOOLS_NAME = re.compile(
    r"\.\w[\w.-]*|manifest\.in|procfile|codeowners|pipfile|requirements[\w.-]*\.(?:txt|in)|constraints[\w.-]*\.txt|go\.(?:mod|work)"
    r"|cname|brewfile|py\.typed|runtime\.txt|robots\.txt|cmakepresets\.json",
    re.I,
)


# Kinds of files of which Linguist looks at more than a comment in the head.
LINGUIST = _set(
    """
    map ps eps pfa meta rd html htm xhtml yy yyp mod dsp frm rbi nib xcworkspacedata xcuserstate g
    """
)
