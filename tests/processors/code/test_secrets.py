import random
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.code.secrets import MOST, secrets_in

# Put together here, so that no scanner takes this file for a leak.
WORDS = random.Random(7)


def letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(WORDS.choice(alphabet) for _ in range(count))


HEX = "0123456789abcdef"
TOKENS = {
    "aws_access_key": "AKIA" + letters(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "github_token": "ghp_" + letters(36),
    "gitlab_token": "glpat-" + letters(20),
    "slack_token": "xoxb-" + letters(12, string.digits) + "-" + letters(24),
    "stripe_key": "sk_live_" + letters(24),
    "google_api_key": "AIza" + letters(35),
    "npm_token": "npm_" + letters(36),
    "pypi_token": "pypi-AgEIcHlwaS5vcmc" + letters(60),
    "jwt": "eyJ" + letters(17) + ".eyJ" + letters(30) + "." + letters(43),
    "twilio_key": "SK" + letters(32, HEX),
    "sendgrid_key": "SG." + letters(22) + "." + letters(43),
    "openai_key": "sk-" + letters(20) + "T3BlbkFJ" + letters(20),
    "huggingface_token": "hf_" + letters(34, string.ascii_letters),
    "digitalocean_token": "dop_v1_" + letters(64, HEX),
}
FRAME = "-----{} RSA PRIVATE " + "KEY-----"
KEY = "\n".join([FRAME.format("BEGIN"), *(letters(64) for _ in range(12)), FRAME.format("END")])


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_is_found_where_it_stands(kind: str) -> None:
    text = f'é = 1\nkey = f("{TOKENS[kind]}")  # ü\n'
    assert [(text[start:end], name) for start, end, name in secrets_in(text)] == [(TOKENS[kind], kind)]


def test_a_private_key_is_found_whole_and_its_mere_frame_is_not() -> None:
    assert secrets_in(f"x\n{KEY}\ny") == [(2, 2 + len(KEY), "private_key")]
    assert secrets_in("PEM = '" + KEY.replace("\n", "\\n") + "'") != []
    assert secrets_in(f"if line == '{FRAME.format('BEGIN')}':\n    read_until('{FRAME.format('END')}')\n") == []


@pytest.mark.parametrize(
    "line",
    [
        'password = "tr4vel-Lamp-93x"',
        "'api_key': '" + letters(32, HEX) + "',",
        "SECRET_KEY='" + letters(40) + "'",
        'const authToken = `x`; client_secret: "' + letters(24) + '"',
        "AWS_SECRET_ACCESS_KEY=" + letters(38) + "42",
        "  export DB_PASSWORD=" + letters(20) + "123",
        "url = 'postgres://app:" + letters(12) + "@db.internal:5432/x'",
    ],
)
def test_a_value_given_to_a_telling_name_is_found(line: str) -> None:
    assert len(secrets_in(line)) == 1


@pytest.mark.parametrize(
    "line",
    [
        'password = "changeme123"',
        'password = "password123"',
        'password = "your-password-1"',
        'api_key = "XXXXXXXXXXXXXXXX1"',
        "api_key = '<your api key 1>'",
        'token = "${GITHUB_TOKEN_1}"',
        "token = os.environ['TOKEN_1234567']",
        'token_url = "https://a.b/oauth2/token"',
        'password_field = "user_password_2"',
        'upgrade_token="engine1_upgrades"',
        'secret_name = "prod/db/4711-main"',
        'token = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"',
        'token: "identifier_name"',
        "password: string;",
        "public static final String PASSWORD = getPassword();",
        "sha256 = '" + letters(64, HEX) + "'",
        "AKIAIOSFODNN7" + "EXAMPLE",
        "postgres://user:password@localhost/db",
        "postgres://${USER}:${PASSWORD}@localhost/db",
        "https://example.org:8080/path@v1",
        "git+ssh://git@github.com:owner/repo.git",
        "sk_live_" + "0" * 24,
    ],
)
def test_placeholders_names_and_hashes_are_none(line: str) -> None:
    assert secrets_in(line) == []


@given(st.lists(st.sampled_from([*TOKENS.values(), KEY, "é", "password = '", "'", "\n", "://a:b@c", "\udce9"])))
def test_spans_are_sorted_apart_and_inside_the_text(parts: list[str]) -> None:
    text = "".join(parts)
    place = 0
    for start, end, kind in secrets_in(text):
        assert place <= start < end <= len(text) and kind
        place = end


@given(st.text())
def test_any_text_is_searched(text: str) -> None:
    secrets_in(text)


@pytest.mark.parametrize("part", ["a", "eyJ", "ghp_", "password='", "://a:", "sk-T3BlbkFJ", "é", FRAME.format("BEGIN")])
def test_a_line_of_a_megabyte_costs_linear_time(part: str) -> None:
    text = part * (1_000_000 // len(part))
    start = time.process_time()
    secrets_in(text[: len(text) // 4])
    quarter = time.process_time() - start
    secrets_in(text)
    assert time.process_time() - start < 20 * quarter + 1.0


def test_a_flood_of_secrets_is_cut() -> None:
    assert len(secrets_in((TOKENS["npm_token"] + "\n") * (MOST + 5))) == MOST
