"""Payment cards: issuer range, length and Luhn's check digit (ISO/IEC 7812), written in one piece or in groups."""

from numba import njit

from processors.privacy.checks import luhn, value

_SHAPES = (0x4444, 0x465, 0x464, 0x44443, 0x4443, 0x43333)


@njit(nogil=True, cache=True)
def issued(digits, count):
    """Whether an issuer has cards that begin so and have that many digits."""
    one, two, three, four = digits[0], value(digits, 0, 2), value(digits, 0, 3), value(digits, 0, 4)
    if one == 4:  # Visa
        return count == 16 or count == 13 or count == 19
    if 51 <= two <= 55 or 2221 <= four <= 2720:  # Mastercard
        return count == 16
    if two == 34 or two == 37:  # American Express
        return count == 15
    if two == 35:  # JCB: 3528 to 3589; nobody else has the rest
        return 16 <= count <= 19
    if four == 2131 or four == 1800:  # JCB, before
        return count == 15
    if 300 <= three <= 305 or four == 3095 or two == 36 or two == 38 or two == 39:  # Diners Club
        return count == 14 or count == 16
    if four == 6011 or 644 <= three <= 649 or two == 65 or two == 62 or two == 60:  # Discover, UnionPay, RuPay
        return 16 <= count <= 19
    if two == 81 or two == 82 or three == 508 or 2200 <= four <= 2205:  # RuPay, Mir
        return count == 16
    if 56 <= two <= 58 or two == 50 or two == 63 or two == 67 or four == 6390:  # Maestro
        return count == 12 or 16 <= count <= 19
    return False


@njit(nogil=True, cache=True)
def is_card(digits, count, shape, separators):
    """Whether a window is a card number."""
    if count < 12 or count > 19 or not issued(digits, count) or not luhn(digits, 0, count):
        return False
    varied = False  # a number of one or two digits repeated is an example
    for n in range(2, count):
        varied = varied or digits[n] != digits[n % 2]
    if not varied:
        return False
    if separators == 0:
        return True
    groups = 0x111111 if separators & 0xF == 1 else 0x222222
    same = separators == groups & 0xFF or separators == groups & 0xFFF or separators == groups & 0xFFFF
    if not same:
        return False
    return shape in _SHAPES
