"""Check digits: numbers that hold out, and none of their neighbours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.privacy import checks, letters, schemes
from processors.privacy.iban import LENGTHS, iban_end

# A number of each scheme, from the office's own examples or made up to hold out.
NUMBERS = {
    "dutch": "111222333",
    "portuguese": "123456789",
    "bulgarian": "7523169263",
    "austrian": "1237010180",
    "brazilian": "52998224725",
    "russian": "11223344595",
    "belgian": "93051822361",
    "german": "86095742719",
    "polish": "44051401359",
    "baltic": "38001085718",
    "norwegian": "01010750160",
    "turkish": "10000000146",
    "romanian": "1800101221144",
    "french": "255081416802538",
    "swiss": "7569217076985",
    "czech": "7103192745",
}


def as_digits(number: str) -> np.ndarray:
    return np.array([int(digit) for digit in number.ljust(20, "0")], np.int64)


def as_bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


@pytest.mark.parametrize("scheme", NUMBERS)
def test_a_national_number_holds_out_and_no_other_last_digit_does(scheme: str) -> None:
    check, number = getattr(schemes, scheme), NUMBERS[scheme]
    assert check(as_digits(number))
    others = [number[:-1] + digit for digit in "0123456789" if digit != number[-1]]
    assert not any(check(as_digits(other)) for other in others)


@pytest.mark.parametrize("scheme", ["belgian", "norwegian", "french", "turkish", "swiss", "russian"])
def test_any_wrong_digit_is_found_by_schemes_that_promise_it(scheme: str) -> None:
    check, number = getattr(schemes, scheme), NUMBERS[scheme]
    for place in range(len(number)):
        for digit in "0123456789":
            if digit != number[place]:
                assert not check(as_digits(number[:place] + digit + number[place + 1 :])), (place, digit)


@given(st.lists(st.integers(0, 9), min_size=11, max_size=18), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_fails_luhn_verhoeff_and_the_product_sum(head: list[int], place: int, more: int) -> None:
    for check in (lambda d, n: checks.luhn(d, 0, n), checks.verhoeff, checks.product_sum):
        fits = [last for last in range(10) if check(np.array([*head, last]), len(head) + 1)]
        assert len(fits) == 1
        number = [*head, fits[0]]
        at = place % len(number)
        number[at] = (number[at] + more) % 10
        assert not check(np.array(number), len(number))


def test_chinese_ids_end_in_ten_written_as_x() -> None:
    assert schemes.chinese(as_digits("11010519491231002"), 10)
    assert not schemes.chinese(as_digits("11010519491231002"), 9)
    assert not schemes.chinese(as_digits("11010519491331002"), 10)  # no such month


@pytest.mark.parametrize(
    "number",
    [
        "12345678Z", "X1234567L", "131052-308T", "AB 12 34 56 C", "RSSMRA85T10A562S", "HEGG560427MVZRRL04",
        "65170839J003", "A000500015", "A123456789", "S1234567D", "11010519491231002X",
    ],
)  # fmt: skip
def test_numbers_with_letters(number: str) -> None:
    room = np.zeros(20, np.int64)
    assert letters.token_end(as_bytes(number + " "), 0, len(number) + 1, room) == len(number)


@pytest.mark.parametrize(
    ("scheme", "number"),
    [
        ("nie", "X1234567L"), ("codice_fiscale", "RSSMRA85T10A562S"), ("curp", "HEGG560427MVZRRL04"),
        ("german_pension", "65170839J003"), ("german_health", "A000500015"), ("taiwanese", "A123456789"),
        ("singaporean", "S1234567D"), ("corsican", "251082A00419202"),
    ],
)  # fmt: skip
def test_another_last_sign_fails_numbers_with_letters(scheme: str, number: str) -> None:
    check = getattr(letters, scheme)
    signs = "0123456789" if number[-1].isdigit() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert [sign for sign in signs if check(as_bytes(number[:-1] + sign), 0)] == [number[-1]]


IBANS = ("DE89370400440532013000", "GB29NWBK60161331926819", "NO9386011117947", "MT84MALT011000012345MTLCAST001S")


@pytest.mark.parametrize("number", IBANS)
def test_ibans_hold_out_whole_and_in_groups(number: str) -> None:
    assert len(number) == LENGTHS[number[:2]]
    spaced = " ".join(number[n : n + 4] for n in range(0, len(number), 4))
    assert iban_end(as_bytes(number), 0, len(number)) == len(number)
    assert iban_end(as_bytes(spaced), 0, len(spaced)) == len(spaced)


@given(st.sampled_from(IBANS), st.integers(0, 33), st.integers(1, 9))
def test_one_wrong_digit_fails_an_iban(number: str, place: int, more: int) -> None:
    places = [n for n, sign in enumerate(number) if sign.isdigit()]
    at = places[place % len(places)]
    wrong = number[:at] + str((int(number[at]) + more) % 10) + number[at + 1 :]
    assert iban_end(as_bytes(wrong), 0, len(wrong)) == 0
